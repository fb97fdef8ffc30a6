"""Describes a schedule in plain English, by its meaning and not by its spelling. Pure.

Two cron expressions with different times get different words (a test compares random pairs), so that a reader
of `check --explain` can compare what was meant with what was written.
"""

from __future__ import annotations

from itertools import pairwise

from supervice.schedules.local_time import EPOCH
from supervice.schedules.records import LAST, Cron, Every

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Final

    from supervice.schedules.records import Reboot

WEEKDAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_NTH: Final = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", LAST: "last"}
# More times of day than this are not listed one by one.
_MOST_TIMES: Final = 6
_MANY: Final = 5


def say(schedule: Cron | Every | Reboot) -> str:
    """Returns a phrase without a full stop: `at 03:30 on Monday to Friday`, `every 90 s`."""
    if isinstance(schedule, Every):
        return f"every {duration(schedule.seconds)}"
    if isinstance(schedule, Cron):
        time, date = _time(schedule), _date(schedule)
        if not date and time.startswith("at "):
            return f"every day {time}"
        return f"{time} {date}".strip()
    return "once, when supervice starts"


def duration(seconds: float) -> str:
    """Returns `90 s`, `5 min`, `1 h 30 min`, `2 days`; units of 0 are left out."""
    if seconds < 60:
        return f"{seconds:g} s"
    left = round(seconds)
    parts = []
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit if count > 1 or size < 86400 else 'day'}")
    return " ".join(parts)


def ahead(seconds: float) -> str:
    """Returns roughly how long until then: `12 s`, `4 min`, `3 h`, `2 days`; below 3 h in two units."""
    if seconds < 60:
        return f"{max(0, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 180:
        return duration(minutes * 60)
    hours = round(seconds / 3600)
    return f"{hours} h" if hours < 48 else f"{round(seconds / 86400)} days"


def moment(local: float, now: float) -> str:
    """Returns a local time as seen at `now`: `14:15`, `Tue 14:15`, `2027-02-28 14:15`."""
    from datetime import date

    day, rest = divmod(int(local), 86400)
    text = f"{rest // 3600:02}:{rest % 3600 // 60:02}" + (f":{rest % 60:02}" if rest % 60 else "")
    distance = day - int(now) // 86400
    then = date.fromordinal(EPOCH + day)
    if distance not in range(7):
        return f"{then.isoformat()} {text}"
    return f"{WEEKDAYS[then.isoweekday() % 7][:3]} {text}" if distance else text


# -- the time of day -------------------------------------------------------------------------------------


def _time(cron: Cron) -> str:
    minutes, hours = cron.minutes, cron.hours
    if len(hours) == 24:
        if len(minutes) == 60:
            return "every minute"
        if minutes == (0,):
            return "every hour, on the hour"
        step = _whole_step(minutes, 60)
        if step:
            first = f", from minute {minutes[0]} of the hour" if minutes[0] else ""
            return f"every {step} minutes{first}"
        return f"every hour at {_numbers('minute', minutes)}"
    step = _whole_step(hours, 24) if len(hours) > 2 else 0
    if step and len(minutes) == 1:
        return f"every {step} hours, first at {hours[0]:02}:{minutes[0]:02}"
    if len(minutes) * len(hours) <= _MOST_TIMES:
        return "at " + listed(f"{hour:02}:{minute:02}" for hour in hours for minute in minutes)
    which = "every minute" if len(minutes) == 60 else f"at {_numbers('minute', minutes)}"
    step = _whole_step(minutes, 60)
    if step > 1 and minutes[0] == 0:
        which = f"every {step} minutes"
    return f"{which} in {_numbers('hour', hours)}"


def _whole_step(values: Sequence[int], size: int) -> int:
    """Returns the step of values that divide a round evenly (0, 15, 30, 45 of 60); else 0."""
    if len(values) < 2 or size % len(values):
        return 0
    step = size // len(values)
    return step if all(b - a == step for a, b in pairwise(values)) else 0


def _numbers(name: str, values: Sequence[int]) -> str:
    """Returns `minute 5`, `minutes 5 and 20`, `minutes 10 to 20`, `hours 0, 7, 14 and 21`."""
    return f"{name}{'s' if len(values) > 1 else ''} {_ranges(values, str)}"


def _ranges(values: Sequence[int], shown: Callable[[int], str]) -> str:
    """Returns three and more in a row as `a to b`, five and more at equal steps as `a, b, c … z`."""
    if len(values) >= _MANY:
        step = values[1] - values[0]
        if step > 1 and all(b - a == step for a, b in pairwise(values)):
            return f"{', '.join(map(shown, values[:3]))} … {shown(values[-1])}"
    parts: list[str] = []
    start = 0
    for place, value in enumerate(values):
        if place + 1 < len(values) and values[place + 1] == value + 1:
            continue
        run = values[start : place + 1]
        parts += [f"{shown(run[0])} to {shown(run[-1])}"] if len(run) > 2 else map(shown, run)
        start = place + 1
    return listed(parts)


def listed(parts: Iterable[str]) -> str:
    """Returns `a`, `a and b`, `a, b and c`."""
    words = list(parts)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


# -- the date --------------------------------------------------------------------------------------------


def _date(cron: Cron) -> str:
    """Returns the days; "" for every day."""
    months = _bits(cron.months)
    in_months = "" if len(months) == 12 else f"in {_ranges(months, lambda month: MONTHS[month - 1])}"
    days, weekdays = _days(cron), _weekdays(cron)
    if not cron.both:
        # a field that matches each day makes the other one meaningless; both are shown
        on = f"{days or 'on every day'} or on {weekdays or 'every day'}"
    elif days and weekdays:
        on = f"{days}, when it is {weekdays},"
    elif (
        days and len(months) == 1 and cron.days.bit_count() == 1 and not (cron.last_day or cron.last_workday)
    ):
        return f"on {cron.days.bit_length() - 1} {MONTHS[months[0] - 1]}"
    else:
        on = days or (f"on {weekdays}" if weekdays else "")
    return f"{on} {in_months}".strip(" ,")


def _days(cron: Cron) -> str:
    days = _bits(cron.days)
    if len(days) == 31:
        return ""
    parts = []
    if days:
        parts.append(f"on day{'s' if len(days) > 1 else ''} {_ranges(days, str)} of the month")
    if cron.last_day:
        parts.append("on the last day of the month")
    if cron.last_workday:
        parts.append("on the last weekday (Monday to Friday) of the month")
    return listed(parts)


def _weekdays(cron: Cron) -> str:
    # Monday first, as people speak of weeks
    days = [day for day in (1, 2, 3, 4, 5, 6, 0) if cron.weekdays >> day & 1]
    if len(days) == 7:
        return ""
    parts = []
    if days:
        order = [(day - 1) % 7 for day in days]
        parts.append(_ranges(order, lambda place: WEEKDAYS[(place + 1) % 7]))
    parts += [f"the {_NTH[number]} {WEEKDAYS[day]} of the month" for day, number in cron.nth]
    return listed(parts)


def _bits(mask: int) -> list[int]:
    return [number for number in range(mask.bit_length()) if mask >> number & 1]
