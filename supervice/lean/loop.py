"""The event loop of the daemon: one epoll, one heap of timers, one queue.

It has the part of asyncio's loop that supervice uses, under asyncio's names: the same code runs on this loop
in the daemon and on asyncio's in an embedding application (`running_loop` returns which). asyncio itself
costs PID 1 about 4.4 MB of private memory and 25 ms before the first child (docs/adr/0002).

Single-threaded. The loop reports a callback that raises to `on_error` and goes on: PID 1 must not end because
of one connection or one program.
"""

from __future__ import annotations

import select
import sys
import time
from heapq import heapify, heappop, heappush

from supervice.lean.builtin import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator
    from typing import Any, Protocol

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


class Cancelled(BaseException):
    """Thrown into a coroutine whose task is cancelled (asyncio has its own `CancelledError`)."""


class Handle:
    """A callback that is due, now or later."""

    __slots__ = ("args", "callback", "cancelled", "loop", "when")

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


class Future:
    """A result that comes later; awaitable from a coroutine run by `Loop.create_task`."""

    __slots__ = ("_callbacks", "_exception", "_loop", "_result", "_state")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._state = 0  # 1: result, 2: exception
        self._result: Any = None
        self._exception: BaseException | None = None
        self._callbacks: list[Callable[[Any], object]] = []

    def done(self) -> bool:
        return self._state != 0

    def result(self) -> Any:
        if self._exception is not None:
            raise self._exception
        if self._state == 0:
            raise RuntimeError("the result is not there yet")
        return self._result

    def _finish(self, state: int) -> None:
        self._state = state
        callbacks, self._callbacks = self._callbacks, []
        for fn in callbacks:
            self._loop.call_soon(fn, self)

    def set_result(self, result: Any) -> None:
        if self._state:
            raise RuntimeError("the result was set before")
        self._result = result
        self._finish(1)

    def set_exception(self, exception: BaseException) -> None:
        if self._state:
            raise RuntimeError("the result was set before")
        self._exception = exception
        self._finish(2)

    def cancel(self) -> bool:
        if self._state:
            return False
        self.set_exception(Cancelled())
        return True

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        if self._state:
            self._loop.call_soon(fn, self)
        else:
            self._callbacks.append(fn)

    def __await__(self) -> Generator[Any, None, Any]:
        if not self._state:
            yield self
        return self.result()


class Task(Future):
    """A coroutine that the loop runs to its end."""

    __slots__ = ("_coro", "_waits_for")

    def __init__(self, loop: Loop, coro: Coroutine[Any, Any, Any]) -> None:
        super().__init__(loop)
        self._coro = coro
        self._waits_for: Future | None = None
        loop.call_soon(self._step)

    def cancel(self) -> bool:
        if self._state:
            return False
        self._waits_for = None
        self._loop.call_soon(self._step, Cancelled())
        return True

    def _wake(self, future: Future) -> None:
        if self._waits_for is future:
            self._waits_for = None
            self._step()

    def _step(self, exc: BaseException | None = None) -> None:
        if self._state:
            return
        try:
            waits_for = self._coro.throw(exc) if exc is not None else self._coro.send(None)
        except StopIteration as stop:
            self._result = stop.value
            self._finish(1)
        except (Exception, Cancelled) as error:
            self._exception = error
            watched = bool(self._callbacks)
            self._finish(2)
            if not watched and not isinstance(error, Cancelled):
                self._loop.on_error(error)
        else:
            self._waits_for = waits_for
            waits_for.add_done_callback(self._wake)


class Loop:
    """See the module's docstring; every method means what asyncio's of the same name means."""

    def __init__(self) -> None:
        self._epoll = select.epoll(flags=select.EPOLL_CLOEXEC)
        self._ready: deque[Handle] = deque()
        self._timers: list[Handle] = []
        self._dead_timers = 0
        self._readers: dict[int, Handle] = {}
        self._writers: dict[int, Handle] = {}
        self.on_error: Callable[[BaseException], object] = _print_error

    time = staticmethod(time.monotonic)

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Handle:
        handle = Handle(callback, args)
        self._ready.append(handle)
        return handle

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Handle:
        handle = Handle(callback, args)
        handle.when = time.monotonic() + delay
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
            while not task.done():
                self._turn()
            return task.result()
        finally:
            _running = None

    def close(self) -> None:
        self._epoll.close()
        self._ready.clear()
        self._timers.clear()

    def _turn(self) -> None:
        timeout: float | None = None
        while self._timers and self._timers[0].cancelled:
            heappop(self._timers)
            self._dead_timers -= 1
        if self._ready:
            timeout = 0
        elif self._timers:
            timeout = min(max(0.0, self._timers[0].when - time.monotonic()), LONGEST_POLL)
        readers, writers, ready = self._readers, self._writers, self._ready
        for fd, mask in self._epoll.poll(timeout):
            if mask & ~select.EPOLLOUT and fd in readers:
                ready.append(readers[fd])
            if mask & ~select.EPOLLIN and fd in writers:
                ready.append(writers[fd])
        if self._timers:
            now = time.monotonic()
            while self._timers and self._timers[0].when <= now:
                handle = heappop(self._timers)
                handle.loop = None
                if handle.cancelled:
                    self._dead_timers -= 1
                else:
                    ready.append(handle)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle.callback is not None:
                try:
                    handle.callback(*handle.args)
                except Exception as error:
                    self.on_error(error)


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


async def sleep(loop: EventLoop, seconds: float) -> None:
    """Waits so many seconds, on either loop."""
    future = loop.create_future()
    handle = loop.call_later(seconds, _set, future)
    try:
        await future
    finally:
        handle.cancel()


async def wait_for(loop: EventLoop, awaitable: Awaitable[Any], seconds: float) -> Any:
    """Returns the result of `awaitable`; cancels it and raises TimeoutError after so many seconds."""

    async def run() -> Any:
        return await awaitable

    task = loop.create_task(run())
    late = loop.create_future()
    handle = loop.call_later(seconds, _set, late)
    task.add_done_callback(lambda _: None if late.done() else late.set_result(True))
    try:
        timed_out = not await late
    finally:
        handle.cancel()
        if not task.done():
            task.cancel()
    if timed_out:
        raise TimeoutError
    return task.result()


def _set(future: AnyFuture) -> None:
    if not future.done():
        future.set_result(None)


def _nothing(_future: object) -> None:
    pass


def _print_error(error: BaseException) -> None:
    sys.stderr.write(f"supervice: unexpected {type(error).__name__}: {error}\n")
