"""Times at the edges: fractions of a second, both ends of a stretch, jitter, several distances."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zlib import crc32
from zoneinfo import ZoneInfo

import pytest

from supervice.schedules.expression import parse
from supervice.schedules.local_time import DAY, EPOCH, days_in_month, next_local
from supervice.schedules.records import Cron
from supervice.schedules.timeline import MOST, Line, Timeline, Zone, seed_of, spread

NOON = int(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp())
UTC_ZONE = Zone("UTC", None)


def timeline(*lines: str, jitter: float = 0, seed: str = "", zone: Zone = UTC_ZONE) -> Timeline:
    return Timeline([parse(line) for line in lines], zone, jitter, seed)


def cron(text: str) -> Cron:
    parsed = parse(text)
    assert isinstance(parsed, Cron)
    return parsed


class Moved(tzinfo):
    """UTC, and from an instant on so many seconds east of it: a gap of any length at any second."""

    def __init__(self, instant: int, seconds: int) -> None:
        self.instant = datetime.fromtimestamp(instant, UTC).replace(tzinfo=None)
        self.east = timedelta(seconds=seconds)

    def fromutc(self, when: datetime) -> datetime:
        return when + (self.east if when.replace(tzinfo=None) >= self.instant else timedelta())

    def utcoffset(self, when: datetime | None) -> timedelta:
        assert when is not None
        return self.east if when.replace(tzinfo=None) >= self.instant + self.east else timedelta()

    def dst(self, when: datetime | None) -> None:
        """Nothing asks for it."""

    def tzname(self, when: datetime | None) -> str:
        return "Moved"


# -- zones -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("east", "text"),
    [
        (0, "2026-06-01 12:00 UTC"),
        (3600, "2026-06-01 13:00 UTC+01:00"),
        (-12600, "2026-06-01 08:30 UTC-03:30"),
        (-43200, "2026-06-01 00:00 UTC-12:00"),
        (50400, "2026-06-02 02:00 UTC+14:00"),
    ],
)
def test_a_zone_east_and_west(east: int, text: str) -> None:
    zone = Zone("x", timezone(timedelta(seconds=east)) if east else None)
    assert zone.name == "x"
    assert zone.offset(NOON) == east
    assert zone.local(NOON + 0.5) == NOON + 0.5 + east
    assert zone.shown(NOON) == zone.shown(NOON + 0.99) == text


def test_seconds_are_shown_where_there_are_some() -> None:
    assert UTC_ZONE.shown(NOON + 1) == "2026-06-01 12:00:01 UTC"
    assert UTC_ZONE.shown(NOON - 0.25) == "2026-06-01 11:59:59 UTC"
    assert UTC_ZONE.shown(-0.5) == "1969-12-31 23:59:59 UTC"


def test_the_local_time_is_that_of_the_second() -> None:
    """Berlin's clock goes from 02:00 to 03:00 at 01:00 UTC, not half a second before it."""
    berlin = Zone("Europe/Berlin", ZoneInfo("Europe/Berlin"))
    change = datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()
    assert berlin.local(change - 0.5) == change - 0.5 + 3600
    assert berlin.local(change) == change + 7200
    assert Zone("x", Moved(0, 60)).local(-0.5) == -0.5, "before 1970"


def test_a_stretch_ends_at_the_second_of_the_change() -> None:
    berlin = Zone("Europe/Berlin", ZoneInfo("Europe/Berlin"))
    start = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    spring = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp())
    autumn = int(datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp())
    winter, summer, later = (span for span, _ in zip(_held(berlin, start), range(3), strict=False))
    assert (winter.start, winter.end, winter.offset) == (start, spring, 3600)
    assert (summer.start, summer.end, summer.offset) == (spring, autumn, 7200)
    assert (later.start, later.offset) == (autumn, 3600)
    assert next(berlin.spans(spring)) is summer
    assert next(berlin.spans(spring - 1)) is winter
    assert next(berlin.spans(start)) is winter
    assert next(berlin.spans(start - 1)).start == start - 1, "what is before is found anew"


def _held(zone: Zone, start: int):  # type: ignore[no-untyped-def]
    for span in zone.spans(start):
        span.holds(span.start + 250 * 86400)
        yield span


def test_a_span_holds_its_seconds() -> None:
    berlin = Zone("Europe/Berlin", ZoneInfo("Europe/Berlin"))
    spring = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp())
    for before in (1, 2, 3600, 7 * 86400, 7 * 86400 + 1, 60 * 86400):
        span = next(Zone("x", berlin._tz).spans(spring - before))
        assert span.holds(spring - before)
        assert span.holds(spring - 1)
        assert span.end is None
        assert not span.holds(spring)
        assert span.end == spring
        assert span.holds(spring - 1)
        assert not span.holds(spring + 300 * 86400), "the same offset in another stretch"


