"""Notices that the clock of the container was set, or that the machine slept.

Linux reports it by a timer that is cancelled (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET), which Python can
make from 3.13 on; elsewhere it compares the two clocks each minute. An NTP server that slews moves both
alike.
"""

from __future__ import annotations

import os
import time
from errno import ECANCELED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.lean.loop import Cancellable, EventLoop

# Seconds between two looks where Linux cannot report it.
LOOK_EVERY = 60.0
# Seconds; a smaller difference between the clocks is ignored.
LEAST = 0.5
# A time that never comes while a timer waits for it (100 years).
_FAR = 3_155_760_000.0


class SetClock:
    """Calls `was_set(seconds)` with how far the clock jumped forward (negative: back), until `close`."""

    def __init__(
        self,
        loop: EventLoop,
        was_set: Callable[[float], object],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._loop = loop
        self._was_set = was_set
        self._clock = clock
        self._apart = clock() - loop.time()
        self._timer: Cancellable | None = None
        self._fd: int | None = None
        create: Any = getattr(os, "timerfd_create", None)
        if create is not None:
            try:
                self._fd = fd = create(time.CLOCK_REALTIME, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)  # type: ignore[attr-defined,unused-ignore]
                self._wait(fd)
                loop.add_reader(fd, self._readable, fd)
            except OSError:  # a sandbox without it
                self._close_fd()
        if self._fd is None:
            self._look_later()

    def _wait(self, fd: int) -> None:
        settime: Any = os.timerfd_settime  # type: ignore[attr-defined,unused-ignore]
        flags = os.TFD_TIMER_ABSTIME | os.TFD_TIMER_CANCEL_ON_SET  # type: ignore[attr-defined,unused-ignore]
        settime(fd, flags=flags, initial=time.time() + _FAR)

    def _readable(self, fd: int) -> None:
        try:
            os.read(fd, 8)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != ECANCELED:
                self._close_fd()
                self._look_later()
                return
        self._wait(fd)
        self._look()

    def _look_later(self) -> None:
        self._timer = self._loop.call_later(LOOK_EVERY, self._elapsed)

    def _elapsed(self) -> None:
        self._look_later()
        self._look()

    def _look(self) -> None:
        apart = self._clock() - self._loop.time()
        moved, self._apart = apart - self._apart, apart
        if abs(moved) >= LEAST:
            self._was_set(moved)

    def _close_fd(self) -> None:
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._close_fd()
