"""`--since` and `--until`: times as people write them."""

from __future__ import annotations

import time

import pytest

from supervice.cli.moments import moment

NOW = 1_767_225_600.0


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("5m", 300),
        ("1h30m", 5400),
        ("45s", 45),
        ("1.5h", 5400),
        ("2d", 172800),
        ("500ms", 0.5),
        (" 5m ", 300),
    ],
)
def test_how_long_ago(text: str, ago: float) -> None:
    assert moment(text, NOW) == NOW - ago


def test_a_moment_and_a_time_of_the_day() -> None:
    assert moment("2026-01-01T00:00:00Z", NOW + 5) == NOW
    assert moment("2026-01-01T01:00:00+01:00", NOW) == NOW
    today = time.localtime(NOW)
    assert moment("12:30", NOW) == time.mktime((*today[:3], 12, 30, 0, 0, 0, -1))


@pytest.mark.parametrize(
    "text", ["", "5", "x", "5 minutes", "25:00", "12:60", "2026-13-01", "9" * 400 + "mm", "\u0665m"]
)
def test_anything_else_says_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write how long ago"):
        moment(text, NOW)


def test_longer_ago_than_there_is_a_clock_for() -> None:
    assert moment("9" * 400 + "d", NOW) < NOW
