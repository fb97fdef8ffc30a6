"""How a set clock is noticed: by a timer that the kernel cancels, or by a look each minute."""

from __future__ import annotations

import os
import time
from errno import ECANCELED, EINVAL
from typing import Any

import pytest

from supervice.schedules.set_clock import LOOK_EVERY, SetClock
from tests.fakes.loop import FakeLoop


class World:
    """A wall clock and a loop's clock, each in the hands of the test."""

    def __init__(self) -> None:
        self.loop: Any = FakeLoop()
        self.loop.now = 500.0
        self.wall = 1_000_000.0
        self.heard: list[float] = []

    def make(self) -> SetClock:
        return SetClock(self.loop, self.heard.append, lambda: self.wall)

    def passes(self, seconds: float) -> None:
        self.loop.now += seconds
        self.wall += seconds


class Timerfd:
    """The calls of Python 3.13 and the kernel behind them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, loop: FakeLoop, refused: str = "") -> None:
        self.loop = loop
        self.fd = -1
        self.armed: list[float] = []
        self.answer: OSError | None = None
        real_read = os.read

        def create(clock: int, *, flags: int) -> int:
            assert clock == time.CLOCK_REALTIME
            assert flags == 3
            if refused == "made":
                raise OSError(EINVAL, "Invalid argument")
            self.fd = os.open(os.devnull, os.O_RDONLY)
            return self.fd

        def settime(fd: int, *, flags: int, initial: float) -> None:
            assert (fd, flags) == (self.fd, 12)
            if refused == "armed":
                raise OSError(EINVAL, "Invalid argument")
            self.armed.append(initial)

        def read(fd: int, size: int) -> bytes:
            if fd == self.fd and self.answer is not None:
                assert size == 8, "a counter of 64 bits"
                raise self.answer
            return real_read(fd, size)

        monkeypatch.setattr(os, "timerfd_create", create, raising=False)
        monkeypatch.setattr(os, "timerfd_settime", settime, raising=False)
        for name, value in (
            ("NONBLOCK", 1),
            ("CLOEXEC", 2),
            ("TIMER_ABSTIME", 4),
            ("TIMER_CANCEL_ON_SET", 8),
        ):
            monkeypatch.setattr(os, f"TFD_{name}", value, raising=False)
        monkeypatch.setattr(os, "read", read)

    def cancel(self, code: int = ECANCELED) -> None:
        self.answer = OSError(code, os.strerror(code))
        self.loop.readers[self.fd]()


@pytest.fixture
def without_timerfd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "timerfd_create", raising=False)


@pytest.mark.usefixtures("without_timerfd")
def test_without_the_kernels_help_the_clocks_are_compared_each_minute() -> None:
    it = World()
    clock = it.make()
    assert [timer.delay for timer in it.loop.live] == [LOOK_EVERY] == [60.0]
    it.passes(60)
    it.loop.elapse()
    assert it.heard == []
    it.passes(60)
    it.wall += 3600
    it.loop.elapse()
    assert it.heard == [3600.0]
    it.passes(60)
    it.wall -= 7200
    it.loop.elapse()
    assert it.heard == [3600.0, -7200.0]
    for least in (0.5, 0.4375, -0.5):
        it.passes(60)
        it.wall += least
        it.loop.elapse()
    assert it.heard == [3600.0, -7200.0, 0.5, -0.5], "less than half a second is nothing"
    clock.close()
    assert it.loop.live == []


@pytest.mark.usefixtures("without_timerfd")
def test_a_clock_that_is_slewed_was_not_set() -> None:
    it = World()
    it.make()
    for _ in range(100):
        it.passes(60)
        it.wall += 0.03  # 500 ppm, the most that NTP slews
        it.loop.elapse()
    assert it.heard == []


def test_the_kernel_tells_of_a_set_clock_and_nothing_wakes_us_before(monkeypatch: pytest.MonkeyPatch) -> None:
    it = World()
    kernel = Timerfd(monkeypatch, it.loop)
    clock = it.make()
    assert it.loop.live == [], "no timer of our own"
    assert list(it.loop.readers) == [kernel.fd]
    it.wall += 500
    kernel.cancel()
    assert it.heard == [500.0]
    assert len(kernel.armed) == 2, "it is armed again"
    assert min(kernel.armed) > time.time() + 3e9
    kernel.cancel()
    assert it.heard == [500.0], "the clocks are where they were"
    clock.close()
    assert it.loop.readers == {}
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(kernel.fd)


@pytest.mark.parametrize("when", ["made", "armed", "read"])
def test_where_the_kernel_refuses_the_clocks_are_compared(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    it = World()
    kernel = Timerfd(monkeypatch, it.loop, when)
    clock = it.make()
    if when == "read":
        kernel.cancel(EINVAL)
    assert it.loop.readers == {}
    assert [timer.delay for timer in it.loop.live] == [LOOK_EVERY]
    assert kernel.fd < 0 or not os.path.exists(f"/proc/self/fd/{kernel.fd}")
    clock.close()
    assert it.loop.live == []


@pytest.mark.skipif(not hasattr(os, "timerfd_create"), reason="Python before 3.13")
def test_the_real_kernel_takes_the_timer() -> None:
    it = World()
    clock = it.make()
    assert len(it.loop.readers) == 1
    assert it.loop.live == []
    for read in it.loop.readers.values():
        read()  # nothing there: it does not block
    assert it.heard == []
    clock.close()
