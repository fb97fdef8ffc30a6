"""Finds what is allowed in a cron expression but rarely intended. Pure text, for `check`."""

from __future__ import annotations

from supervice.schedules.fields import FIELDS
from supervice.schedules.records import Cron

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.schedules.records import Every, Reboot


def doubts(schedule: Cron | Every | Reboot) -> list[str]:
    """Returns one line for each, without the name of the option."""
    if not isinstance(schedule, Cron):
        return []
    found = _long_steps(schedule)
    minute, hour, day, month, weekday = schedule.fields
    if len(schedule.minutes) == 60 and (len(schedule.hours) == 1 or "/" in hour):
        once = "once" if len(schedule.hours) == 1 else "once in each"
        found.append(
            f"{minute} {hour} is every minute of {_hours(schedule)}, "
            f"write 0 {hour} {day} {month} {weekday} to run {once}"
        )
    if not schedule.both:
        found.append(
            "day of month and day of week are both given: it runs when either matches; "
            f"write * for one of them ({minute} {hour} {day} {month} *), or two lines"
        )
    return found


def _hours(cron: Cron) -> str:
    if len(cron.hours) == 1:
        return f"hour {cron.hours[0]}"
    return f"the hours {', '.join(map(str, cron.hours[:3]))} …"


def _long_steps(cron: Cron) -> list[str]:
    found = []
    for field, text in zip(FIELDS, cron.fields, strict=True):
        for term in text.split(","):
            base, slash, step = term.partition("/")
            if not slash:
                continue
            if base in ("L", "LW"):
                found.append(f"{field.name}: the step in {term} does nothing; write {base}")
                continue
            first, dash, last = ("", "", "") if base == "*" else base.partition("-")
            low = field.number(first) if first else field.least
            high = field.number(last) if dash else field.most
            if low is not None and high is not None and int(step) > high - low and int(step) > 1:
                found.append(
                    f"{field.name}: the step of {term} is beyond its end: it is {low} alone; write {low}"
                )
    return found
