"""A schedule in plain English, at the edges of each phrase; times and distances for people."""

from __future__ import annotations

import pytest

from supervice.schedules.description import ahead, duration, listed, moment, say
from supervice.schedules.expression import parse

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # the time of day
        ("0 3,4,5,6,7,8 * * *", "every day at 03:00, 04:00, 05:00, 06:00, 07:00 and 08:00"),
        ("0 3,4,5,6,7,8,9 * * *", "every day at minute 0 in hours 3 to 9"),
        ("5,7 3,4,5 * * *", "every day at 03:05, 03:07, 04:05, 04:07, 05:05 and 05:07"),
        ("5,7 3,4,5,9 * * *", "every day at minutes 5 and 7 in hours 3 to 5 and 9"),
        ("0,30 * * * *", "every 30 minutes"),
        ("1,31 * * * *", "every 30 minutes, from minute 1 of the hour"),
        ("0,29 * * * *", "every hour at minutes 0 and 29"),
        ("0,20,41 * * * *", "every hour at minutes 0, 20 and 41"),
        ("1 * * * *", "every hour at minute 1"),
        ("0 0,12 * * *", "every day at 00:00 and 12:00"),
        ("0 0,8,16 * * *", "every 8 hours, first at 00:00"),
        ("7 9,17,1 * * *", "every 8 hours, first at 01:07"),
        ("0,30 0,8,16 * * *", "every day at 00:00, 00:30, 08:00, 08:30, 16:00 and 16:30"),
        ("*/30 */6 * * *", "every 30 minutes in hours 0, 6, 12 and 18"),
        ("*/30 0-4/2 * * *", "every day at 00:00, 00:30, 02:00, 02:30, 04:00 and 04:30"),
        ("1/30 0-6 * * *", "every day at minutes 1 and 31 in hours 0 to 6"),
        ("* 9-17 * * *", "every minute in hours 9 to 17"),
        ("* 9 * * *", "every minute in hour 9"),
        ("*/2 9 * * *", "every 2 minutes in hour 9"),
        ("0-58 9 * * *", "every day at minutes 0 to 58 in hour 9"),
        ("* 0-22 * * *", "every minute in hours 0 to 22"),
        ("0-58 * * * *", "every hour at minutes 0 to 58"),
        # lists of numbers
        ("1,2 * * * *", "every hour at minutes 1 and 2"),
        ("1,2,3 * * * *", "every hour at minutes 1 to 3"),
        ("1,2,3,5 * * * *", "every hour at minutes 1 to 3 and 5"),
        ("1,3,4,6,7,8 * * * *", "every hour at minutes 1, 3, 4 and 6 to 8"),
        ("1,4,7,10 * * * *", "every hour at minutes 1, 4, 7 and 10"),
        ("1,4,7,10,13 * * * *", "every hour at minutes 1, 4, 7 … 13"),
        ("1,4,7,10,14 * * * *", "every hour at minutes 1, 4, 7, 10 and 14"),
        ("1,2,3,4,5 * * * *", "every hour at minutes 1 to 5"),
        # the date
        ("0 0 1-30 * *", "at 00:00 on days 1 to 30 of the month"),
        ("0 0 1-31 * *", "every day at 00:00"),
        ("0 0 2-31 * *", "at 00:00 on days 2 to 31 of the month"),
        ("0 0 31 12 *", "at 00:00 on 31 December"),
        ("0 0 1,2 12 *", "at 00:00 on days 1 and 2 of the month in December"),
        ("0 0 1 1,12 *", "at 00:00 on day 1 of the month in January and December"),
        ("0 0 1,L 2 *", "at 00:00 on day 1 of the month and on the last day of the month in February"),
        ("0 0 1,LW 2 *",
         "at 00:00 on day 1 of the month and on the last weekday (Monday to Friday) of the month in February"),
        ("0 0 L,LW * *",
         "at 00:00 on the last day of the month and on the last weekday (Monday to Friday) of the month"),
        ("0 0 * 1-11 *", "at 00:00 in January to November"),
        ("0 0 * 1-12 *", "every day at 00:00"),
        ("0 0 * 2-12 *", "at 00:00 in February to December"),
        ("* * * 2 *", "every minute in February"),
        ("0 0 * * 0-6", "every day at 00:00"),
        ("0 0 * * 1-6", "at 00:00 on Monday to Saturday"),
        ("0 0 * * 0-5", "at 00:00 on Monday to Friday and Sunday"),
        ("0 0 * * 6,0", "at 00:00 on Saturday and Sunday"),
        ("0 0 * * 5-7", "at 00:00 on Friday to Sunday"),
        ("0 0 * * 1,3,5", "at 00:00 on Monday, Wednesday and Friday"),
        ("0 0 * * 0#5,3#2,6L",
         "at 00:00 on the fifth Sunday of the month, the second Wednesday of the month "
         "and the last Saturday of the month"),
        ("0 0 * * 1,2#3", "at 00:00 on Monday and the third Tuesday of the month"),
        ("0 0 * 5 2#4", "at 00:00 on the fourth Tuesday of the month in May"),
        ("0 0 13 6 5", "at 00:00 on day 13 of the month or on Friday in June"),
        ("0 0 1-31 * 5", "at 00:00 on every day or on Friday"),
        ("0 0 13 * 0-6", "at 00:00 on day 13 of the month or on every day"),
        ("0 0 */2 6 5", "at 00:00 on days 1, 3, 5 … 31 of the month, when it is Friday, in June"),
        ("*/5 9-17 1 * *", "every 5 minutes in hours 9 to 17 on day 1 of the month"),
        # the others
        ("@reboot", "once, when supervice starts"),
        ("every 1s", "every 1 s"),
        ("every 36h", "every 1 day 12 h"),
    ],
)  # fmt: skip
def test_a_schedule(text: str, words: str) -> None:
    assert say(parse(text)) == words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (0.25, "0.25 s"), (1, "1 s"), (59.5, "59.5 s"), (60, "1 min"), (60.4, "1 min"),
        (60.6, "1 min 1 s"), (119.6, "2 min"), (HOUR - 1, "59 min 59 s"), (HOUR, "1 h"), (HOUR + 1, "1 h 1 s"),
        (2 * HOUR, "2 h"), (DAY - 1, "23 h 59 min 59 s"), (DAY, "1 day"), (2 * DAY, "2 days"),
        (3 * DAY + 4 * HOUR + 5 * MINUTE + 6, "3 days 4 h 5 min 6 s"),
    ],
)  # fmt: skip
def test_a_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-90, "0 s"), (0, "0 s"), (1, "1 s"), (59, "59 s"), (60, "1 min"), (89, "1 min"), (91, "2 min"),
        (90 * MINUTE, "1 h 30 min"), (179 * MINUTE, "2 h 59 min"), (180 * MINUTE - 31, "2 h 59 min"),
        (180 * MINUTE - 29, "3 h"), (180 * MINUTE, "3 h"), (200 * MINUTE, "3 h"), (210 * MINUTE + 1, "4 h"),
        (47 * HOUR, "47 h"), (48 * HOUR, "2 days"), (59 * HOUR, "2 days"), (60 * HOUR + 1, "3 days"),
    ],
)  # fmt: skip
def test_how_long_until_then(seconds: float, text: str) -> None:
    assert ahead(seconds) == text


@pytest.mark.parametrize(
    ("days", "seconds", "text"),
    [
        (0, 0, "00:00"), (0, 1, "00:00:01"), (0, 9 * HOUR + 5 * MINUTE, "09:05"), (0, DAY - 1, "23:59:59"),
        (1, 60, "Thu 00:01"), (4, 0, "Sun 00:00"), (6, 61, "Tue 00:01:01"), (7, 0, "1972-10-04 00:00"),
        (-1, DAY - 60, "1972-09-26 23:59"), (-1, DAY - 1, "1972-09-26 23:59:59"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("clock", [0.0, 43200.5, DAY - 0.5])
def test_a_moment_as_it_is_seen_from_a_wednesday(days: int, seconds: int, text: str, clock: float) -> None:
    midnight = 1000 * DAY  # 1972-09-27
    assert moment(midnight + days * DAY + seconds + 0.75, midnight + clock) == text


@pytest.mark.parametrize(
    ("parts", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c", "d"], "a, b, c and d")]
)
def test_a_list(parts: list[str], text: str) -> None:
    assert listed(parts) == text
    assert listed(iter(parts)) == text
