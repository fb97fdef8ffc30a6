"""The interactive shell: lines, completion, exit codes (no terminal, no daemon)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from supervice.cli import ctl_commands, shell
from supervice.cli.shell import Completer, run_shell


def lines(*words: str | BaseException) -> Any:
    """Reads these, then the end of the input."""
    left: Iterator[str | BaseException] = iter(words)

    def read(_prompt: str) -> str:
        line = next(left, None)
        if line is None:
            raise EOFError
        if isinstance(line, BaseException):
            raise line
        return line

    return read


class Ran(list[list[str]]):
    """The lines that were run; each gives the next code."""

    codes = (0, 3, 1)

    def __call__(self, words: list[str]) -> int:
        self.append(words)
        return self.codes[(len(self) - 1) % 3]


def test_each_line_is_a_command_line() -> None:
    ran = Ran()
    code = run_shell("/s", ["status"], ran, lines("status 'a b'", "", "  # nothing", "health --ready"))
    assert ran == [["-s", "/s", "status", "a b"], ["-s", "/s", "health", "--ready"]]
    assert code == 3


@pytest.mark.parametrize("word", ["exit", "quit", "q"])
def test_the_way_out_keeps_the_last_code(word: str) -> None:
    ran = Ran()
    assert run_shell(None, [], ran, lines("a", "b", word, "c")) == 3
    assert ran == [["a"], ["b"]]


def test_mistakes_and_interrupts_do_not_end_it(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran()
    run_shell(None, [], ran, lines("status 'a", KeyboardInterrupt(), "shell", "status"))
    assert ran == [["status"]]
    said = capsys.readouterr().err
    assert "No closing quotation" in said
    assert "this is the shell already" in said


def test_a_verb_that_is_interrupted_does_not_end_it() -> None:
    def interrupted(_words: list[str]) -> int:
        raise KeyboardInterrupt

    assert run_shell(None, [], interrupted, lines("logs -f")) == 130


def test_help_is_the_help_of_the_verb() -> None:
    ran = Ran()
    run_shell(None, [], ran, lines("help", "help stop", "? stop"))
    assert ran == [["--help"], ["stop", "--help"], ["stop", "--help"]]


def test_help_of_the_shell_says_how_to_leave_it(capsys: pytest.CaptureFixture[str]) -> None:
    from supervice.cli.ctl_commands import shell_page

    ran = Ran()
    assert run_shell(None, [], ran, lines("help", "?"), shell_page) == 0
    assert ran == []
    said = capsys.readouterr().out
    assert "\nexit        Leaves the shell" in said
    assert "\nstop        Stops processes" in said
    assert "Usage:" not in said


def test_completion() -> None:
    asked = []

    def names() -> list[str]:
        asked.append(1)
        return ["all", "front:*", "front:web", "db"]

    complete = Completer(["start", "status", "stop", "graph"], names)
    assert complete.candidates("", "st") == ["start ", "status ", "stop "]
    assert complete.candidates("help ", "sto") == ["stop "]
    assert complete.candidates("graph ", "") == []
    assert asked == []
    assert complete.candidates("stop ", "front:") == ["front:* ", "front:web "]
    assert complete.candidates("stop db ", "a") == ["all "]


def test_names_come_from_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = [{"name": "web:0", "group": "web"}, {"name": "db", "group": ""}]
    monkeypatch.setattr(shell, "call", lambda *_: {"processes": processes})
    assert shell.process_names(None) == ["all", "db", "web:*", "web:0"]

    def absent(*_: Any) -> Any:
        raise OSError

    monkeypatch.setattr(shell, "call", absent)
    assert shell.process_names(None) == []


def test_every_verb_is_there_and_alone_it_is_no_shell_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[Any] = []

    def record(socket: str | None, verbs: Any, _run: Any, page: Any) -> int:
        opened.append((socket, sorted(verbs)))
        return 5

    monkeypatch.setattr(ctl_commands, "run_shell", record)
    assert ctl_commands.run(["-s", "/x", "shell"]) == 5
    ((socket, verbs),) = opened
    assert socket == "/x"
    assert {"status", "start", "graph", "boot", "shell", "wait", "why"} <= set(verbs)
    assert ctl_commands.run([]) == 2
    assert "Missing verb" in capsys.readouterr().err

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert ctl_commands.run(["-s", "/y"]) == 5
    assert opened[-1][0] == "/y"