# -- lines -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "following"),
    [(-0.5, 0), (0, 60), (0.5, 60), (59, 60), (59.9, 60), (60, 120), (60.1, 120)],
)
def test_a_time_is_after_and_not_at(after: float, following: int) -> None:
    assert timeline("* * * * *").next_after(NOON + after) == NOON + following
    assert timeline("* * * * *", "0 0 1 1 *").next_after(NOON + after) == NOON + following
    assert timeline("0-59 0-23 * * *").next_after(NOON + after) == NOON + following


def test_times_around_1970() -> None:
    """A board without a clock begins there, and with jitter looks before it."""
    for after, following in ((-60.5, -60), (-60, 0), (-0.5, 0), (0, 60)):
        assert timeline("* * * * *").next_after(after) == following


def test_a_minute_of_which_the_clock_skips_the_first_second() -> None:
    """By real time it has no run; with a fixed time, one at the second after it."""
    zone = Zone("x", Moved(NOON, 1))
    assert Line(cron("* * * * *"), zone).next_after(NOON - 30) == NOON + 59
    assert Line(cron("0 12 * * *"), zone).next_after(NOON - 30) == NOON


@pytest.mark.parametrize("length", [100, 100_000, 1_000_000, 10_000_000])
def test_the_last_of_very_many_times_though_one_is_a_second_before_it(length: int) -> None:
    """A minute is skipped but for its last second, at which it runs; the next begins a second later."""
    line = timeline("0-59 0-23 * * *", zone=Zone("x", Moved(NOON, 59)))
    known = NOON - 60 * length
    assert line.between(known - 60 * MOST, NOON) == (MOST, NOON)
    assert line.between(known - 60 * MOST, NOON + 1) == (MOST, NOON + 1)


def test_a_line_that_is_asked_out_of_turn() -> None:
    line = timeline("30 12 * * *")
    for after, days in ((0, 0), (1800, 1), (1799, 0), (86400, 1), (0, 0), (90000, 2), (-86400, -1), (5, 0)):
        assert line.next_after(NOON + after) == NOON + 1800 + days * 86400


def test_of_what_does_not_come_nothing_comes() -> None:
    assert timeline("@reboot").next_after(NOON) is None
    assert timeline("every 5m").next_after(NOON) is None
    assert timeline("@hourly").next_distance(0, 0) is None
    assert timeline().between(5, 10) == (0, 5)
    assert timeline().distances_between(0, 5, 10) == (0, 5)


def test_what_a_timeline_is_made_of() -> None:
    for lines, clock, boot, distances in (
        (("@hourly",), True, False, []),
        (("@reboot", "every 90s", "every 5m"), False, True, [90.0, 300.0]),
        ((), False, False, []),
    ):
        line = timeline(*lines)
        assert (line.goes_by_the_clock, line.at_boot, line.distances) == (clock, boot, distances)
        assert (line.offset, line.zone) == (0.0, UTC_ZONE)


@pytest.mark.parametrize(
    ("after", "until", "found"),
    [
        (0, 3599, (0, 0)),
        (0, 3600, (1, 3600)),
        (3599, 3600, (1, 3600)),
        (3600, 3600, (0, 3600)),
        (0, 7300, (2, 7200)),
        (1, MOST * 3600 - 1, (MOST - 1, (MOST - 1) * 3600)),
        (1, MOST * 3600, (MOST, MOST * 3600)),
        (1, MOST * 3600 + 3599, (MOST, MOST * 3600)),
        (1, 5000 * 3600, (MOST, 5000 * 3600)),
        (1, 5000 * 3600 + 7, (MOST, 5000 * 3600)),
    ],
)
@pytest.mark.parametrize("jitter", [0, 3600])
def test_times_that_lie_between(after: int, until: int, found: tuple[int, int], jitter: int) -> None:
    line = timeline("@hourly", jitter=jitter, seed="web")
    start = NOON + line.offset
    count, last = found
    assert line.between(start + after, start + until) == (count, start + last)
    every = timeline("every 1h", jitter=jitter, seed="web")
    assert every.distances_between(7.0, 7.0 + every.offset + after, 7.0 + every.offset + until) == (
        count,
        7.0 + every.offset + last,
    )


def test_the_last_of_several_distances() -> None:
    line = timeline("every 7s", "every 10s")
    assert line.distances_between(100, 100, 100 + 70_005) == (MOST, 100 + 70_000)
    assert line.distances_between(100, 100, 100 + 70_008) == (MOST, 100 + 70_007)


# -- distances and jitter --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "following"),
    [(-1000, 90), (0, 90), (89.5, 90), (90, 180), (90.5, 180), (180, 270), (900000, 900090)],
)
def test_a_distance_counts_from_its_anchor(after: float, following: float) -> None:
    assert timeline("every 90s").next_distance(500, 500 + after) == 500 + following
    assert timeline("every 90s", "every 1d").next_distance(500, 500 + after) == 500 + following
    moved = timeline("every 90s", jitter=80, seed="x")
    assert moved.next_distance(500, 500 + moved.offset + after) == 500 + moved.offset + following


