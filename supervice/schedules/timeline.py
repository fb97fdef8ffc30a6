"""The times of a program's schedules in real time: time zones, daylight saving, jitter, several lines.

Pure: a time zone comes in as an object (`zones` reads it); times are seconds since 1970 in UTC.

Daylight saving follows Debian's rule. A schedule whose minute and hour are both fixed has one run for each
local time: the first of a repeated one, and the end of the gap for one that the clock skips. A schedule whose
minute or hour begins with `*` has a run at each instant whose local time matches: twice in a repeated hour,
never in a gap.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime
from zlib import crc32

from supervice.schedules.local_time import next_local
from supervice.schedules.records import Cron, Every

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import tzinfo
    from typing import Final

    from supervice.schedules.records import Reboot

# Seconds within which no zone changes its offset twice (a test checks every zone of the database).
_STRIDE: Final = 7 * 86400
# How far back the first occurrence of a local time may be: a zone that crosses the date line repeats a day.
_REPEATED: Final = 25 * 3600
# The most times that came due unseen are counted.
MOST: Final = 1000


class Span:
    """A period with one offset from UTC; its end is searched for only as far as asked."""

    __slots__ = ("_zone", "end", "known", "offset", "start")

    def __init__(self, zone: Zone, start: int) -> None:
        self._zone = zone
        self.start = start
        self.known = start  # up to here the offset is the same
        self.end: int | None = None  # the first instant with another offset, once found
        self.offset = zone.offset(start)

    def holds(self, instant: int) -> bool:
        """Returns whether `instant`, not before the start, has this offset."""
        while self.end is None and self.known < instant:
            probe = min(self.known + _STRIDE, instant)
            if self._zone.offset(probe) == self.offset:
                self.known = probe
            else:
                self.end = self._find(self.known, probe)
        return self.end is None or instant < self.end

    def _find(self, same: int, other: int) -> int:
        while other - same > 1:
            middle = (same + other) // 2
            if self._zone.offset(middle) == self.offset:
                same = middle
            else:
                other = middle
        return other


class Zone:
    """A time zone, as periods with one offset each; results are kept for all its schedules."""

    __slots__ = ("_spans", "_tz", "name")

    def __init__(self, name: str, tz: tzinfo | None) -> None:
        """`tz` None is UTC."""
        self.name = name
        self._tz = tz
        self._spans: list[Span] = []

    def offset(self, instant: int) -> int:
        """Returns seconds east of UTC."""
        if self._tz is None:
            return 0
        difference = datetime.fromtimestamp(instant, self._tz).utcoffset()
        assert difference is not None
        return difference.days * 86400 + difference.seconds

    def local(self, instant: float) -> float:
        """Returns the local time of an instant, in seconds as `local_time` counts them."""
        return instant + self.offset(int(instant // 1))

    def shown(self, instant: float) -> str:
        """Returns `2026-11-29 03:00 CET`, with seconds if there are any."""
        when = datetime.fromtimestamp(int(instant // 1), self._tz or UTC)
        return f"{when:%Y-%m-%d %H:%M:%S}".removesuffix(":00") + f" {when.tzname()}"

    def spans(self, instant: int) -> Iterator[Span]:
        """Yields the span of `instant`, and those after it."""
        if not self._spans or instant < self._spans[0].start:
            self._spans = [Span(self, instant)]
        place = bisect_right(self._spans, instant, key=lambda span: span.start) - 1
        while True:
            span = self._spans[place]
            if place + 1 == len(self._spans):
                yield span
                if span.end is None:
                    return
                self._spans.append(Span(self, span.end))
            else:
                yield span
            place += 1


class Line:
    """The instants of one cron expression in a zone."""

    __slots__ = ("_cron", "_free", "_zone")

    def __init__(self, cron: Cron, zone: Zone) -> None:
        self._cron = cron
        self._zone = zone
        self._free = range(0)  # local times without a match; the first match ends them

    def _next_local(self, after: int) -> int | None:
        if after in self._free:
            return self._free.stop
        found = next_local(self._cron, after)
        if found is not None:
            self._free = range(after, found)
        return found

    def next_after(self, instant: int) -> int | None:
        """Returns the first run after `instant`; None when there is none in 50 years."""
        return self._fixed(instant) if self._cron.fixed else self._by_real_time(instant)

    def _fixed(self, instant: int) -> int | None:
        local = instant + self._zone.offset(instant)
        while True:
            found = self._next_local(local)
            if found is None:
                return None
            run = self._first(found, instant - _REPEATED)
            if run > instant:
                return run
            local = found  # its first occurrence is over

    def _first(self, local: int, since: int) -> int:
        """Returns the first instant with this local time, or the end of the gap if the clock skips it."""
        for span in self._zone.spans(since):
            run = max(local - span.offset, span.start)
            if span.holds(run):
                return run
        raise AssertionError  # a span without an end holds every later instant

    def _by_real_time(self, instant: int) -> int | None:
        for span in self._zone.spans(instant):
            start = max(instant, span.start - 1)  # the change itself may match
            found = self._next_local(start + span.offset)
            if found is None:
                return None
            run = found - span.offset
            if span.holds(run):
                return run
        raise AssertionError  # a span without an end holds every later instant


class Timeline:
    """All schedules of one program. Cron lines go by the wall clock, `every` by the monotonic one."""

    __slots__ = ("_lines", "at_boot", "distances", "offset", "zone")

    def __init__(
        self, schedules: Iterable[Cron | Every | Reboot], zone: Zone, jitter: float, seed: str
    ) -> None:
        """`seed` determines the offset below `jitter` seconds: a program's and a host's name."""
        self.zone = zone
        self.offset = spread(jitter, seed)
        self._lines: list[Line] = []
        self.distances: list[float] = []
        self.at_boot = False
        for schedule in schedules:
            if isinstance(schedule, Cron):
                self._lines.append(Line(schedule, zone))
            elif isinstance(schedule, Every):
                self.distances.append(schedule.seconds)
            else:
                self.at_boot = True

    @property
    def goes_by_the_clock(self) -> bool:
        """Whether there is a cron line."""
        return bool(self._lines)

    def next_after(self, instant: float) -> float | None:
        """Returns the first time of a cron line after `instant` (seconds since 1970)."""
        bare = int((instant - self.offset) // 1)
        found = [run for line in self._lines if (run := line.next_after(bare)) is not None]
        return min(found) + self.offset if found else None

    def next_distance(self, anchor: float, after: float) -> float | None:
        """Returns the first time of an `every` after `after`, counted from `anchor` (monotonic)."""
        anchor += self.offset
        found = []
        for distance in self.distances:
            number = max(1, int((after - anchor) / distance))
            while anchor + number * distance <= after:  # the division rounds
                number += 1
            found.append(anchor + number * distance)
        return min(found, default=None)

    def between(self, after: float, until: float) -> tuple[int, float]:
        """Returns how many times of cron lines are in (after, until], at most MOST, and the last of them."""
        count, last = _walk(self.next_after, after, until)
        if count == MOST:
            last = self._last_before(until, last)
        return count, last

    def _last_before(self, until: float, known: float) -> float:
        """Returns the last time up to `until`; `known` is one of them, and may be years before."""
        last, high = known, until
        while high - last >= 1:  # no time lies in (high, until], and no two are closer
            middle = (last + high) / 2
            found = self.next_after(middle)
            if found is not None and found <= until:
                last = found
            else:
                high = middle
        return last

    def distances_between(self, anchor: float, after: float, until: float) -> tuple[int, float]:
        """Returns the same for `every`."""
        count, last = _walk(lambda time: self.next_distance(anchor, time), after, until)
        if count == MOST:
            grid = anchor + self.offset
            last = max(grid + (until - grid) // distance * distance for distance in self.distances)
        return count, last


def _walk(following: Callable[[float], float | None], after: float, until: float) -> tuple[int, float]:
    count, last = 0, after
    while count < MOST:
        found = following(last)
        if found is None or found > until:
            break
        count, last = count + 1, found
    return count, last


def seed_of(program: str, host: str) -> str:
    """Returns the seed of `schedule_jitter`, which differs between programs and between hosts."""
    return f"{program}\0{host}"


def spread(jitter: float, seed: str) -> float:
    """Returns an offset from 0 to below `jitter` seconds, constant for a seed; whole seconds from 60 on."""
    share = jitter * (crc32(seed.encode("utf-8", "surrogateescape")) / 2**32)
    return float(int(share)) if jitter >= 60 else int(share * 1000) / 1000
