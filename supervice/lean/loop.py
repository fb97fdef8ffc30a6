"""The event loop of the daemon: one epoll, one heap of timers, one queue.

It has the part of asyncio's loop that supervice uses, under asyncio's names: the same code runs on this loop
in the daemon and on asyncio's in an embedding application (`running_loop` returns which). asyncio itself
costs PID 1 about 4.4 MB of private memory and 25 ms before the first child (docs/adr/0002).

Single-threaded. The loop reports a callback that raises to `on_error` and goes on: PID 1 must not end because
of one connection or one program.

Two rules hold for every callback, so that no owner of a timer has to handle them:

- Freezes do not count. After SIGSTOP, `docker pause` or a suspend, timers are late by the time that we did
  not run. The loop's clock leaves that time out, the timers that expired meanwhile start anew when we run
  again, and readable descriptors are served first. So a long timer must not stand for a time of day: its
  owner looks at the wall clock at least every minute.
- Turns are short. When many callbacks fall due at once, a turn gives them BUDGET seconds, and the next turn
  first serves the descriptors. A single callback limits itself.
"""

from __future__ import annotations

import os
import select
import sys
import time

from supervice.lean.builtin import deque, heapify, heappop, heappush
from supervice.lean.futures import Cancelled as Cancelled
from supervice.lean.futures import Future, Task, print_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable
    from typing import Any, Protocol, TypeVar

    T = TypeVar("T")

    class Cancellable(Protocol):
        def cancel(self) -> None: ...

    class AnyFuture(Protocol):
        def done(self) -> bool: ...
        def set_result(self, result: Any, /) -> None: ...
        def set_exception(self, exception: Any, /) -> None: ...
        def result(self) -> Any: ...
        def cancel(self) -> Any: ...
        def add_done_callback(self, fn: Callable[[Any], object], /) -> None: ...
        def __await__(self) -> Generator[Any, None, Any]: ...

    class EventLoop(Protocol):
        """What supervice needs of a loop; both `Loop` and asyncio's loops have it."""

        def time(self) -> float: ...
        def call_soon(self, callback: Callable[..., object], *args: Any) -> Cancellable: ...
        def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Cancellable: ...
        def add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> None: ...
        def remove_reader(self, fd: int) -> bool: ...
        def add_writer(self, fd: int, callback: Callable[..., object], *args: Any) -> None: ...
        def remove_writer(self, fd: int) -> bool: ...
        def create_future(self) -> AnyFuture: ...
        def create_task(self, coro: Coroutine[Any, Any, Any]) -> AnyFuture: ...


# Seconds. epoll_wait takes milliseconds in 31 bits.
LONGEST_POLL = 1_000_000.0
# Seconds that a timer may be late on a busy machine. If it is later, we did not run.
LATE = 0.25
# A timer starts anew at most so often: it must fire even on a machine on which everything is late.
CHANCES = 3
# Seconds that one turn gives to callbacks before it looks for input again.
BUDGET = 0.03
# Seconds of work of one kind, say for thousands of programs, after which other work gets a turn.
PART = 0.01
# A variable that names the file in which tests record long turns; see `long_turns`.
GUARD = "_SUPERVICE_TURNS"


class Handle:
    """A callback that is due, now or later."""

    __slots__ = ("args", "callback", "cancelled", "chances", "delay", "loop", "when")
    # Of a timer only.
    delay: float
    chances: int

    def __init__(self, callback: Callable[..., object] | None, args: tuple[Any, ...]) -> None:
        self.callback = callback
        self.args = args
        self.cancelled = False
        self.loop: Loop | None = None
        self.when = 0.0

    def cancel(self) -> None:
        if not self.cancelled:
            self.cancelled = True
            self.callback = None
            self.args = ()
            if self.loop is not None:
                self.loop._forget_timer()

    def __lt__(self, other: Handle) -> bool:
        return self.when < other.when


