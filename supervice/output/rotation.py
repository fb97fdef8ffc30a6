"""Rotation by time: when it is due, and the name of a rotated file with a date. Pure.

`RotationTimer` asks for the next time and `DatedBackups` for names; nothing here touches a file. Loaded only
where a `_rotate` or `_suffix` is set.
"""

from __future__ import annotations

import datetime

from supervice.lean.dataclasses import dataclass
from supervice.schedules.records import Cron
from supervice.schedules.timeline import Line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from supervice.schedules.timeline import Zone

_ALL: Final = (1 << 32) - 1
COMPRESSED: Final = ".gz"


class Rotation:
    """The times of one way to rotate, in the time zone of the container."""

    __slots__ = ("_line", "_zone")

    def __init__(self, way: str, zone: Zone) -> None:
        """`way` is the parsed option: daily, hourly, 6h, 03:30."""
        hours, minute = tuple(range(24)), 0
        if way == "daily":
            hours = (0,)
        elif way.endswith("h"):
            hours = tuple(range(0, 24, int(way[:-1])))
        elif way != "hourly":
            hours, minute = (int(way[:2]),), int(way[3:])
        # Hours by real time, other times once for each local time: see `schedules.timeline`.
        fixed = way != "hourly"
        cron = Cron(way, (), (minute,), hours, _ALL, _ALL, _ALL, (), False, False, True, fixed)
        self._line = Line(cron, zone)
        self._zone = zone

    def next_after(self, instant: float) -> float:
        """Returns the next rotation, in seconds since 1970."""
        found = self._line.next_after(int(instant // 1))
        assert found is not None
        return float(found)

    def is_overdue(self, written: float, now: float) -> bool:
        """Returns whether a rotation was due since the file was written: the daemon was away.

        Never for a file from the future (the clock was set back).
        """
        return written <= now and self.next_after(written) <= now

    def day(self, instant: float) -> str:
        """Returns the local date of output until `instant`: midnight belongs to the day before."""
        return day(self._zone, instant)


def day(zone: Zone, instant: float) -> str:
    return zone.shown(int(instant // 1) - 1)[:10]


# -- names with a date -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dated:
    """A rotated file `NAME.2026-11-29`, the second of that day `NAME.2026-11-29.1`; with `.gz` or without."""

    date: str
    number: int
    compressed: bool

    def name(self, base: str) -> str:
        number = f".{self.number}" if self.number else ""
        return f"{base}.{self.date}{number}{COMPRESSED if self.compressed else ''}"


def read_name(base: str, name: str) -> Dated | None:
    """Parses a file name; None when it is no rotated file of `base`."""
    if not name.startswith(f"{base}."):
        return None
    rest = name[len(base) + 1 :]
    compressed = rest.endswith(COMPRESSED)
    date, _, number = rest.removesuffix(COMPRESSED).partition(".")
    try:
        real = datetime.date.fromisoformat(date).isoformat() == date
    except ValueError:
        return None
    digits = number.isascii() and number.isdigit() and len(number) < 10
    found = Dated(date, int(number) if digits else 0, compressed)
    return found if real and found.name(base) == name else None


def dated(base: str, names: Iterable[str]) -> list[Dated]:
    """Returns the rotated files among `names`, oldest first."""
    found = (read_name(base, name) for name in names)
    return sorted((one for one in found if one is not None), key=lambda one: (one.date, one.number))


def next_name(base: str, date: str, names: Iterable[str]) -> str:
    """Returns the name for the file that is rotated now: in the order of `dated` it is the last."""
    there = dated(base, names)
    if not there or there[-1].date < date:
        return Dated(date, 0, False).name(base)
    # the clock may have been set back: the newest date goes on
    return Dated(there[-1].date, there[-1].number + 1, False).name(base)


def surplus(base: str, names: Iterable[str], backups: int) -> list[str]:
    """Returns the rotated files that are too many, oldest first; a file in both forms counts once."""
    there = dated(base, names)
    kept = sorted({(one.date, one.number) for one in there})[-backups:] if backups else []
    return [one.name(base) for one in there if (one.date, one.number) not in kept]
