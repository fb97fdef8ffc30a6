"""The edges of what a line of `schedule` may be: the longest, the least, the most, and Sunday's two numbers."""

from __future__ import annotations

import pytest

from supervice.schedules import refusals
from supervice.schedules.expression import MOST_CHARACTERS, parse
from supervice.schedules.records import Cron, Every


def cron(text: str) -> Cron:
    found = parse(text)
    assert isinstance(found, Cron)
    return found


def refused(text: str) -> str:
    with pytest.raises(ValueError) as caught:
        parse(text)
    return str(caught.value)


def test_the_longest_line() -> None:
    line = f"00{',0' * 495} 0 * * *"
    assert len(line) == MOST_CHARACTERS
    assert cron(line).minutes == (0,)
    assert refused(f"0{line}") == "is longer than 1000 characters; write several lines"


def test_sunday_is_0_and_7() -> None:
    assert cron("0 0 * * 0").weekdays == cron("0 0 * * 7").weekdays == cron("0 0 * * 0,7").weekdays == 1
    assert cron("0 0 * * 0#2").nth == cron("0 0 * * 7#2").nth == ((0, 2),)


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("0 0 * * *", True),
        ("0 0-5 * * *", True),
        ("0 * 1 * *", False),
        ("0 */2 1 * *", False),
        ("* 0 1 * *", False),
        ("0 0 1 * *", True),
    ],
)
def test_the_time_is_fixed_when_neither_minute_nor_hour_begins_with_a_star(text: str, fixed: bool) -> None:
    assert cron(text).fixed is fixed


@pytest.mark.parametrize(
    ("distance", "seconds"),
    [("1s", 1.0), ("000000000001s", 1.0), ("1000000000s", 1e9), ("10000d", 864e6), ("0.5s500ms", 1.0)],
)
def test_the_least_and_the_most(distance: str, seconds: float) -> None:
    assert parse(f"every {distance}") == Every(f"every {distance}", seconds)


def test_what_is_beyond_them() -> None:
    assert refused("every 0.999s") == "every: the least is 1s; write every 1s"
    assert refused("every 1000000001s") == "every: the most is 10000d; write a shorter time"


@pytest.mark.parametrize("distance", [".s", "..s", "1.2.3s", "0000000000001s", "s", "1", "1w", ""])
def test_what_is_no_distance(distance: str) -> None:
    assert refused(f"every {distance}") == refusals.of_distance(distance)
