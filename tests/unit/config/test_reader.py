"""The reader against Python's RawConfigParser, which is what supervisord reads its files with."""

from __future__ import annotations

import configparser
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from supervice.config import load
from supervice.config.problems import ERROR, STRICT
from supervice.config.reader import Reading

SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(folder: Path, content: str | bytes) -> Reading:
    path = folder / "x.conf"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    reading = Reading({}, str(folder))
    reading.read("x.conf")
    return reading


def sections(reading: Reading) -> dict[str, dict[str, str]]:
    return {
        section.name: {key: value[0] for key, value in section.options.items()}
        for section in reading.sections.values()
    }


PIECES = [
    "[a]",
    "[b] x",
    "[c",
    "]",
    "k",
    "K2",
    "=",
    ":",
    " ",
    "  ",
    "\t",
    "\n",
    "\n",
    "\n",
    ";",
    "#",
    "v",
    "é",
    "\r\n",
]


@pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="configparser cuts `v;w ;x #y` at another place since 3.13"
)
@SAME_FOLDER
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@example("[a]\nk=1\n  more\n\n  even\n ; comment\n  last\nk2: v ;x\n")
@example("[a]\nk=v;w ;x #y\n")
@example("[a]\nk\n")
@example("k=1\n")
def test_files_are_read_as_supervisord_reads_them(tmp_path: Path, content: str) -> None:
    parser = configparser.RawConfigParser(
        strict=False, inline_comment_prefixes=(";", "#"), default_section="no such section"
    )
    reading = read(tmp_path, content)
    errors = [problem for problem in reading.problems if problem.severity == ERROR]
    try:
        # newline translation is the file object's work, as in supervisord
        parser.read_string(content.replace("\r\n", "\n"))
    except configparser.Error:
        assert errors
    else:
        assert errors == []
        assert sections(reading) == {name: dict(parser.items(name)) for name in parser.sections()}


def test_every_value_knows_its_line(tmp_path: Path) -> None:
    reading = read(tmp_path, "\n; c\n[a]\n\nx = 1\ny =\n  two\n  three\n[b]\nz=1\n")
    assert {
        (section.name, section.line, key, line)
        for section in reading.sections.values()
        for key, (_, _, line) in section.options.items()
    } == {("a", 3, "x", 5), ("a", 3, "y", 6), ("b", 9, "z", 10)}


@pytest.mark.parametrize(
    ("content", "line", "words", "severity"),
    [
        ("[a]\nx=1\n[a]\ny=2\n", 3, "[a] appears twice", STRICT),
        ("[a]\nx=1\nx=2\n", 3, "sets x twice", STRICT),
        ("[a] b\n", 1, "text after the section header", STRICT),
        ("[a]\nx\n", 2, "neither a section nor an option", ERROR),
        ("[a]\n= 1\n", 2, "without a name", ERROR),
        ("x=1\n", 1, "before the first section", ERROR),
        ("[a]\n[b\n", 2, "without its ]", ERROR),
        ("[a]\nx=1\0\n", 2, "NUL", ERROR),
        (b"[a]\nx=\xe9\n", 2, "not UTF-8", STRICT),
        (b"\xff\xfe[\0a\0]\0", 1, "UTF-16", STRICT),
        ('[a]\nx="one ;two"\n', 2, "cuts a quoted value", "warning"),
        ("[include]\n", 1, "has no option 'files'", ERROR),
        ("[include]\nfiles=%(ENV_NOPE)s\n", 2, "is not set", ERROR),
        ("[include]\nfiles=nope.conf\n", 2, "does not exist", ERROR),
        ("[supervisord]\n[include]\nfiles=nope.conf\n", 3, "does not exist", "warning"),
    ],
)
def test_syntax_problem(tmp_path: Path, content: str | bytes, line: int, words: str, severity: str) -> None:
    problems = read(tmp_path, content).problems
    assert [(p.line, p.severity) for p in problems if words in p.message] == [(line, severity)], problems


