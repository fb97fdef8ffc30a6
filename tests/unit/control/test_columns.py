"""Tables fit the width that they are given, whatever is in them."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from supervice.control import render
from supervice.control.columns import Look, columns_of, fold, table

words = st.text(st.sampled_from("abcde 日本é…"), max_size=60)


@given(
    rows=st.lists(st.tuples(words, words, words, words), max_size=6),
    width=st.integers(20, 200),
    ellipsis=st.sampled_from(["…", "..."]),
    color=st.booleans(),
)
def test_no_line_is_longer_than_the_width(
    rows: list[tuple[str, str, str, str]], width: int, ellipsis: str, color: bool
) -> None:
    header = ("NAME", "STATE", "PID", "DETAIL")
    text = table(header, rows, Look(width, color, ellipsis), right=("PID",), drop=("PID", "DETAIL"))
    for code in ("\x1b[0m", "\x1b[1m"):
        text = text.replace(code, "")
    lines = text.splitlines()
    assert len(lines) == len(rows) + 1
    assert max(map(columns_of, lines)) <= width


@given(
    rows=st.lists(st.tuples(words, words, words), max_size=6),
)
def test_without_a_width_nothing_is_cut(rows: list[tuple[str, str, str]]) -> None:
    text = table(("A", "B", "C"), rows, Look())
    for row in rows:
        for cell in row:
            assert cell.strip() in text


@given(text=words, width=st.integers(20, 100))
def test_a_folded_sentence_loses_nothing(text: str, width: int) -> None:
    lines = fold(text, Look(width)).splitlines()
    assert max(map(columns_of, lines), default=0) <= width
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_what_is_cut_ends_in_a_mark() -> None:
    assert Look(8).cut("0123456789") == "0123456…"
    assert Look(8, ellipsis="...").cut("0123456789") == "01234..."
    assert Look(8).cut("日本語日本語") == "日本語…"
    assert Look(8).cut("01234567") == "01234567"
    assert Look().cut("0123456789" * 100) == "0123456789" * 100


def test_status_gives_up_what_says_least_first() -> None:
    rows = [
        {"name": "web", "state": "RUNNING", "pid": 71, "uptime": 4, "restarts": 0},
        {
            "name": "db",
            "state": "FATAL",
            "restarts": 3,
            "exitcode": 1,
            "reason": "gave up after 4 failed starts",
        },
    ]

    def at(width: int) -> list[str]:
        return render.status_table({"processes": rows}, Look(width)).splitlines()

    assert at(90)[0].split() == ["NAME", "STATE", "PID", "UPTIME", "HEALTH", "RESTARTS", "EXIT", "DETAIL"]
    assert at(70)[0].split() == ["NAME", "STATE", "PID", "UPTIME", "RESTARTS", "EXIT", "DETAIL"]
    assert at(50)[0].split() == ["NAME", "STATE", "PID", "UPTIME", "DETAIL"]
    assert at(20) == ["NAME  STATE", "db    FATAL", "web   RUNNING"]
    assert at(12)[1] == "db    FATAL"


def test_a_table_without_the_last_column_fits_too() -> None:
    rows = [{"name": "a-name-that-is-long", "state": "RUNNING", "pid": 7, "uptime": 5, "healthy": True}]
    for width in range(10, 60):
        for line in render.status_table({"processes": rows}, Look(width)).splitlines():
            assert len(line) <= width


def test_wide_characters_and_marks_are_counted_as_unicode_has_them() -> None:
    """The interpreter of the bundle has no `unicodedata`: `status` on a terminal ended in a traceback there."""
    for text in ("…", "日本", "한국", "e\u0301", "ไม้", "naïve ✓ ─ →", "𠀀", "か\u3099"):
        expected = sum(
            0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
            for c in text
        )
        assert columns_of(text) == expected, text
