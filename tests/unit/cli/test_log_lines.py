"""What `logs` shows on a terminal: text and its colours, and no other command of a program (B8, SPEC 13)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.cli.log_lines import Colours, LogLines

RED, RESET = "\x1b[31m", "\x1b[0m"


def shown(*pieces: str) -> str:
    colours = Colours()
    return "".join(map(colours.pass_on, pieces))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("plain\ttext é ✓\n", "plain\ttext é ✓\n"),
        (f"{RED}red{RESET} not\n", f"{RED}red{RESET} not\n"),
        ("\x1b[1;38;5;208mfine\x1b[m\n", "\x1b[1;38;5;208mfine\x1b[m\n"),
        ("\x1b[2J\x1b[Hgone\n", "gone\n"),
        ("\x1b]0;a title\x07text\n", "text\n"),
        ("\x1b]52;c;cm0gLXJm\x1b\\text\n", "text\n"),
        ("\x1b]0;no end\ntext\n", "\ntext\n"),
        ("\x1bPq#0\x1b\\text", "text"),
        ("\x1bc\x1b(0text", "text"),
        ("\x1b[>4;1mtext\x1b[?25l", "text"),
        ("\x1b[31\ntext", "\ntext"),
        ("\x1b\x1b[31mred", "\x1b[31mred"),
        ("bell \x07 c1 \x9b2J \x7f", "bell \\x07 c1 \\x9b2J \\x7f"),
        ("dos\r\n", "dos\n"),
        ("root # safe\rhidden\n", "root # safe hidden\n"),
        ("\u202egnirts", "\\x202egnirts"),
    ],
)
def test_b8_colours_and_nothing_else_reach_a_terminal(text: str, left: str) -> None:
    assert shown(text) == left
    assert shown(*text) == left.replace(RED + "red", RED + "red") or "\r" in text


def test_b8_a_colour_ends_with_its_line() -> None:
    assert shown(f"{RED}one\ntwo{RESET}\nthree\n") == f"{RED}one{RESET}\n{RED}two{RESET}\nthree\n"


def test_b8_each_stream_has_its_own_sequence() -> None:
    lines = LogLines(prefix=False, terminal=True)
    said = lines.add({"name": "a", "stream": "stdout", "data": "\x1b["})
    said += lines.add({"name": "b", "stream": "stdout", "data": "2Jtext"})
    said += lines.add({"name": "a", "stream": "stdout", "data": "2Jmore"})
    assert said == "2Jtextmore"


def test_a_pipe_gets_the_text_as_it_is() -> None:
    text = "\x1b[2J\r\x07\x1b]0;x\x07\n"
    assert LogLines(prefix=False).add({"data": text}) == text


def test_an_unfinished_line_is_shown_and_no_other_comes_into_it() -> None:
    lines = LogLines(prefix=True)
    said = [
        lines.add({"name": name, "stream": stream, "data": data})
        for name, stream, data in [
            ("a", "stdout", "one\nEnter password: "),
            ("a", "stdout", "tha"),
            ("b", "stdout", "a line\nanother\n"),
            ("a", "stdout", "nks\n"),
            ("a", "stdout", ""),
            ("a", "stdout", "."),
            ("a", "stderr", "oops\n\n"),
            ("b", "stdout", "end"),
        ]
    ]
    assert said[:2] == ["a | one\na | Enter password: ", "tha"]
    assert "".join(said) + lines.end() == (
        "a | one\na | Enter password: tha\nb | a line\nb | another\na | nks\na | .\na ! oops\na ! \nb | end\n"
    )


@given(st.lists(st.text(alphabet="\x1b[]m0;31\x07\\PJ\n\rab\x9b", max_size=20), max_size=8))
def test_b8_no_bytes_bring_another_command_through(pieces: list[str]) -> None:
    said = shown(*pieces)
    rest = re.sub(r"\x1b\[[0-9;:]*m", "", said)
    assert all(c.isprintable() or c in "\t\n" for c in rest)


def test_names_stand_below_each_other_and_stderr_is_marked() -> None:
    lines = LogLines(prefix=True)
    lines.expect(["a", "worker"])
    assert lines.add({"name": "a", "stream": "stdout", "data": "one\ntw"}) == "a      | one\na      | tw"
    assert lines.add({"name": "worker", "stream": "stderr", "data": "bad\n"}) == "\nworker ! bad\n"


def test_names_and_errors_have_colours() -> None:
    lines = LogLines(prefix=True, color=True)
    assert lines.add({"name": "a", "stream": "stdout", "data": "x\n"}) == "\x1b[36ma |\x1b[0m x\n"
    assert lines.add({"name": "b", "stream": "stdout", "data": "x\n"}) == "\x1b[33mb |\x1b[0m x\n"
    alone = LogLines(prefix=False, color=True)
    assert alone.add({"name": "a", "stream": "stderr", "data": "x\n"}) == f"{RED}x\n{RESET}"


def test_each_line_has_its_time() -> None:
    lines = LogLines(prefix=False, times=True)
    said = lines.add({"name": "a", "stream": "stdout", "time": "T1", "data": "one\ntw"})
    said += lines.add({"name": "a", "stream": "stdout", "time": "T2", "data": "o\nthree\n"})
    said += lines.add({"name": "a", "stream": "stdout", "data": "of an older daemon"})
    assert said + lines.end() == "T1 one\nT1 two\nT2 three\n- of an older daemon\n"


def test_only_lines_that_are_wanted_and_always_those_about_loss() -> None:
    lines = LogLines(prefix=True, grep=re.compile("err").search)
    assert lines.add({"name": "a", "stream": "stdout", "data": "an error\nfine\ne"}) == "a | an error\n"
    assert lines.add({"name": "a", "stream": "stdout", "data": "rr"}) == ""
    lost = {"name": "b", "stream": "stdout", "lost_lines": 3, "data": "[3 lines lost]\nfine\n"}
    assert lines.add(lost) == "b | [3 lines lost]\n"
    assert lines.end() == "a | err\n"
    alone = LogLines(prefix=False, terminal=True, grep=re.compile("err").search)
    assert alone.add({"name": "a", "stream": "stdout", "data": "\x1b[2Jerror\nfine\n"}) == "error\n"
