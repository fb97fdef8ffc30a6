"""Finds the next time of a cron expression on a calendar without time zones.

Local time is counted in seconds since 1970-01-01 00:00 on the wall clock, as if every day had 24 hours.
`timeline` decides what a time zone does to it. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import date

from supervice.schedules.records import LAST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from supervice.schedules.records import Cron

EPOCH: Final = date(1970, 1, 1).toordinal()
DAY: Final = 86400
# Years after which a time counts as never coming (29 February on one weekday may take 40).
YEARS: Final = 50


def next_local(cron: Cron, after: int) -> int | None:
    """Returns the first matching time after `after`; None when there is none in the next 50 years."""
    day, minute = divmod(after // 60 + 1, DAY // 60)
    today = date.fromordinal(EPOCH + day)
    last_year = today.year + YEARS
    if cron.months >> today.month & 1 and is_day(cron, today):
        time = _time_of_day(cron, minute // 60, minute % 60)
        if time is not None:
            return day * DAY + time
    ordinal = today.toordinal() + 1
    while True:
        today = date.fromordinal(ordinal)
        if today.year > last_year:
            return None
        if not cron.months >> today.month & 1:
            ordinal += days_in_month(today) - today.day + 1
        elif is_day(cron, today):
            return (ordinal - EPOCH) * DAY + cron.hours[0] * 3600 + cron.minutes[0] * 60
        else:
            ordinal += 1


def _time_of_day(cron: Cron, hour: int, minute: int) -> int | None:
    """Returns the first matching time at or after HH:MM of a day, in seconds."""
    place = bisect_left(cron.hours, hour)
    if place < len(cron.hours) and cron.hours[place] == hour:
        minutes = bisect_left(cron.minutes, minute)
        if minutes < len(cron.minutes):
            return hour * 3600 + cron.minutes[minutes] * 60
        place += 1
    if place == len(cron.hours):
        return None
    return cron.hours[place] * 3600 + cron.minutes[0] * 60


def is_day(cron: Cron, today: date) -> bool:
    """Returns whether day of month and day of week match; if both are given, Debian's rule applies."""
    if cron.both:
        return _is_day_of_month(cron, today) and _is_day_of_week(cron, today)
    return _is_day_of_month(cron, today) or _is_day_of_week(cron, today)


def _is_day_of_month(cron: Cron, today: date) -> bool:
    if cron.days >> today.day & 1:
        return True
    if cron.last_day and today.day == days_in_month(today):
        return True
    return cron.last_workday and today.day == _last_workday(today)


def _is_day_of_week(cron: Cron, today: date) -> bool:
    weekday = today.isoweekday() % 7
    if cron.weekdays >> weekday & 1:
        return True
    for day, number in cron.nth:
        if day == weekday:
            if number == LAST:
                if today.day + 7 > days_in_month(today):
                    return True
            elif number == (today.day + 6) // 7:
                return True
    return False


def days_in_month(today: date) -> int:
    if today.month == 2:
        return 28 + (today.year % 4 == 0 and (today.year % 100 != 0 or today.year % 400 == 0))
    return 30 if today.month in (4, 6, 9, 11) else 31


def _last_workday(today: date) -> int:
    """Returns the last Monday to Friday of the month."""
    last = days_in_month(today)
    weekday = today.replace(day=last).isoweekday()
    return last - max(0, weekday - 5)
