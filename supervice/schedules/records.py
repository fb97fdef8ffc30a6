"""A parsed line of `schedule`."""

from __future__ import annotations

from supervice.lean.dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

LAST: Final = -1  # in place of the number of a weekday in its month


@dataclass(frozen=True)
class Cron:
    """The times that a cron expression names; sets of small numbers are bit masks (bit n stands for n)."""

    text: str  # as it was written
    fields: tuple[str, ...]  # its five fields, in capitals
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: int  # of the month
    months: int
    weekdays: int  # Sunday is 0
    nth: tuple[tuple[int, int], ...]  # (weekday, its number in the month, or LAST)
    last_day: bool  # L
    last_workday: bool  # LW
    both: bool  # day of month and day of week must both match; else either is enough
    fixed: bool  # neither minute nor hour begins with *: Debian's rule for daylight saving


@dataclass(frozen=True)
class Every:
    """An interval in seconds, counted from when the schedule began."""

    text: str
    seconds: float


@dataclass(frozen=True)
class Reboot:
    """Once, when the daemon starts."""

    text: str
