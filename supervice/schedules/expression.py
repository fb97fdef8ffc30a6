"""Parses one line of `schedule`: a cron expression, `@daily` and its kin, `@reboot`, or `every 90s`.

Pure. cronsim decides what a cron expression is; this module turns its answer into a compact record, because
cronsim's own iteration goes wrong around a set clock and a repeated hour (docs/adr/0021). `refusals` explains
what is refused, `advice` what is allowed but rarely intended.
"""

from __future__ import annotations

from datetime import datetime

from cronsim import CronSim, CronSimError

from supervice.schedules import refusals
from supervice.schedules.local_time import next_local
from supervice.schedules.records import LAST, Cron, Every, Reboot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

NAMES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
# Any time will do: cronsim only parses here.
_BEGIN: Final = datetime(2000, 1, 1)
# The longest `every`: 31 years, what a timer takes (`config.values.LONGEST`).
LONGEST: Final = 1_000_000_000
# All minutes, hours, days and months one by one take 350; cronsim fails at numbers of thousands of digits.
MOST_CHARACTERS: Final = 1000
# Lines that were parsed, and the most that are kept.
MOST_KNOWN: Final = 4096
_known: dict[str, Cron | Every | Reboot] = {}
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_lines(text: str) -> tuple[Cron | Every | Reboot, ...]:
    """Returns the schedules of an option, one per line; ValueError says what to write instead."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("is empty; write a schedule (30 3 * * *, @daily, every 5m)")
    return tuple(parse(line) for line in lines)


def parse(line: str) -> Cron | Every | Reboot:
    """Returns one schedule; ValueError says what to write. The reader, the rules and the driver share it."""
    known = _known.get(line)
    if known is None:
        known = _parse(line)
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[line] = known
    return known


def _parse(line: str) -> Cron | Every | Reboot:
    text = " ".join(line.split())
    word = text.lower()
    if word == "@reboot":
        return Reboot(text)
    if word.partition(" ")[0] == "every":
        return Every(text, _distance(word.partition(" ")[2]))
    if word.startswith("@") and word not in NAMES:
        raise ValueError(refusals.of_name(word, NAMES))
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"is longer than {MOST_CHARACTERS} characters; write several lines")
    fields = tuple(NAMES.get(word, text).upper().split())
    if len(fields) != 5:
        raise ValueError(refusals.of_count(text.split()))
    try:
        parsed = CronSim(" ".join(fields), _BEGIN)
    except CronSimError:
        raise ValueError(refusals.of_fields(fields)) from None
    unclear = refusals.of_a_range_of_one(fields)
    if unclear:
        raise ValueError(unclear)
    cron = _record(text, fields, parsed)
    if _may_never_come(cron) and next_local(cron, 0) is None:
        raise ValueError(refusals.NEVER)
    return cron


def _record(text: str, fields: tuple[str, ...], parsed: CronSim) -> Cron:
    weekdays, nth = 0, set()
    for item in parsed.weekdays:
        if isinstance(item, tuple):
            nth.add((item[0] % 7, LAST if item[1] == CronSim.LAST else item[1]))
        else:
            weekdays |= 1 << item % 7
    return Cron(
        text,
        fields,
        tuple(sorted(parsed.minutes)),
        tuple(sorted(parsed.hours)),
        sum(1 << day for day in parsed.days if day > 0),
        sum(1 << month for month in parsed.months),
        weekdays,
        tuple(sorted(nth)),
        CronSim.LAST in parsed.days,
        CronSim.LAST_WEEKDAY in parsed.days,
        parsed.day_and,
        not fields[0].startswith("*") and not fields[1].startswith("*"),
    )


def _may_never_come(cron: Cron) -> bool:
    """Returns whether it may never come; rarely: each of the first 28 days is any weekday in some year."""
    if not cron.both:
        return False
    return not cron.days & 0x1FFFFFFE or not cron.weekdays


def _distance(word: str) -> float:
    """Returns the seconds of `90s`, `5m`, `1h30m`."""
    total, rest = 0.0, word.strip()
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        number, rest = rest[:digits], rest[digits:]
        letters = len(rest) - len(rest.lstrip("abcdefghijklmnopqrstuvwxyz"))
        unit, rest = rest[:letters], rest[letters:]
        if len(number) > 12 or number.count(".") > 1 or not number.strip(".") or unit not in _UNITS:
            raise ValueError(refusals.of_distance(word))
        total += float(number) * _UNITS[unit]
    if not word.strip():
        raise ValueError(refusals.of_distance(word))
    if total < 1:
        raise ValueError("every: the least is 1s; write every 1s")
    if total > LONGEST:
        raise ValueError("every: the most is 10000d; write a shorter time")
    return total
