"""Rotates log files at their times, with one timer for the nearest of all, and dates their backups.

The router makes it with the first `_rotate` or `_suffix`. `rotation` decides on the times; the sink of a file
rotates it.
"""

from __future__ import annotations

import os
import time

from supervice.output.rotation import Rotation, day
from supervice.output.sinks import LATER
from supervice.schedules import zones
from supervice.schedules.set_clock import SetClock
from supervice.schedules.timeline import Zone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from supervice.lean.loop import Cancellable, EventLoop

    class Log(Protocol):
        """A log file."""

        timing: Timing | None

        def rotate(self) -> str: ...
        def written(self) -> float: ...

    class Router(Protocol):
        """What the timer needs of the router."""

        loop: EventLoop

        def may_rotate(self) -> bool: ...
        def log(self, level: str, message: str) -> None: ...


class Timing:
    """The timed rotation of one log file."""

    __slots__ = ("_timer", "asked", "dated", "due", "log", "next", "times")

    def __init__(
        self, timer: RotationTimer, log: Log, times: Rotation | None, asked: tuple[str | None, bool]
    ) -> None:
        self._timer = timer
        self.log = log
        self.times = times
        self.asked = asked
        self.dated = asked[1]
        self.next = 0.0  # seconds since 1970
        self.due: float | None = None  # the time that has come, until the file is rotated

    def date(self) -> str:
        """Returns the date of what a rotated file holds; "" where backups have numbers."""
        if not self.dated:
            return ""
        return day(self._timer.zone, self._timer.now() if self.due is None else self.due)

    def rotated(self) -> None:
        self.due = None


class RotationTimer:
    """The timer of one router, until `close`."""

    def __init__(self, router: Router, clock: Callable[[], float] = time.time) -> None:
        self._router = router
        self.now = clock
        self._timings: dict[Log, Timing] = {}  # of what is rotated by time
        self._timer: Cancellable | None = None
        self._set_clock: SetClock | None = None
        try:
            self.zone = zones.find(None, os.environ)
        except ValueError as error:
            router.log("error", f"log files rotate by UTC: {error}")
            self.zone = Zone("UTC", None)

    def set(self, log: Log, way: str | None, dated: bool) -> None:
        """Has a log rotated as a program asks for it now: `way` as `config` parses it, or None."""
        if log.timing is not None and log.timing.asked == (way, dated):
            return
        self.forget(log)
        if way is None and not dated:
            return
        times = None if way is None else Rotation(way, self.zone)
        timing = log.timing = Timing(self, log, times, (way, dated))
        if times is not None:
            written, now = log.written(), self.now()
            if times.is_overdue(written, now):  # at once: what is written from now on is of today
                self._rotate(timing, times.next_after(written))
            timing.next = times.next_after(now)
            self._timings[log] = timing
            if self._set_clock is None:
                self._set_clock = SetClock(self._router.loop, self._clock_was_set, self.now)
            self._arm()

    def forget(self, log: Log) -> None:
        log.timing = None
        if self._timings.pop(log, None) is not None:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._timings:
            first = min(timing.next for timing in self._timings.values())
            self._timer = self._router.loop.call_later(max(0.0, first - self.now()), self._elapsed)
        elif self._set_clock is not None:
            self._set_clock.close()
            self._set_clock = None

    def _elapsed(self) -> None:
        self._timer = None
        now = self.now()
        for timing in [timing for timing in self._timings.values() if timing.next <= now]:
            if not self._router.may_rotate():  # the others in the next turn of the loop
                self._router.loop.call_soon(self._elapsed)
                return
            assert timing.times is not None
            due, timing.next = timing.next, timing.times.next_after(now)
            self._rotate(timing, due)
        self._arm()

    def _rotate(self, timing: Timing, due: float) -> None:
        timing.due = due
        if timing.log.rotate() not in ("", LATER):
            timing.due = None

    def _clock_was_set(self, seconds: float) -> None:
        if seconds < 0:
            for timing in self._timings.values():
                assert timing.times is not None
                timing.next = timing.times.next_after(self.now())
        self._arm()

    def close(self) -> None:
        for log in list(self._timings):
            self.forget(log)
