"""Event loops whose time and readiness a test decides."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from supervice.lean.loop import Loop


class Timer:
    """A call that a `FakeLoop` was asked for; it is made when the test runs it."""

    def __init__(self, delay: float, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.delay = delay
        self.when = delay  # by the loop's clock
        self.cancelled = False
        self.over = False
        self._callback = callback
        self._args = args

    def cancel(self) -> None:
        self.cancelled = True

    def run(self) -> None:
        assert not self.cancelled
        self.over = True
        self._callback(*self._args)


class FakeLoop:
    """An `EventLoop` that does nothing by itself: time stands still, and a descriptor is ready when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.soon: list[Timer] = []
        self.timers: list[Timer] = []
        self.readers: dict[int, Callable[[], object]] = {}
        self.writers: dict[int, Callable[[], object]] = {}

    # -- what the code under test calls ------------------------------------------------------------------

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Timer:
        self.soon.append(Timer(0.0, callback, args))
        return self.soon[-1]

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        self.timers.append(Timer(delay, callback, args))
        self.timers[-1].when = self.now + delay
        return self.timers[-1]

    def add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        assert fd not in self.readers
        self.readers[fd] = lambda: callback(*args)

    def remove_reader(self, fd: int) -> bool:
        return self.readers.pop(fd, None) is not None

    def add_writer(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        assert fd not in self.writers
        self.writers[fd] = lambda: callback(*args)

    def remove_writer(self, fd: int) -> bool:
        return self.writers.pop(fd, None) is not None

    def create_future(self) -> NoReturn:
        raise AssertionError("a FakeLoop runs no coroutines; take a Loop or a VirtualLoop")

    def create_task(self, coro: Coroutine[Any, Any, Any]) -> NoReturn:
        coro.close()
        self.create_future()

    # -- what the test does ------------------------------------------------------------------------------

    @property
    def live(self) -> list[Timer]:
        """The timers that are still to run."""
        return [timer for timer in self.timers if not timer.cancelled and not timer.over]

    def elapse(self) -> float:
        """Runs the timer that was set first, which must be live; returns its delay in seconds."""
        timer = self.timers.pop(0)
        timer.run()
        return timer.delay

    def advance(self, seconds: float) -> None:
        """Lets time pass and runs the timers that fall due, those that they set too."""
        end = self.now + seconds
        while due := [timer for timer in self.live if timer.when <= end + 1e-9]:
            first = min(due, key=lambda timer: timer.when)
            self.now = max(self.now, first.when)
            first.run()
            self.turn()
        self.now = end

    def turn(self) -> None:
        """Makes the calls that were asked for by `call_soon`; what they ask for is left to the next turn."""
        calls, self.soon = self.soon, []
        for call in calls:
            if not call.cancelled:
                call.run()


class VirtualLoop(Loop):
    """Our own loop with a clock that jumps to the next timer when nothing is left to do.

    `Loop` reads its clock as `time.monotonic` of its module, which a test replaces by `now`.
    """

    now = 0.0

    def __init__(self) -> None:
        super().__init__()
        self._epoll.close()
        self._epoll = Jumping(self)  # type: ignore[assignment]

    def time(self) -> float:
        return self.now


class Jumping:
    """In place of epoll: nothing is ever readable, and waiting takes no time but that of the loop."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        assert timeout is not None, "everything waits and nothing will come"
        self.loop.now += timeout
        return []

    def close(self) -> None:
        pass
