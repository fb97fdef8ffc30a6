"""What coroutines wait with on our own loop: `Future` and `Task`.

They mean the same as asyncio's of these names. `loop.Loop` makes them.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from typing import Any, Protocol

    class Loop(Protocol):
        """What a future needs of its loop."""

        on_error: Callable[[BaseException], object]

        def call_soon(self, callback: Callable[..., object], *args: Any) -> object: ...


class Cancelled(BaseException):
    """Thrown into a coroutine whose task is cancelled (asyncio has its own `CancelledError`)."""


class Future:
    """A result that comes later; a coroutine run by `Loop.create_task` can await it."""

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


def print_error(error: BaseException) -> None:
    """Says on stderr that a callback has failed."""
    try:
        sys.stderr.write(f"supervice: unexpected {type(error).__name__}: {error}\n")
    except (AttributeError, OSError):
        pass  # it was closed before our start, or its reader is gone
