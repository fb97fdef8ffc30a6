"""Records turns of the loop that take too long, for tests: with `loop.GUARD` in the environment.

It measures the CPU time of this thread, so that a busy machine is not held against us, and the time asleep,
which is neither on a CPU nor waiting for one: on a name server, a mount, a lock. A CPU that two threads share
runs each at half its speed, so a long turn is compared with known work, done right after it.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Loop = Any  # a `lean.loop.Loop`, which imports this module

# Seconds per turn. A vfork sleeps until its child has run, which a busy machine delays.
CPU = 0.1
ASLEEP = 2.0
# Seconds that `known_work` takes on a CPU of its own.
ALONE = 0.002


class Measured:
    """Replaces the loop's epoll, and notes when each turn begins."""

    def __init__(self, loop: Loop) -> None:
        self._epoll = loop._epoll
        self.register = self._epoll.register
        self.modify = self._epoll.modify
        self.unregister = self._epoll.unregister
        self.close = self._epoll.close
        self.began = (0.0, 0.0)
        self.turn: Callable[[], None] = loop._turn

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        came: list[tuple[int, int]] = self._epoll.poll(timeout)
        self.began = used()
        return came


def used() -> tuple[float, float]:
    """Returns the seconds of this thread: on a CPU, and asleep (up to a constant)."""
    cpu = time.thread_time()
    waited = 0.0
    try:
        with open("/proc/thread-self/schedstat", "rb") as file:
            waited = int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        pass  # a kernel without it: waiting for a CPU counts as asleep
    return cpu, time.monotonic() - waited - cpu


def known_work() -> float:
    """Returns the seconds on a CPU that the same work takes each time."""
    before = time.thread_time()
    table = {}
    for number in range(20_000):
        table[number & 1023] = str(number)
    return time.thread_time() - before


def slowness() -> float:
    """Returns how many times as long as alone the CPU takes now, at least 1."""
    return max(1.0, max(known_work() for _ in range(5)) / ALONE)


def guarded(loop: Loop, path: str) -> Callable[[], None]:
    """Runs one turn of `loop`, and adds a line to the file when it took too long."""
    if isinstance(loop._epoll, Measured):
        found: Callable[[], None] = loop._epoll.turn
        return found
    measured = Measured(loop)
    loop._epoll = measured
    slowest = (0.0, "")
    call = loop._call

    def timed(handle: Any) -> None:
        nonlocal slowest
        callback, before = handle.callback, time.thread_time()
        call(handle)
        took = time.thread_time() - before
        if took >= slowest[0]:
            slowest = took, name(callback)

    def turn() -> None:
        nonlocal slowest
        slowest = (0.0, "")
        loop_turn()
        cpu, asleep = (after - before for after, before in zip(used(), measured.began, strict=True))
        if asleep > ASLEEP or (cpu > CPU and cpu > CPU * slowness()):
            most = f"{slowest[0]:.3f} s {slowest[1]}"
            line = f"{cpu:.3f} s on a CPU, {asleep:.3f} s asleep, pid {os.getpid()}, most of it: {most}\n"
            note(path, line)

    loop_turn, measured.turn = loop._turn, turn
    loop._call = timed
    return turn


def note(path: str, line: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:
        return  # a daemon that has become another user
    os.write(fd, line.encode())
    os.close(fd)


def name(callback: Any) -> str:
    """Returns the name of a callback, or of a task's coroutine."""
    owner = getattr(callback, "__self__", None)
    coro = getattr(owner, "_coro", None)
    return str(getattr(coro, "__qualname__", None) or getattr(callback, "__qualname__", callback))