@pytest.mark.parametrize("jitter", [0, 0.5, 1, 59, 59.9, 60, 61, 3600])
@pytest.mark.parametrize("seed", ["", "web\0host", "\udcff"])
def test_the_offset_of_a_seed(jitter: float, seed: str) -> None:
    """Whole milliseconds below a minute, whole seconds from there on."""
    share = jitter * crc32(seed.encode("utf-8", "surrogateescape")) / 2**32
    offset = spread(jitter, seed)
    assert 0 <= offset <= share
    assert share - offset < (1 if jitter >= 60 else 0.001)
    assert offset == (int(offset) if jitter >= 60 else round(offset, 3))
    assert timeline("@daily", jitter=jitter, seed=seed).offset == offset


def test_a_seed_is_a_program_on_a_host() -> None:
    assert seed_of("web", "host") == "web\0host"
    assert seed_of("a", "bc") != seed_of("ab", "c")


# -- the calendar ----------------------------------------------------------------------------------------


def local(text: str) -> int:
    when = datetime.fromisoformat(text)
    return (when.toordinal() - EPOCH) * DAY + when.hour * 3600 + when.minute * 60 + when.second


@pytest.mark.parametrize(
    ("text", "after", "following"),
    [
        ("* * * * *", "2026-06-01 12:00", "2026-06-01 12:01"),
        ("* * * * *", "2026-06-01 12:00:59", "2026-06-01 12:01"),
        ("* * * * *", "2026-12-31 23:59", "2027-01-01 00:00"),
        ("30 12 * * *", "2026-06-01 12:29:59", "2026-06-01 12:30"),
        ("30 12 * * *", "2026-06-01 12:30", "2026-06-02 12:30"),
        ("5,30 12,14 * * *", "2026-06-01 12:30", "2026-06-01 14:05"),
        ("5,30 12,14 * * *", "2026-06-01 13:40", "2026-06-01 14:05"),
        ("5,30 12,14 * * *", "2026-06-01 14:30", "2026-06-02 12:05"),
        ("5,30 12,14 * * *", "2026-06-01 14:05", "2026-06-01 14:30"),
        ("7 9 31 * *", "2026-06-01 00:00", "2026-07-31 09:07"),
        ("7 9 1 1 *", "2026-01-01 09:07", "2027-01-01 09:07"),
        ("7 9 1 2 *", "2026-01-31 23:59", "2026-02-01 09:07"),
        ("7 9 L * *", "2028-02-01 00:00", "2028-02-29 09:07"),
        ("7 9 L 2 *", "2100-01-01 00:00", "2100-02-28 09:07"),
        ("7 9 L 2 *", "2000-01-01 00:00", "2000-02-29 09:07"),
        ("7 9 LW * *", "2026-05-01 00:00", "2026-05-29 09:07"),  # the 31st is a Sunday
        ("7 9 LW * *", "2026-01-01 00:00", "2026-01-30 09:07"),  # the 31st is a Saturday
        ("7 9 LW * *", "2026-06-01 00:00", "2026-06-30 09:07"),
        ("7 9 * * 1#1", "2026-06-01 09:07", "2026-07-06 09:07"),
        ("7 9 * * 1#2", "2026-06-01 09:07", "2026-06-08 09:07"),
        ("7 9 * * 0#1", "2026-06-01 09:07", "2026-06-07 09:07"),
        ("7 9 * * 1#5", "2026-06-01 00:00", "2026-06-29 09:07"),
        ("7 9 * * 1L", "2026-06-01 00:00", "2026-06-29 09:07"),
        ("7 9 * * 2L", "2026-06-01 00:00", "2026-06-30 09:07"),
        ("7 9 * * 3L", "2026-06-01 00:00", "2026-06-24 09:07"),
        ("7 9 13 * 5", "2026-06-01 00:00", "2026-06-05 09:07"),
        ("7 9 2 * 5", "2026-06-01 00:00", "2026-06-02 09:07"),
        ("7 9 */2 * 5", "2026-06-01 00:00", "2026-06-05 09:07"),
        ("7 9 */2 * 2", "2026-06-01 00:00", "2026-06-09 09:07"),
    ],
)
def test_the_next_local_time(text: str, after: str, following: str) -> None:
    assert next_local(cron(text), local(after)) == local(following)


def test_what_does_not_come_within_fifty_years_never_comes() -> None:
    impossible = Cron("", (), (0,), (0,), 1 << 30, 1 << 2, 0, (), False, False, True, True)
    assert next_local(impossible, local("2026-01-01 00:00")) is None
    assert Line(impossible, UTC_ZONE).next_after(NOON) is None
    once = Cron("", (), (0,), (0,), 1 << 29, 1 << 2, 1 << 0, (), False, False, True, True)  # on a Sunday
    assert next_local(once, local("2076-03-01 00:00")) == local("2088-02-29 00:00")


@pytest.mark.parametrize(
    ("year", "days"),
    [
        (2026, [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]),
        (2028, [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]),
        (2000, [31, 29, 31]),
        (2100, [31, 28, 31]),
        (2400, [31, 29, 31]),
    ],
)
def test_the_days_of_a_month(year: int, days: list[int]) -> None:
    from datetime import date

    assert [days_in_month(date(year, month, 1)) for month in range(1, len(days) + 1)] == days
