"""What the environment of `supervicectl exec` comes to, and who may ask for it."""

from __future__ import annotations

from supervice.cli.execution import environment
from supervice.control.access import may


def test_the_terminal_s_variables_are_the_caller_s_and_the_rest_is_the_program_s() -> None:
    own = {"TERM": "xterm", "LINES": "9", "MINE": "1", "PATH": "/caller"}
    lines = ["PATH=/program", "TERM=dumb", "COLUMNS=80", "X=\xc3\xa9", "EMPTY=", "E="]
    found = environment(lines, own, ["MINE", "GONE", "Y=a=b", "EMPTY=full"])
    assert found == {
        "PATH": "/program",
        "TERM": "xterm",
        "LINES": "9",
        "X": "\xe9",
        "EMPTY": "full",
        "E": "",
        "MINE": "1",
        "Y": "a=b",
    }
    assert list(found)[:2] == ["PATH", "TERM"]  # each stays where it was


def test_only_root_and_the_daemon_s_own_user_may() -> None:
    """It has every secret of the program in it."""
    assert may("all", "exec")
    assert not may("read", "exec")
