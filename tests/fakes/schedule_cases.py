"""Random schedules, and a second opinion on when they run: by the calendar, minute for minute.

Nothing here uses supervice: the fields are parsed again in the simplest way, days are asked of `calendar`,
local times of `zoneinfo`. `make cases` takes 100,000 of each instead of 500.
"""

from __future__ import annotations

import calendar
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

CASES = int(os.environ.get("SUPERVICE_TEST_SCHEDULE_CASES", "500"))
# Seconds for one test: the usual ones, and more at night.
TIMEOUT = max(120, CASES // 10)

WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]

# One of each kind: whole and half hours, at midnight, twice a year and for Ramadan, south, half an hour only,
# none at all, and a date that does not exist (Apia 2011).
ZONES = [
    "Europe/Berlin", "Europe/Lisbon", "America/New_York", "America/Havana", "America/St_Johns", "Asia/Beirut",
    "Africa/Casablanca", "Africa/Cairo", "America/Santiago", "Australia/Lord_Howe", "Australia/Adelaide",
    "Pacific/Apia", "Pacific/Chatham", "Asia/Tokyo", "Asia/Kathmandu", "America/Asuncion", "America/Nuuk",
]  # fmt: skip


def _term(least: int, most: int, names: list[str], extra: list[str]) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    word = number.map(lambda n: names[n - least] if names and n - least < len(names) else str(n))
    pair = st.tuples(number, number).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}")
    wide = (
        st.tuples(number, number)
        .filter(lambda ends: ends[0] < ends[1])
        .map(lambda ends: f"{ends[0]}-{ends[1]}")
    )
    step = st.integers(1, most + 5)
    choices = [
        word,
        pair,
        st.tuples(st.one_of(st.just("*"), wide, number.map(str)), step).map(lambda x: f"{x[0]}/{x[1]}"),
    ]
    if extra:
        choices.append(st.sampled_from(extra))
    return st.one_of(choices)


def _field(least: int, most: int, names: list[str] = [], extra: list[str] = []) -> st.SearchStrategy[str]:  # noqa: B006
    term = _term(least, most, names, extra)
    return st.one_of(st.just("*"), st.just("*"), term, st.lists(term, min_size=1, max_size=3).map(",".join))


expressions = st.tuples(
    _field(0, 59),
    _field(0, 23),
    st.one_of(st.just("*"), st.just("*"), _field(1, 31, extra=["L", "LW"])),
    st.one_of(st.just("*"), st.just("*"), _field(1, 12, MONTHS)),
    st.one_of(st.just("*"), st.just("*"), _field(0, 7, WEEKDAYS, ["5L", "0L", "MON#1", "FRI#5", "7#2"])),
).map(" ".join)
# Around the hours at which clocks change, and dense enough to have something there.
night_expressions = st.tuples(
    st.one_of(st.sampled_from(["*", "*/7", "*/15", "*/20", "0-59", "0,30", "30", "0", "59"]), _field(0, 59)),
    st.one_of(st.sampled_from(["*", "*/2", "0-4", "1-3", "2", "1,2,3", "23,0", "0", "1"]), _field(0, 23)),
    st.sampled_from(["*", "*", "*", "*/2", "24-31"]),
    st.just("*"),
    st.sampled_from(["*", "*", "SUN", "SAT,SUN", "MON-FRI"]),
).map(" ".join)


# -- the second opinion ----------------------------------------------------------------------------------


@cache
def values(text: str, least: int, most: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    """The plain numbers of a field."""

    def one(word: str) -> int:
        return least + names.index(word) if word in names else int(word)

    found: set[int] = set()
    for term in text.split(","):
        base, slash, step = term.partition("/")
        if ("L" in base and base not in names) or "#" in base:
            continue
        if base == "*":
            first, last = least, most
        elif "-" in base:
            first, last = map(one, base.split("-"))
        else:
            first = one(base)
            last = most if slash else first
        found.update(range(first, last + 1, int(step or 1)))
    return frozenset(found)


def matches_day(fields: list[str], day: date) -> bool:
    if day.month not in values(fields[3], 1, 12, tuple(MONTHS)):
        return False
    last = calendar.monthrange(day.year, day.month)[1]
    of_month = day.day in values(fields[2], 1, 31)
    workdays = [d for d in range(1, last + 1) if date(day.year, day.month, d).weekday() < 5]
    for term in fields[2].split(","):
        of_month |= term.partition("/")[0] == "L" and day.day == last
        of_month |= term.partition("/")[0] == "LW" and day.day == workdays[-1]
    numbers = {n % 7 for n in values(fields[4], 0, 7, tuple(WEEKDAYS))}
    of_week = day.isoweekday() % 7 in numbers
    for term in fields[4].split(","):
        if term.endswith("L") and term not in WEEKDAYS:
            of_week |= day.isoweekday() % 7 == int(term[:-1]) % 7 and day.day + 7 > last
        if "#" in term:
            name, nth = term.split("#")
            weekday = WEEKDAYS.index(name) if name in WEEKDAYS else int(name) % 7
            of_week |= day.isoweekday() % 7 == weekday and (day.day - 1) // 7 + 1 == int(nth)
    if fields[2].startswith("*") or fields[4].startswith("*"):
        return of_month and of_week
    return of_month or of_week


def local_minutes(expression: str, first: date, days: int) -> Iterator[datetime]:
    """The matching times of a calendar without time zones, in order."""
    fields = expression.split()
    hours, minutes = sorted(values(fields[1], 0, 23)), sorted(values(fields[0], 0, 59))
    for n in range(days):
        day = first + timedelta(days=n)
        if matches_day(fields, day):
            for hour in hours:
                for minute in minutes:
                    yield datetime(day.year, day.month, day.day, hour, minute)


@cache
def night(zone: str, middle: int) -> dict[datetime, list[int]]:
    """The minutes of a day around an instant: local time to instants."""
    tz = ZoneInfo(zone)
    table: dict[datetime, list[int]] = {}
    for instant in range(middle - middle % 60 - 43200, middle + 43200, 60):
        local = datetime.fromtimestamp(instant, UTC).astimezone(tz).replace(tzinfo=None, fold=0)
        table.setdefault(local, []).append(instant)
    return table


def expected_runs(expression: str, zone: str, middle: int) -> list[int]:
    """The runs of a day around an instant, by Debian's rule."""
    table = night(zone, middle)
    fields = expression.split()
    fixed = not fields[0].startswith("*") and not fields[1].startswith("*")
    begin, end = min(table), max(table)
    runs: set[int] = set()
    for local in local_minutes(expression, begin.date(), (end.date() - begin.date()).days + 1):
        if local in table:
            runs.update(table[local][:1] if fixed else table[local])
        elif fixed and begin < local < end:
            runs.add(table[min(later for later in table if later > local)][0])
    return sorted(runs)


@cache
def changes(zone: str, first_year: int = 2024, last_year: int = 2031) -> tuple[int, ...]:
    """The instants at which a zone's offset changes, to the half hour."""
    tz = ZoneInfo(zone)
    start = int(datetime(first_year, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(last_year, 1, 1, tzinfo=UTC).timestamp())

    def offset(instant: int) -> timedelta | None:
        return datetime.fromtimestamp(instant, tz).utcoffset()

    return tuple(
        instant
        for day in range(start, end, 86400)
        if offset(day) != offset(day + 86400)
        for instant in range(day + 1800, day + 86401, 1800)
        if offset(instant) != offset(instant - 1800)
    )