class Loop:
    """The loop; see the module's docstring. Every method means the same as asyncio's of that name."""

    def __init__(self) -> None:
        self._epoll = select.epoll(flags=select.EPOLL_CLOEXEC)
        self._ready: deque[Handle] = deque()
        self._came: deque[Handle] = deque()  # readers and writers that have been called for
        self._timers: list[Handle] = []
        self._dead_timers = 0
        self._readers: dict[int, Handle] = {}
        self._writers: dict[int, Handle] = {}
        self._cut = False  # the last turn has left something to do: what comes now goes before it
        self._seen = 0.0  # when timers were looked at last
        self._lost = 0.0  # seconds in which we did not run
        self._asleep = -1.0  # how long it sleeps at most, while it does and nothing else is to be done
        self.on_error: Callable[[BaseException], object] = print_error
        self.on_frozen: Callable[[float], object] = _nothing  # with the seconds in which we did not run

    def time(self) -> float:
        """Returns the seconds of a clock that never goes back, and stands still while we do not run."""
        return time.monotonic() - self._lost

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Handle:
        handle = Handle(callback, args)
        self._ready.append(handle)
        return handle

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Handle:
        handle = Handle(callback, args)
        now = self.time()
        if not self._timers:
            self._seen = now
        handle.when, handle.delay = now + delay, delay
        handle.chances = CHANCES
        handle.loop = self
        heappush(self._timers, handle)
        return handle

    def _forget_timer(self) -> None:
        # Cancelled timers stay in the heap until they are due: a program that restarts all day would fill it.
        self._dead_timers += 1
        if self._dead_timers > 64 and self._dead_timers * 2 > len(self._timers):
            self._timers = [h for h in self._timers if not h.cancelled]
            heapify(self._timers)
            self._dead_timers = 0

    def _watch(self, fd: int, known: bool) -> None:
        mask = (select.EPOLLIN if fd in self._readers else 0) | (
            select.EPOLLOUT if fd in self._writers else 0
        )
        if not mask:
            try:
                self._epoll.unregister(fd)
            except OSError:
                pass  # closed already: the kernel has forgotten it too
        elif known:
            self._epoll.modify(fd, mask)
        else:
            self._epoll.register(fd, mask)

    def add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        self._add(self._readers, fd, Handle(callback, args))

    def add_writer(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        self._add(self._writers, fd, Handle(callback, args))

    def _add(self, table: dict[int, Handle], fd: int, handle: Handle) -> None:
        known = fd in self._readers or fd in self._writers
        old = table.get(fd)
        table[fd] = handle
        if old is not None:
            old.cancel()
            return
        try:
            self._watch(fd, known)
        except BaseException:
            del table[fd]
            raise

    def _remove(self, table: dict[int, Handle], fd: int) -> bool:
        handle = table.pop(fd, None)
        if handle is None:
            return False
        handle.cancel()  # it may be in the queue of this turn already
        self._watch(fd, True)
        return True

    def remove_reader(self, fd: int) -> bool:
        return self._remove(self._readers, fd)

    def remove_writer(self, fd: int) -> bool:
        return self._remove(self._writers, fd)

    def create_future(self) -> Future:
        return Future(self)

    def create_task(self, coro: Coroutine[Any, Any, Any]) -> Task:
        return Task(self, coro)

    def run_until_complete(self, coro: Coroutine[Any, Any, Any]) -> Any:
        """Runs `coro` to its end and returns its result. One loop runs at a time in a process."""
        global _running
        if _running is not None:
            raise RuntimeError("another loop runs in this process")
        _running = self
        try:
            task = self.create_task(coro)
            task.add_done_callback(_nothing)
            turn = self._turn
            if GUARD in os.environ:
                from supervice.lean.long_turns import guarded

                turn = guarded(self, os.environ[GUARD])
            while not task.done():
                turn()
            return task.result()
        finally:
            _running = None

    def close(self) -> None:
        self._epoll.close()
        self._ready.clear()
        self._came.clear()
        self._timers.clear()

    def _turn(self) -> None:
        timeout: float | None = None
        while self._timers and self._timers[0].cancelled:
            heappop(self._timers)
            self._dead_timers -= 1
        if self._ready or self._came:
            timeout = 0.0
        elif self._timers:
            timeout = min(max(0.0, self._timers[0].when - self.time()), LONGEST_POLL)
        readers, writers, came = self._readers, self._writers, self._came
        self._asleep = -1.0 if timeout == 0.0 else timeout or 0.0
        events = self._epoll.poll(timeout)
        self._asleep = -1.0
        for fd, mask in events:
            for ready, table in ((mask & ~select.EPOLLOUT, readers), (mask & ~select.EPOLLIN, writers)):
                if ready and (handle := table.get(fd)) is not None and not handle.when:
                    handle.when = 1.0  # in the queue: a turn that was cut may have left it there
                    came.append(handle)
        now = 0.0
        if self._timers:
            now = self.time()
            if now - self._seen - (timeout or 0.0) > LATE:
                now = self._thaw(now, self._seen + (timeout or 0.0))
            self._seen = now
        self._work(now)

    def wakes(self) -> bool:
        """Returns whether this is a signal handler that has just ended its sleep, and may act at once."""
        asleep, self._asleep = self._asleep, -1.0  # once: what follows is for the turn
        return asleep >= 0.0 and (not self._timers or self.time() - self._seen - asleep <= LATE)

    def _work(self, now: float) -> None:
        """Calls what is ready, what has come and what is due: at least one of each, for BUDGET seconds."""
        ready, count = self._ready, len(self._ready)  # what a callback adds is for the next turn
        give_up = time.monotonic() + BUDGET
        input_first, self._cut = self._cut, False
        if input_first:
            self._some(self._came, len(self._came), give_up)
        self._some(ready, count, give_up)
        if not input_first:
            self._some(self._came, len(self._came), give_up)
        for _ in range(len(self._timers)):
            if not self._timers or self._timers[0].when > now:
                return
            handle = heappop(self._timers)
            handle.loop = None
            if handle.cancelled:
                self._dead_timers -= 1
                continue
            self._call(handle)
            if time.monotonic() > give_up:
                self._cut = True
                return

    def _some(self, queue: deque[Handle], count: int, give_up: float) -> None:
        while count:
            count -= 1
            handle = queue.popleft()
            handle.when = 0.0
            if handle.callback is not None:
                self._call(handle)
                if count and time.monotonic() > give_up:
                    self._cut = True
                    return

    def _call(self, handle: Handle) -> None:
        try:
            handle.callback(*handle.args)  # type: ignore[misc]
        except Exception as error:
            self.on_error(error)

    def _thaw(self, now: float, expected: float) -> float:
        """Takes out the time from `expected` to `now`, in which we did not run; returns the loop's new time.

        Timers that expired in it start anew; all others keep the time that they had left.
        """
        for handle in self._timers:
            if handle.when <= now and handle.chances:
                handle.chances -= 1
                handle.when = expected + handle.delay
        heapify(self._timers)
        self._lost += now - expected
        self.call_soon(self.on_frozen, now - expected)
        return expected


_running: Loop | None = None


def running_loop() -> EventLoop:
    """Returns the loop that runs this code: ours in the daemon, else asyncio's. RuntimeError without one."""
    if _running is not None:
        return _running
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        raise RuntimeError("no running event loop")
    loop: EventLoop = asyncio.get_running_loop()
    return loop


async def sleep(loop: EventLoop, seconds: float, end: AnyFuture | None = None) -> None:
    """Waits so many seconds, on either loop; less where others set `end`, which it sets itself after them."""
    end = loop.create_future() if end is None else end
    handle = loop.call_later(seconds, _set, end)
    try:
        await end
    finally:
        handle.cancel()


async def wait_for(loop: EventLoop, awaitable: Awaitable[Any], seconds: float) -> Any:
    """Returns the result of `awaitable`; cancels it and raises TimeoutError after so many seconds."""

    async def run() -> Any:
        return await awaitable

    task = loop.create_task(run())
    end = loop.create_future()
    task.add_done_callback(lambda _: _set(end))
    try:
        await sleep(loop, seconds, end)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        task.cancel()


async def paced(loop: EventLoop, items: Iterable[T]) -> AsyncIterator[T]:
    """Yields the items; after each PART seconds of work on them everything else that is due gets a turn."""
    until = time.monotonic() + PART
    for item in items:
        yield item
        if time.monotonic() > until:
            turn = loop.create_future()
            loop.call_soon(_set, turn)
            await turn
            until = time.monotonic() + PART


def _set(future: AnyFuture) -> None:
    if not future.done():
        future.set_result(None)


def _nothing(_future: object) -> None:
    pass