def test_bom_and_line_ends(tmp_path: Path) -> None:
    reading = read(tmp_path, b"\xef\xbb\xbf[a]\r\nx=1\r\n\ty\rz=2\n")
    assert sections(reading) == {"a": {"x": "1\ny", "z": "2"}}
    assert reading.problems == []


def test_an_apostrophe_before_a_comment_is_no_quote(tmp_path: Path) -> None:
    assert read(tmp_path, "[a]\nx = it's ; a comment\n").problems == []


# -- include ---------------------------------------------------------------------------------------------


def tree(folder: Path, files: dict[str, str]) -> Reading:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    reading = Reading({"DIR": "conf.d"}, str(folder))
    reading.read("main.conf")
    return reading


def test_include_is_relative_to_its_file_and_sorted(tmp_path: Path) -> None:
    reading = tree(
        tmp_path,
        {
            "main.conf": "[include]\nfiles = %(ENV_DIR)s/*.conf single.conf %(here)s/here.conf\n[first]\n",
            "conf.d/b.conf": "[b]\n",
            "conf.d/a.conf": "[a]\n[include]\nfiles = deep/*.conf\n",
            "conf.d/deep/x.conf": "[x]\n",
            "single.conf": "[single]\n",
            "here.conf": "[here]\n",
        },
    )
    assert reading.problems == []
    assert list(reading.sections) == ["first", "a", "x", "b", "single", "here"]
    assert reading.sections["x"].here == str(tmp_path / "conf.d" / "deep")


def test_overlapping_patterns_read_a_file_once(tmp_path: Path) -> None:
    reading = tree(tmp_path, {"main.conf": "[include]\nfiles = a.conf *.inc\n", "a.conf": "[a]\n"})
    (tmp_path / "b.inc").symlink_to("a.conf")
    reading = Reading({}, str(tmp_path))
    reading.read("main.conf")
    assert reading.problems == []
    assert len(reading.files) == 2


@pytest.mark.parametrize("pattern", ["main.conf", "*.conf", "sub/back.conf"])
def test_include_loop_is_an_error(tmp_path: Path, pattern: str) -> None:
    reading = tree(
        tmp_path,
        {
            "main.conf": f"[include]\nfiles = {pattern}\n",
            "sub/back.conf": "[include]\nfiles = ../main.conf\n",
        },
    )
    [problem] = reading.problems
    assert "loop" in problem.message
    assert problem.line == 2


def test_include_of_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    reading = tree(tmp_path, {"main.conf": "[include]\nfiles = folder pipe /dev/zero dangling\n"})
    words = [problem.message for problem in reading.problems]
    assert len(words) == 4
    for message, why in zip(
        words, ("directory", "not a regular file", "not a regular file", "No such file"), strict=True
    ):
        assert why in message
    assert {problem.line for problem in reading.problems} == {2}


def test_supervisord_goes_on_without_an_unreadable_include(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    reading = tree(tmp_path, {"main.conf": "[supervisord]\n[include]\nfiles = fol*\n"})
    assert [problem.severity for problem in reading.problems] == ["warning"]


def test_include_in_an_included_file_is_ignored_as_in_supervisord(tmp_path: Path) -> None:
    reading = tree(
        tmp_path,
        {
            "main.conf": "[supervisord]\n[include]\nfiles = a.inc\n",
            "a.inc": "[a]\n[include]\nfiles = b.inc\n",
            "b.inc": "[b]\n",
        },
    )
    assert list(reading.sections) == ["supervisord", "a"]
    assert "no effect" in reading.problems[0].message


def test_a_directory_or_pipe_as_configuration(tmp_path: Path) -> None:
    [problem] = load(str(tmp_path)).errors
    assert "directory" in str(problem)
    os.mkfifo(tmp_path / "pipe")
    [problem] = load(str(tmp_path / "pipe")).errors
    assert "not a regular file" in str(problem)


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.conf").write_text("[supervice]\n")

    def refuse(*_args: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # root, who runs the tests in containers, may read everything
    [problem] = load(str(tmp_path / "x.conf")).errors
    assert str(problem) == f"{tmp_path}/x.conf: cannot be read: Permission denied"
