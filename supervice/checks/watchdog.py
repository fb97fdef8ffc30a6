"""The watchdog of one run: the program has to ping at least once every `watchdog` seconds."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.lean.loop import Cancellable, EventLoop


class Watchdog:
    """Calls `missed(message)` for each period without a ping, and `back()` at the first ping after one.

    A ping only notes the time, so there is one timer per period however often a program pings.
    """

    def __init__(
        self,
        loop: EventLoop,
        seconds: float,
        missed: Callable[[str], object],
        back: Callable[[], object],
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._missed = missed
        self._back = back
        self._last = loop.time()
        self._late = True  # the first ping says that it is well
        self._timer: Cancellable | None = loop.call_later(seconds, self._look)

    def ping(self) -> None:
        self._last = self._loop.time()
        if self._late:
            self._late = False
            self._back()

    def _look(self) -> None:
        left = self._last + self._seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
            return
        self._last = self._loop.time()
        self._timer = self._loop.call_later(self._seconds, self._look)
        self.miss(f"no watchdog ping for {self._seconds:g} s")

    def miss(self, message: str) -> None:
        self._late = True
        self._missed(message)

    def change(self, seconds: float) -> None:
        """Sets another period, from now on."""
        self.stop()
        self._seconds = seconds
        self._last = self._loop.time()
        self._timer = self._loop.call_later(seconds, self._look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
