"""The next time of a schedule, beside cronsim and beside the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from supervice.schedules import refusals
from supervice.schedules.expression import parse
from supervice.schedules.local_time import next_local
from supervice.schedules.records import Cron
from supervice.schedules.timeline import MOST, Line, Timeline, Zone, spread
from tests.fakes.schedule_cases import (
    CASES,
    TIMEOUT,
    ZONES,
    changes,
    expected_runs,
    expressions,
    matches_day,
    night_expressions,
    values,
)

pytestmark = pytest.mark.timeout(TIMEOUT)

UTC_ZONE = Zone("UTC", None)


def zone(name: str) -> Zone:
    return Zone(name, ZoneInfo(name))


def cron(text: str) -> Cron:
    parsed = parse(text)
    assert isinstance(parsed, Cron)
    return parsed


def at(text: str, name: str = "UTC") -> int:
    """The instant of `2026-03-29 02:30`; `+1` behind it is the second of a repeated hour."""
    text, plus, _ = text.partition("+")
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(name), fold=bool(plus))
    return int(local.timestamp())


def runs(line: Any, after: float, until: float) -> list[float]:
    """Of a `Line`, which takes whole seconds, or a `Timeline`."""
    found = []
    while (run := line.next_after(after)) is not None and run <= until:
        assert run > after
        found.append(run)
        after = run
    return found


def shown(times: list[float], name: str) -> list[str]:
    return [f"{datetime.fromtimestamp(time, ZoneInfo(name)):%d %H:%M %z}" for time in times]


# -- the calendar ----------------------------------------------------------------------------------------


@settings(max_examples=CASES, deadline=None)
@given(expressions, st.datetimes(datetime(1970, 1, 1), datetime(2099, 1, 1)))
@example("0 0 29 2 *", datetime(2096, 3, 1))
@example("0 0 * 2 MON#5", datetime(2026, 1, 1))
def test_the_next_time_is_cronsims_without_a_time_zone(text: str, now: datetime) -> None:
    try:
        theirs = next(CronSim(text, now), None)
    except CronSimError:
        with pytest.raises(ValueError, match=refusals.NEVER):
            parse(text)
        return
    if theirs is None:
        with pytest.raises(ValueError, match=refusals.NEVER):
            parse(text)
        return
    ours = cron(text)
    seconds = int((now.replace(microsecond=0) - datetime(1970, 1, 1)).total_seconds())
    found = next_local(ours, seconds)
    assert found == int((theirs - datetime(1970, 1, 1)).total_seconds())
    fields = text.upper().split()
    assert matches_day(fields, theirs.date())
    assert theirs.hour in values(fields[1], 0, 23)
    assert theirs.minute in values(fields[0], 0, 59)


@settings(max_examples=CASES, deadline=None)
@given(night_expressions, st.sampled_from(ZONES), st.data())
def test_runs_around_a_clock_change_follow_debians_rule(text: str, name: str, data: st.DataObject) -> None:
    """Beside a second opinion that looks at every minute of three days."""
    middle = data.draw(st.sampled_from(changes(name) or (at("2026-03-29 02:30"),)))
    start = data.draw(
        st.one_of(st.integers(middle - 11 * 3600, middle + 3 * 3600), st.integers(middle - 2, middle + 2))
    )
    expected = [run for run in expected_runs(text, name, middle) if start < run][:100]
    until = expected[-1] if expected else middle + 11 * 3600
    shared = zone(name)
    for earlier in data.draw(st.lists(st.integers(middle - 9 * 3600, middle + 3600), max_size=3)):
        Line(cron("*/7 * * * *"), shared).next_after(earlier)  # what others have found out is kept
    assert runs(Line(cron(text), shared), start, until) == expected


@pytest.mark.parametrize("name", sorted(ZONES))
def test_every_minute_runs_every_minute_of_a_year(name: str) -> None:
    line = Line(cron("* * * * *"), zone(name))
    for change in changes(name)[:4]:
        assert runs(line, change - 7200, change + 7200) == list(range(change - 7140, change + 7201, 60))


def test_no_zone_changes_its_offset_twice_in_a_week() -> None:
    """`Span` looks at a zone in steps of a week; this is why that is enough."""
    closest: dict[str, int] = {}
    for name in sorted(available_timezones()):
        tz = ZoneInfo(name)
        day = datetime(2025, 1, 1, tzinfo=UTC)
        end = datetime(2033, 1, 1, tzinfo=UTC)
        before, last = tz.utcoffset(day.astimezone(tz).replace(tzinfo=None)), None
        while day < end:
            offset = day.astimezone(tz).utcoffset()
            if offset != before:
                if last is not None:
                    closest[name] = min(closest.get(name, 10000), (day - last).days)
                before, last = offset, day
            day += timedelta(days=3)
    assert closest
    assert min(closest.values()) > 14, min(closest.items(), key=lambda item: item[1])


def test_a_date_that_does_not_exist_runs_once_after_it() -> None:
    """Samoa had no 30 December 2011."""
    line = Line(cron("0,30 5-8 * * *"), zone("Pacific/Apia"))
    start = at("2011-12-29 08:30", "Pacific/Apia")
    assert shown(runs(line, start, start + 86400), "Pacific/Apia")[0:2] == [
        "31 00:00 +1400",
        "31 05:00 +1400",
    ]
    by_real_time = Line(cron("*/30 5-8 * * *"), zone("Pacific/Apia"))
    assert shown(runs(by_real_time, start, start + 86400), "Pacific/Apia")[0] == "31 05:00 +1400"


# -- daylight saving: the sentences of SPEC 12 -----------------------------------------------------------

BERLIN = "Europe/Berlin"


def berlin(text: str, after: str, until: str) -> list[str]:
    return shown(runs(Line(cron(text), zone(BERLIN)), at(after, BERLIN), at(until, BERLIN)), BERLIN)


@pytest.mark.parametrize("earlier", [61, 60, 1, 0])
def test_a_time_at_the_very_change_is_not_named_again(earlier: int) -> None:
    """Where the zone was looked at shortly before: a span whose end is not known yet."""
    change = at("2026-03-29 03:00", BERLIN)
    shared = zone(BERLIN)
    line = Line(cron("* * * * *"), shared)
    line.next_after(change - earlier)
    assert Line(cron("* * * * *"), shared).next_after(change) == change + 60


def test_a_fixed_time_runs_once_in_a_repeated_hour() -> None:
    assert berlin("30 2 * * *", "2026-10-24 12:00", "2026-10-26 12:00") == [
        "25 02:30 +0200",
        "26 02:30 +0100",
    ]


def test_a_fixed_time_that_the_clock_skips_runs_at_once_after_the_gap() -> None:
    assert berlin("30 2 * * *", "2026-03-28 12:00", "2026-03-30 12:00") == [
        "29 03:00 +0200",
        "30 02:30 +0200",
    ]


def test_all_that_falls_into_the_gap_and_what_is_due_after_it_is_one_run() -> None:
    assert berlin("0,20,40 2,3 * * *", "2026-03-29 01:00", "2026-03-29 03:30") == [
        "29 03:00 +0200",
        "29 03:20 +0200",
    ]


def test_a_schedule_by_real_time_keeps_its_interval_through_the_repeated_hour() -> None:
    assert berlin("*/30 * * * *", "2026-10-25 01:30", "2026-10-25 03:00") == [
        "25 02:00 +0200", "25 02:30 +0200", "25 02:00 +0100", "25 02:30 +0100", "25 03:00 +0100",
    ]  # fmt: skip
    assert berlin("0 * * * *", "2026-10-25 01:30", "2026-10-25 03:00") == [
        "25 02:00 +0200", "25 02:00 +0100", "25 03:00 +0100",
    ]  # fmt: skip
    assert berlin("30 */1 * * *", "2026-10-25 01:45", "2026-10-25 03:00") == [
        "25 02:30 +0200",
        "25 02:30 +0100",
    ]


def test_what_falls_into_the_gap_is_not_made_up_by_real_time() -> None:
    assert berlin("*/30 2 * * *", "2026-03-28 12:00", "2026-03-29 12:00") == []
    assert berlin("*/30 * * * *", "2026-03-29 01:15", "2026-03-29 03:30") == [
        "29 01:30 +0100", "29 03:00 +0200", "29 03:30 +0200",
    ]  # fmt: skip


def test_half_an_hour_of_daylight_saving() -> None:
    name = "Australia/Lord_Howe"
    line = Line(cron("45 1 * * *"), zone(name))
    start = at("2026-04-04 12:00", name)
    assert shown(runs(line, start, start + 2 * 86400), name) == ["05 01:45 +1100", "06 01:45 +1030"]
    start = at("2026-10-03 12:00", name)
    line = Line(cron("15 2 * * *"), zone(name))
    assert shown(runs(line, start, start + 2 * 86400), name) == ["04 02:30 +1100", "05 02:15 +1100"]


def test_a_gap_at_midnight() -> None:
    name = "Asia/Beirut"
    start = at("2026-03-28 12:00", name)
    assert shown(runs(Line(cron("@daily"), zone(name)), start, start + 2 * 86400), name) == [
        "29 01:00 +0300", "30 00:00 +0300",
    ]  # fmt: skip


def test_leap_days() -> None:
    line = Line(cron("0 12 29 2 *"), UTC_ZONE)
    assert shown(runs(line, at("2026-01-01"), at("2037-01-01")), "UTC") == ["29 12:00 +0000"] * 3
    assert Line(cron("0 0 29 2 *"), UTC_ZONE).next_after(at("2096-03-01")) == at("2104-02-29")


# -- what cronsim does there, so that we hear of it when it changes ---------------------------------------


def test_cronsim_names_a_time_in_the_past_inside_a_repeated_hour_and_we_do_not() -> None:
    second = datetime.fromtimestamp(at("2026-10-25 02:10+1", BERLIN), ZoneInfo(BERLIN))
    theirs = next(CronSim("30 2 * * *", second))
    assert theirs.timestamp() < second.timestamp()
    ours = Line(cron("30 2 * * *"), zone(BERLIN)).next_after(int(second.timestamp()))
    assert ours == at("2026-10-26 02:30", BERLIN)


def test_cronsim_takes_a_sixth_field_for_seconds_and_we_refuse_it() -> None:
    assert next(CronSim("*/30 * * * * *", datetime(2026, 1, 1))) == datetime(2026, 1, 1, 0, 0, 30)
    with pytest.raises(ValueError, match=r"six fields.*every 30s"):
        parse("*/30 * * * * *")


def test_cronsim_takes_a_step_beyond_the_field_for_hourly() -> None:
    assert [
        run.hour for _, run in zip(range(3), CronSim("*/90 * * * *", datetime(2026, 1, 1)), strict=False)
    ] == [1, 2, 3]
    assert cron("*/90 * * * *").minutes == (0,)


def test_cronsim_makes_up_nothing_in_the_gap_for_a_step_nor_do_we() -> None:
    """Of `*/30 2 * * *` nothing runs on the day when there is no hour 2."""
    now = datetime(2026, 3, 28, 12, tzinfo=ZoneInfo(BERLIN))
    assert next(CronSim("*/30 2 * * *", now)).day == 30
    assert berlin("*/30 2 * * *", "2026-03-28 12:00", "2026-03-30 02:00")[0] == "30 02:00 +0200"


# -- many lines, distances, jitter -----------------------------------------------------------------------


def timeline(*lines: str, name: str = "UTC", jitter: float = 0, seed: str = "") -> Timeline:
    return Timeline([parse(line) for line in lines], UTC_ZONE if name == "UTC" else zone(name), jitter, seed)


def test_several_lines_are_several_schedules_and_a_common_moment_is_one_time() -> None:
    line = timeline("0 */6 * * *", "0 12 * * *", "30 12 * * *")
    start = at("2026-01-01 07:00")
    assert [datetime.fromtimestamp(run, UTC).hour for run in runs(line, start, start + 12 * 3600)] == [
        12,
        12,
        18,
    ]
    assert line.between(start, start + 12 * 3600) == (3, at("2026-01-01 18:00"))


def test_jitter_keeps_distances_and_is_the_same_for_the_same_name() -> None:
    plain, moved = timeline("*/5 * * * *"), timeline("*/5 * * * *", jitter=120, seed="web\0host")
    start = at("2026-01-01")
    assert 0 < moved.offset < 120
    assert moved.offset == int(moved.offset)
    assert runs(moved, start + moved.offset, start + 3600) == [
        run + moved.offset for run in runs(plain, start, start + 3600 - moved.offset)
    ]
    assert timeline("@daily", jitter=120, seed="web\0host").offset == moved.offset
    assert len({spread(3600, f"job{n}\0host") for n in range(100)}) > 90
    assert len({int(spread(10, f"job\0host{n}")) for n in range(200)}) == 10


@given(
    st.lists(st.sampled_from([1.0, 1.5, 7.0, 90.0, 3600.0]), min_size=1, max_size=3),
    st.floats(0, 1e6),
    st.floats(0, 1e5),
    st.floats(0, 60),
)
def test_every_counts_from_one_anchor(
    distances: list[float], anchor: float, after: float, jitter: float
) -> None:
    line = timeline(*(f"every {distance}s" for distance in distances), jitter=jitter, seed="x")
    time = anchor + after
    seen = []
    for _ in range(20):
        following = line.next_distance(anchor, time)
        assert following is not None
        assert following > time
        steps = [(following - anchor - line.offset) / distance for distance in distances]
        assert any(abs(step - round(step)) < 1e-6 and round(step) >= 1 for step in steps)
        seen.append(following)
        time = following
    assert line.distances_between(anchor, anchor + after, time) == (20, time)
    assert seen[0] - (anchor + after) <= min(distances) + line.offset + 1e-6


def test_a_long_time_is_counted_up_to_a_thousand_and_its_last_time_is_found() -> None:
    line = timeline("*/7 3 * * *")
    assert line.between(at("2000-01-01"), at("2026-07-01 12:00")) == (MOST, at("2026-07-01 03:56"))
    line = timeline("every 1m")
    assert line.distances_between(0, 0, 1e9 + 30) == (MOST, (1e9 + 30) // 60 * 60)


@settings(max_examples=max(50, CASES // 20), deadline=None)
@given(night_expressions, st.sampled_from(ZONES), st.integers(0, 10 * 86400))
def test_counting_is_walking(text: str, name: str, length: int) -> None:
    assume(len(values(text.split()[0], 0, 59)) < 5)
    start = at("2026-10-20")
    line = timeline(text, name=name)
    walked = runs(line, start, start + length)
    if len(walked) < MOST:
        assert line.between(start, start + length) == (len(walked), walked[-1] if walked else start)


@pytest.mark.parametrize(
    ("text", "until", "last"),
    [
        ("* * * * SUN", "2024-05-09 10:06:40", "2024-05-05 23:59"),
        ("* * 1-15 * *", "2024-05-31 12:00", "2024-05-15 23:59"),
        ("* * * 1 *", "2024-12-31 23:59", "2024-01-31 23:59"),
    ],
)
def test_the_last_of_very_many_times_is_the_last(text: str, until: str, last: str) -> None:
    """Where more than a thousand stood together it was the thousandth of them: one more run was made up."""
    line = timeline(text)
    assert line.between(at("1990-01-01"), at(until)) == (MOST, at(last))
    assert line.between(at(last), at(until)) == (0, at(last))
