"""What a line of `schedule` may be, what is refused with which advice, and how it is said in words."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from supervice.lean.dataclasses import replace
from supervice.schedules import expression, refusals
from supervice.schedules.advice import doubts
from supervice.schedules.description import ahead, duration, moment, say
from supervice.schedules.expression import parse, parse_lines
from supervice.schedules.local_time import YEARS
from supervice.schedules.records import Cron, Every, Reboot
from tests.fakes.schedule_cases import CASES, TIMEOUT, expressions

pytestmark = pytest.mark.timeout(TIMEOUT)


def refused(text: str) -> str:
    with pytest.raises(ValueError) as caught:
        parse(text)
    return str(caught.value)


# -- the sentences of SPEC 12 ----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["*/30 * * * * *", "0 */5 * * * *", "*/5 * * * * 0", "0 0 12 ? * MON"])
def test_six_fields_are_refused_with_every(text: str) -> None:
    why = refused(text)
    assert "six fields: elsewhere the sixth is seconds, in front or behind" in why
    assert why.endswith("every 5s" if text.startswith("*/5") else "every 30s")


def test_names_ranges_steps_lists_and_the_marks_of_debian_are_taken() -> None:
    cron = parse("0-10/5,30 8,20 1,L jan-mar Mon-Fri")
    assert isinstance(cron, Cron)
    assert (cron.minutes, cron.hours) == ((0, 5, 10, 30), (8, 20))
    assert (cron.days, cron.last_day, cron.last_workday) == (1 << 1, True, False)
    assert (cron.months, cron.weekdays) == (0b1110, 0b111110)
    assert (cron.both, cron.fixed) == (False, True)
    last = parse("*/5 3 LW * 5L,MON#2")
    assert isinstance(last, Cron)
    assert (last.last_workday, last.nth, last.both, last.fixed) == (True, ((1, 2), (5, -1)), False, False)


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"), ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 1 *"), ("@annually", "0 0 1 1 *"), ("@DAILY", "0 0 * * *"),
    ],
)  # fmt: skip
def test_names_for_whole_expressions(name: str, means: str) -> None:
    named, written = parse(name), parse(means)
    assert isinstance(named, Cron)
    assert isinstance(written, Cron)
    assert replace(named, text="") == replace(written, text="")
    assert named.text == name


def test_reboot_and_every() -> None:
    assert parse("@reboot") == Reboot("@reboot")
    assert parse("every  90s") == Every("every 90s", 90)
    every = [parse(f"every {word}") for word in ("5m", "1h30m", "1.5h", "2d", "1500ms")]
    assert [getattr(one, "seconds", None) for one in every] == [300, 5400, 5400, 172800, 1.5]


def test_several_lines_are_several_schedules() -> None:
    assert parse_lines("\n 0 3 * * *\n\n  every 5m \n@reboot\n") == (
        parse("0 3 * * *"), Every("every 5m", 300), Reboot("@reboot"),
    )  # fmt: skip
    with pytest.raises(ValueError, match="is empty"):
        parse_lines("\n")


@pytest.mark.parametrize(
    ("text", "list_"),
    [
        ("0 3 * * FRI-MON", "FRI,SAT,SUN,MON"), ("0 3 * * SAT-SUN", "SAT,SUN"), ("0 3 * * 5-1", "5-6,0-1"),
        ("0 22-6 * * *", "22-23,0-6"), ("0 22-4/2 * * *", "22,0,2,4"), ("50-10 * * * *", "50-59,0-10"),
        ("0 0 * NOV-FEB *", "NOV,DEC,JAN,FEB"), ("0 0 25-5 * *", "25-31,1-5"), ("0 1,22-2,5 * * *", "1,22-23,0-2,5"),
    ],
)  # fmt: skip
def test_a_range_that_wraps_is_an_error_with_the_list_to_write(text: str, list_: str) -> None:
    why = refused(text)
    assert why.endswith(f"goes over the end; write {list_}")
    fields = text.split()
    place = next(n for n, field in enumerate(fields) if "-" in field)
    parse(" ".join([*fields[:place], list_, *fields[place + 1 :]]))


@pytest.mark.parametrize(
    "text",
    [
        "0 0 30 2 *",
        "0 0 30-31 FEB *",
        "0 0 31 4,6,9,11 *",
        "0 0 */31 * MON#2",
        "0 0 LW * */7",
        "0 0 */31,30 2 */7#1",
    ],
)
def test_what_never_comes_is_refused(text: str) -> None:
    assert "never comes" in refused(text) or "#" in text.split()[4]


def test_what_comes_seldom_is_taken() -> None:
    for text in ("0 0 29 2 *", "0 0 29 2 */7", "0 0 * 2 MON#5", "0 0 30 2 MON", "0 0 L 2 *"):
        parse(text)


def test_every_minute_of_every_second_hour_is_doubted() -> None:
    (doubt,) = doubts(parse("* */2 * * *"))
    assert "every minute of the hours 0, 2, 4" in doubt
    assert "write 0 */2 * * *" in doubt
    assert "write 0 3 * * *" in doubts(parse("* 3 * * *"))[0]
    assert not doubts(parse("* 9-17 * * *"))


def test_a_step_beyond_its_field_is_doubted() -> None:
    (doubt,) = doubts(parse("*/90 * * * *"))
    assert doubt == "minute: the step of */90 is beyond its end: it is 0 alone; write 0"
    for text in (
        "*/60 * * * *",
        "0 */24 * * *",
        "0 0 */31 * *",
        "50/20 * * * *",
        "0 0 * * 1-5/9",
        "5-20/16 * * * *",
    ):
        assert "beyond its end" in doubts(parse(text))[0], text
    for text in ("*/59 * * * *", "0 */23 * * *", "5-20/15 * * * *", "0 0 5/1 * *"):
        assert not doubts(parse(text)), text
    assert "does nothing" in doubts(parse("0 0 L/2 * *"))[0]


def test_both_day_fields_are_doubted() -> None:
    (doubt,) = doubts(parse("0 3 13 * FRI"))
    assert "runs when either matches" in doubt
    assert not doubts(parse("0 3 */2 * FRI"))
    assert not doubts(parse("every 5m"))


# -- what else people write ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("@every 5m", "every 5m"),
        ("@fortnightly", "@weekly"),
        ("every 90", "write every 90s"),
        ("every 5 minutes", "every 5m"),
        ("every day", "every 90s"),
        ("every", "every 90s"),
        ("every 0s", "every 1s"),
        ("every 500ms", "every 1s"),
        ("every 1.2.3s", "every 90s"),
        ("every 5m 3", "every 90s"),
        ("every 99999d", "shorter"),
        ("60 * * * *", "minute: goes from 0 to 59"),
        ("0 24 * * *", "midnight is 0"),
        ("0 0 0 * *", "day of month: goes from 1 to 31"),
        ("0 0 * 13 *", "month: goes from 1 to 12"),
        ("0 0 * * MONDAY", "SUN, MON"),
        ("0 0 ? * MON", "write *"),
        ("H 3 * * *", "schedule_jitter"),
        ("0 0 15W * *", "LW"),
        ("0 0 * * FRIL", "5L"),
        ("0 0 * * MON#6", "MON#2"),
        ("*/0 * * * *", "write */5"),
        ("*/ * * * *", "write */5"),
        ("1, 2 * * *", "without blanks"),
        ("a * * * *", "write 0 to 59, or *"),
        ("1-2-3 * * * *", "write 0 to 59"),
        ("* * *", "3 fields; write five fields"),
        ("CRON_TZ=Europe/Berlin 0 3 * * *", "schedule_timezone = Europe/Berlin"),
        ("*/5 * * * * root /usr/bin/job --all", "write schedule = */5 * * * * and the rest as command"),
        ("0 0 5-5/10 * *", "write 5 or 5/10"),
        ("0 0 ² * *", "write 1 to 31"),
        ("0 0 * * ²L", "5L"),
        ("every ²", "every 90s"),
        ("*/² * * * * *", "every 30s"),
        ("0/³ * * * * *", "every 30s"),
        ("*/010000 * * * * *", "every 30s"),
    ],
)
def test_a_refusal_says_what_to_write(text: str, advice: str) -> None:
    assert advice in refused(text)


@settings(max_examples=CASES // 4, deadline=None)
@given(
    st.one_of(
        st.text("0123456789*/,-#LWMONFRISUNJAN @?H", max_size=30),
        st.lists(st.text("0123*/,-#LWMON", min_size=1, max_size=6), min_size=5, max_size=5).map(" ".join),
        expressions,
    )
)
@example("* * * * 0#1#2")
def test_what_is_taken_is_what_cronsim_takes(text: str) -> None:
    """Whatever is refused is refused with words of ours, and for one of the reasons that this file names."""
    from datetime import datetime

    words = text.split()
    if text.strip().startswith("@") or words[:1] == ["every"]:
        return
    try:
        CronSim(text, datetime(2000, 1, 1))
        theirs = len(words) == 5
    except CronSimError:
        theirs = False
    try:
        parse(text)
        why = ""
    except ValueError as error:
        why = str(error) or "refused without a word"
    if theirs:
        assert why in ("", refusals.NEVER) or "in two ways" in why
    else:
        assert why
        assert why != "refused without a word"


def test_the_limit_of_what_never_comes_is_above_the_longest_wait() -> None:
    """29 February on one weekday waits 40 years across 2100; cronsim gives up after 50 years too."""
    assert YEARS == 50
    parse("0 0 29 2 */7")


# -- in words --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("5/15 * * * *", "every 15 minutes, from minute 5 of the hour"),
        ("*/7 * * * *", "every hour at minutes 0, 7, 14 … 56"),
        ("*/90 * * * *", "every hour, on the hour"),
        ("@hourly", "every hour, on the hour"),
        ("45 * * * *", "every hour at minute 45"),
        ("0 */2 * * *", "every 2 hours, first at 00:00"),
        ("30 1/3 * * *", "every 3 hours, first at 01:30"),
        ("* */2 * * *", "every minute in hours 0, 2, 4 … 22"),
        ("*/10 9-17 * * MON-FRI", "every 10 minutes in hours 9 to 17 on Monday to Friday"),
        ("@daily", "every day at 00:00"),
        ("30 3,15 * * *", "every day at 03:30 and 15:30"),
        ("0-10 3 * * *", "every day at minutes 0 to 10 in hour 3"),
        ("30 3 * * MON-FRI", "at 03:30 on Monday to Friday"),
        ("30 3 * * 0,6", "at 03:30 on Saturday and Sunday"),
        ("@weekly", "at 00:00 on Sunday"),
        ("@monthly", "at 00:00 on day 1 of the month"),
        ("@yearly", "at 00:00 on 1 January"),
        ("0 0 29 2 *", "at 00:00 on 29 February"),
        ("5 4 1,15 JAN,JUN *", "at 04:05 on days 1 and 15 of the month in January and June"),
        ("0 0 L * *", "at 00:00 on the last day of the month"),
        ("0 0 LW * *", "at 00:00 on the last weekday (Monday to Friday) of the month"),
        ("0 0 * * MON#1,5L", "at 00:00 on the first Monday of the month and the last Friday of the month"),
        ("0 0 13 * FRI", "at 00:00 on day 13 of the month or on Friday"),
        ("0 0 1-7 * */7", "at 00:00 on days 1 to 7 of the month, when it is Sunday"),
        ("0 0 * 6-8 *", "at 00:00 in June to August"),
        ("@reboot", "once, when supervice starts"),
        ("every 90s", "every 1 min 30 s"),
        ("every 1.5s", "every 1.5 s"),
        ("every 26h", "every 1 day 2 h"),
    ],
)
def test_each_schedule_in_words(text: str, words: str) -> None:
    assert say(parse(text)) == words


def _means(cron: Cron) -> object:
    return (cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays, cron.nth, cron.last_day,
            cron.last_workday, cron.both or not (cron.days or cron.last_day or cron.last_workday))  # fmt: skip


@settings(max_examples=CASES // 4, deadline=None)
@given(expressions, expressions, st.lists(st.booleans(), min_size=5, max_size=5))
@example("* * LW * *", "* * * * 0-6", [False, False, True, False, False])
def test_different_times_have_different_words(one: str, other: str, choice: list[bool]) -> None:
    """The second takes some of its fields from the first, so that the pairs are close."""
    mixed = [a if keep else b for a, b, keep in zip(one.split(), other.split(), choice, strict=True)]
    try:
        first, second = parse(one), parse(" ".join(mixed))
    except ValueError:
        return
    assert isinstance(first, Cron)
    assert isinstance(second, Cron)
    if _means(first) != _means(second):
        assert say(first) != say(second)
    else:
        assert say(first) == say(second)


def test_times_for_people() -> None:
    assert [duration(s) for s in (0.5, 59, 60, 90, 3600, 86400, 90061)] == [
        "0.5 s", "59 s", "1 min", "1 min 30 s", "1 h", "1 day", "1 day 1 h 1 min 1 s",
    ]  # fmt: skip
    assert [ahead(s) for s in (-1, 0.4, 59, 61, 240, 3600, 9000, 40000, 86400 * 2, 86400 * 30)] == [
        "0 s", "0 s", "59 s", "1 min", "4 min", "1 h", "2 h 30 min", "11 h", "2 days", "30 days",
    ]  # fmt: skip
    now = 1000 * 86400 + 43200  # Wednesday 1972-09-27, 12:00
    assert moment(now + 8100, now) == "14:15"
    assert moment(now + 83, now) == "12:01:23"
    assert moment(now + 86400, now) == "Thu 12:00"
    assert moment(now + 86400 * 8, now) == "1972-10-05 12:00"
    assert moment(now - 86400, now) == "1972-09-26 12:00"


def test_cronsim_is_loaded_only_where_a_schedule_stands() -> None:
    script = "import sys, supervice.core, supervice.cli.main; print([m for m in sys.modules if 'cronsim' in m or 'schedules' in m])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_a_line_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader, the rules and the driver asked cronsim for each schedule three times."""
    monkeypatch.setattr(expression, "_known", {})
    monkeypatch.setattr(expression, "MOST_KNOWN", 2)
    first = parse("7 3 * * *")
    assert parse("7 3 * * *") is first
    for minute in range(8, 11):
        parse(f"{minute} 3 * * *")
        assert len(expression._known) <= 2
    assert parse("7 3 * * *") == first
    assert len(expression._known) <= 2
