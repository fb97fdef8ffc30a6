"""The screen of `top`: what fits, what is counted instead, and that nothing of a program moves the cursor."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.cli.top import keys
from supervice.cli.top_screen import View, order, screen
from supervice.control.columns import Look, columns_of

MIB = 1024 * 1024
ASCII = Look(0, False, "...")


def process(
    name: str, state: str = "RUNNING", percent: float | None = 0.0, memory: int = MIB, **more: Any
) -> Any:
    used = {"cpu_seconds": 1.0, "cpu_percent": percent, "memory": memory, "processes": 1, "open_files": 3}
    return {"name": name, "state": state, "pid": 7, "uptime": 61, "restarts": 0, "resources": used, **more}


def drawn(rows: list[Any], view: View, width: int = 80, height: int = 24, **more: Any) -> list[str]:
    return screen({"processes": rows, **more}, view, width, height, ASCII)


def plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


def test_a_small_terminal_has_all_that_matters() -> None:
    rows = [process("web", percent=12.5), process("db", "FATAL", reason="exit code 1")]
    container = {"memory": 200 * MIB, "limit": 512 * MIB, "oom_kills": 0}
    lines = [plain(line) for line in drawn(rows, View(chosen="web"), container=container)]
    assert len(lines) == 24
    assert lines[0] == "supervice: 2 processes, 1 running, 1 needs attention; by cpu"
    assert lines[1] == "container: 200 MiB of 512 MiB"
    assert lines[2].split()[:4] == ["NAME", "STATE", "PID", "CPU%"]
    assert lines[3].startswith("web   RUNNING")
    assert lines[4].startswith("db    FATAL")
    assert "q quit" in lines[-1]


def test_hidden_columns_are_counted_in_the_last_one() -> None:
    wide = drawn([process("web", reason="a long reason")], View(), width=160)[1]
    assert "+" not in wide
    assert wide.rstrip().endswith("DETAIL")
    narrow = drawn([process("web", reason="a long reason")], View(), width=40)[1]
    assert len(narrow) == 40
    number = int(narrow.split("+")[1])
    assert number == 12 - len(narrow.split("+")[0].split())


def test_what_does_not_fit_below_is_counted_and_the_chosen_one_is_seen() -> None:
    rows = [process(f"p{number:02}") for number in range(50)]
    lines = [plain(line) for line in drawn(rows, View("name", "p00"), height=10)]
    assert lines[-2] == "+44 more processes"
    lines = [plain(line) for line in drawn(rows, View("name", "p40"), height=10)]
    assert any(line.startswith("p40") for line in lines)


@pytest.mark.parametrize(
    ("sort", "names"),
    [("cpu", ["b", "a", "c", "d"]), ("mem", ["c", "b", "a", "d"]), ("name", ["a", "b", "c", "d"])],
)
def test_the_order(sort: str, names: list[str]) -> None:
    rows = [
        process("a", percent=1.0, memory=1),
        process("b", percent=5.0, memory=2),
        process("c", percent=None, memory=3),
        {"name": "d", "state": "STOPPED", "resources": None},
    ]
    assert [row["name"] for row in order({"processes": rows}, sort)] == names


def test_messages_help_and_last_lines() -> None:
    lines = drawn([process("web")], View(message="stop web? (y/n)", above=("one", "\x1b[2Jtwo")))
    assert lines[-1] == "stop web? (y/n)"
    assert lines[1:3] == ["one", "\\x1b[2Jtwo"]


def test_without_programs_and_without_an_answer() -> None:
    assert "No programs" in drawn([], View())
    assert len(screen({}, View(), 80, 24, ASCII)) == 24


TEXTS = st.text(max_size=40)


@given(
    st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=30),
    TEXTS,
    st.integers(20, 200),
    st.integers(5, 60),
    st.booleans(),
)
def test_every_line_fits_and_only_we_write_sequences(
    rows: list[tuple[str, str, str]], message: str, width: int, height: int, color: bool
) -> None:
    processes = [process(name, state, reason=reason, status_text=name) for name, state, reason in rows]
    view = View(chosen=rows[0][0] if rows else "", message=message.replace("\x1b", ""))
    lines = screen({"processes": processes}, view, width, height, Look(0, color, "..."))
    assert len(lines) == height
    for line in lines[:-1]:
        bare = plain(line)
        assert "\x1b" not in bare
        assert columns_of(bare) <= width, (bare, width)


def test_keys() -> None:
    assert list(keys(b"q\x1b[A\x1bOBx")) == ["q", "\x1b[A", "\x1bOB", "x"]
