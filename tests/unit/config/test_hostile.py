"""Any bytes are a configuration or a list of problems with lines: no traceback, no hang.

The time limit is the one of every test; the large inputs here take well under a second each.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from supervice.cli.check import check
from supervice.config import ConfigValidationError, Loaded, load, parse_config
from supervice.config.options import _SECTIONS, NAME

SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
BIG = 1024 * 1024


def read(folder: Path, content: bytes) -> Loaded:
    path = folder / "x.conf"
    path.write_bytes(content)
    loaded = load(str(path), environ={"A": "1"}, cwd=str(folder))
    for problem in loaded.problems:
        assert problem.file
        assert problem.severity in ("error", "warning")
        assert problem.message.isprintable(), problem.message
        assert len(problem.message) < 1000
        assert problem.line >= 0
        str(problem).encode()  # no half of a surrogate pair, which could not be printed
    for process in loaded.processes:
        assert process.numprocs == 1
        assert process.command or loaded.dialect == "supervisord"
    return loaded


@SAME_FOLDER
@given(st.binary(max_size=300))
@example(b"\xff\xfe\x00")
@example(b"[program:\xff]\ncommand=\xff\n")
@example(b"[supervisord]\n[program:\xff]\ncommand=\xff\nenvironment=A=\xff\n")
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    read(tmp_path, content)


HEADERS = [
    b"[supervice]",
    b"[supervisord]",
    *(f"[{kind}:a]".encode() for kind in _SECTIONS),
    b"[unix_http_server]",
]
OPTIONS = sorted({row[NAME].encode() for table in _SECTIONS.values() for row in table} - {b"files"})
VALUES = [
    b"",
    b"1",
    b"-1",
    b"99999999999999999999",
    b"true",
    b"a",
    b"a,b",
    b"A=1,B='2'",
    b'"',
    b"%",
    b"%(process_num)02d",
    b"%(ENV_A)s",
    b"%(nope)s",
    b"%(ENV_A:-",
    b"TERM:10 KILL",
    b"tcp",
    b"/dev/stdout",
    b"~",
    b"~no-user-here/x",
    b"\xff",
    b"\0",
    b"root",
    b"unix:///x",
    b"tcp://a:1",
    b"\n  more",
]
LINES = st.one_of(
    st.sampled_from(HEADERS),
    st.tuples(st.sampled_from(OPTIONS), st.sampled_from(VALUES)).map(lambda pair: pair[0] + b" = " + pair[1]),
)


@SAME_FOLDER
@given(st.lists(LINES, max_size=14).map(b"\n".join))
def test_any_options(tmp_path: Path, content: bytes) -> None:
    loaded = read(tmp_path, content)
    if loaded.errors:
        with pytest.raises(ConfigValidationError):
            parse_config(str(tmp_path / "x.conf"))


@pytest.mark.parametrize(
    "content",
    [
        b"\0" * BIG,
        b"\xff" * BIG,
        b"\n" * BIG,
        b"[" * BIG,
        b"x" * BIG,
        b"x\n" * (BIG // 2),
        b"=\n" * (BIG // 2),
        b"x=y\n" * (BIG // 4),
        b"[a]\n" * (BIG // 4),
        b"[a]\nx=" + b"%(" * (BIG // 2),
        b"[program:a]\ncommand=" + b"%(" * (BIG // 2),
        b"[program:a]\ncommand=" + b"%(a" * (BIG // 3),
        b"[program:a]\ncommand=" + b"%" * BIG,
        b"[program:a]\ncommand=" + b"'" * (BIG + 1),
        b"[program:a]\ncommand=" + b"a ;" * (BIG // 3),
        b"[program:a]\ncommand=" + b"a;" * (BIG // 2),
        b"[program:a]\ncommand=x\nenvironment=" + b"A=1," * (BIG // 4),
        b"[program:a]\ncommand=x\nenvironment=" + b'"' * BIG,
        b"[program:a]\ncommand=x\nstartsecs=" + b"9" * BIG,
        b"[program:a]\ncommand=x\nstopsignal=" + b"TERM " * (BIG // 5),
        b"[program:a]\ncommand=x\nuser=" + b"u" * BIG,
        b"[program:a]\ncommand=x\ndepends_on=" + b"a," * (BIG // 2),
        b"[supervisord]\n[program:a]\ncommand=x\nenvironment=" + b'A="1",' * (BIG // 6),
        b"[program:a]\ncommand=x\n" + b" y\n" * (BIG // 3),
        b"[include]\nfiles=" + b"[*" * 1000,
    ],
    ids=range(25),
)
def test_a_mebibyte_of_something(tmp_path: Path, content: bytes) -> None:
    read(tmp_path, content)


@pytest.mark.parametrize("header", [b"", b"[supervisord]\n"])
def test_ten_thousand_programs(tmp_path: Path, header: bytes) -> None:
    sections = b"".join(
        b"[program:p%d]\ncommand=/bin/run %d\nautorestart=true\n" % (i, i) for i in range(10_000)
    )
    loaded = read(tmp_path, header + sections)
    assert loaded.errors == []
    assert len(loaded.processes) == 10_000
    assert loaded.processes[-1].command == "/bin/run 9999"


def test_ten_thousand_unknown_sections_and_options(tmp_path: Path) -> None:
    sections = b"".join(b"[programm:p%d]\n[program:q%d]\ncommnd=x\n" % (i, i) for i in range(10_000))
    assert len(read(tmp_path, sections).errors) == 30_000


def test_a_hundred_thousand_processes_are_refused(tmp_path: Path) -> None:
    sections = b"".join(b"[program:p%d]\ncommand=x\nnumprocs=10000\n" % i for i in range(10))
    loaded = read(tmp_path, sections)
    assert len(loaded.processes) == 20_000
    assert len(loaded.errors) == 8


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    [problem] = read(tmp_path, b"#" * (17 * BIG)).errors
    assert "larger than 16 MB" in problem.message


@pytest.mark.parametrize(("length", "errors"), [(40, 0), (3000, 1)])
def test_a_chain_of_includes(tmp_path: Path, length: int, errors: int) -> None:
    for i in range(length):
        (tmp_path / f"{i}.inc").write_text(f"[include]\nfiles = {i + 1}.inc\n")
    (tmp_path / f"{length}.inc").write_text("[program:last]\ncommand = x\n")
    loaded = read(tmp_path, b"[include]\nfiles = 0.inc\n")
    assert len(loaded.errors) == errors
    assert len(loaded.processes) == 1 - errors


def hostile(folder: Path) -> dict[str, bytes]:
    """Files, by what is wrong with them; what they include is made beside them."""
    (folder / "directory").mkdir()
    os.mkfifo(folder / "fifo")
    (folder / "loop.inc").write_text("[include]\nfiles = loop.inc\n")
    (folder / "back.inc").write_text("[include]\nfiles = main.conf\n")
    (folder / "dangling").symlink_to(folder / "nowhere")
    (folder / "round").symlink_to(folder / "round")
    text = "[program:a]\ncommand = x\n"
    return {
        "a directory": b"[include]\nfiles = directory\n",
        "a FIFO": b"[include]\nfiles = fifo\n",
        "a device": b"[include]\nfiles = /dev/zero\n",
        "a loop": b"[include]\nfiles = loop.inc\n",
        "a way back": b"[include]\nfiles = back.inc\n",
        "a dangling link": b"[include]\nfiles = dangling\n",
        "a link to itself": b"[include]\nfiles = round\n",
        "itself": b"[include]\nfiles = main.conf\n",
        "too long a name": b"[include]\nfiles = " + b"x" * 5000 + b"\n",
        "a NUL in a name": b"[include]\nfiles = a\0b\n",
        "UTF-16": text.encode("utf-16"),
        "UTF-16 without a mark": text.encode("utf-16-le"),
        "UTF-32": text.encode("utf-32"),
        "Latin-1": "[program:caf\xe9]\ncommand = x\n".encode("latin-1"),
        "two marks": b"\xef\xbb\xbf" * 2 + text.encode(),
        "a NUL": b"[program:a]\ncommand = x\0y\n",
        "an escape sequence": b"[program:\x1b[31m]\ncommand = x\n",
        "nothing to see": b"\xe2\x80\xae[program:a]\n",
        "an archive": b"\x1f\x8b\x08\x00\x00\x00\x00\x00" * 40,
        "a program": b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 8,
    }


@pytest.mark.parametrize("stock", [False, True], ids=["ours", "stock"])
def test_check_answers_whatever_it_is_given(
    tmp_path: Path, stock: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "main.conf"
    for name, content in hostile(tmp_path).items():
        path.write_bytes(b"[supervisord]\n" * stock + content)
        code = check([str(path)], None)
        said = capsys.readouterr()
        assert code in (0, 2), name
        assert said.out.startswith(str(tmp_path)), name
        assert "Traceback" not in said.out + said.err, name
        assert code == 2 or stock or name == "two marks", name
        assert check(["--format", "json", str(path)], None) == code
        problems = json.loads(capsys.readouterr().out)["problems"]
        assert problems or name == "two marks", name
        assert all(problem["file"] and problem["message"] for problem in problems), name
        assert check(["--explain", str(path)], None) == code
        capsys.readouterr()


@pytest.mark.parametrize("dialect", ["supervice", "supervisord"])
@pytest.mark.parametrize("kind", ["program", "group"])
def test_b6_names_are_bounded(tmp_path: Path, dialect: str, kind: str) -> None:
    def named(name: str) -> list[str]:
        rest = "command = true\nautostart = false" if kind == "program" else "programs = a"
        other = "" if kind == "program" else "[program:a]\ncommand = true\n"
        text = f"[{dialect}]\n{other}[{kind}:{name}]\n{rest}\n"
        return [str(p) for p in read(tmp_path, text.encode()).problems if p.severity == "error"]

    assert named("x" * 128) == []
    [problem] = named("x" * 900_000)
    assert problem.endswith("a name of 900000 characters is too long; write at most 128")


@pytest.mark.parametrize("dialect", ["supervice", "supervisord"])
def test_b6_names_of_processes_are_bounded(tmp_path: Path, dialect: str) -> None:
    text = f"[{dialect}]\n[program:a]\ncommand = web\nnumprocs = 2\nprocess_name = {{}}%(process_num)d\n"
    [first, *_] = read(tmp_path, text.format("x" * 1000).encode()).problems
    assert first.line == 5
    assert "a name of 1001 characters is too long; write at most 128" in str(first)
    [first, *_] = read(tmp_path, text.format("a\x1b[2Jb").encode()).problems
    assert "a name cannot hold '\\x1b'" in str(first)


@pytest.mark.parametrize(("mode", "count"), [(0o644, 0), (0o664, 0), (0o666, 1)])
def test_a_file_that_everyone_may_change_is_a_warning(tmp_path: Path, mode: int, count: int) -> None:
    path = tmp_path / "x.conf"
    path.write_text("[supervice]\n[program:a]\ncommand = true\n")
    path.chmod(mode)
    problems = load(str(path)).problems
    assert [(p.severity, p.line) for p in problems] == [("warning", 0)] * count
    assert all("every user may change this file" in str(p) for p in problems)


@pytest.mark.parametrize(
    "options",
    [
        "listen = \x1b[2J:1",
        "listen = tcp:a:b:\x1b",
        "depends_on = \x1b[2J",
        "environment = \x1b='",
        "schedule = \x1b[2J 0 0 0 0",
        "schedule = @\x1b[2J",
        "memory_limit = \x1b[2J",
        "healthcheck_type = \x1b[2J",
        "watch_action = signal:\x1b[2J",
        "stopsignal = \x1b[2J",
        "user = \x1b[2J",
        "command = '\x1b[2J",
        "schedule = @daily\nschedule_timezone = \x1b[2J",
    ],
)
def test_no_message_takes_a_terminal_over(tmp_path: Path, options: str) -> None:
    """A message that quotes a part of a value had its escape sequences, as it was in `listen`."""
    loaded = read(tmp_path, f"[program:a]\ncommand = x\n{options}\n".encode())
    assert loaded.problems


@pytest.mark.parametrize(
    "text", ["web: \x1b[2J", "#! \x1b[2J\nx", "\x1b[2J = 1", "[include]\nfiles = \x1b2J"]
)
def test_no_message_about_a_file_takes_a_terminal_over(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text.encode()).problems


def test_a_long_value_makes_no_long_message(tmp_path: Path) -> None:
    for word in ("x" * 5000, f"tcp:a:{'b' * 5000}:1", "x" * 5000 + "=tcp:a:1 " + "x" * 5000 + "=tcp:a:2"):
        assert read(tmp_path, f"[program:a]\ncommand = x\nlisten = {word}\n".encode()).errors


def test_the_middle_of_a_long_message_is_left_out(tmp_path: Path) -> None:
    """What is wrong stands at its beginning, and what to write at its end."""
    [problem, *_] = read(
        tmp_path, f"[program:a]\ncommand = x\nschedule = {'y' * 980} a a a a a\n".encode()
    ).errors
    assert problem.message.startswith("[program:a] schedule = yyy")
    assert problem.message.endswith("and the rest as command")
