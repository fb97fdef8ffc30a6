"""An event loop of either kind in a thread of its own, with a server on it; the test talks to it from outside."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

from supervice.lean import loop as our_loop


class LoopThread:
    """`open` and `close` are called on the loop, and what `open` raises is raised here.

    `kind` is "ours" or another word for asyncio's. What the loop could not deliver is in `errors`.
    """

    alive: ClassVar[list[LoopThread]] = []

    loop: Any

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.errors: list[str] = []
        self._calls: deque[Callable[[], None]] = deque()
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_r, False)
        self._opened = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()
        self.alive.append(self)
        assert self._opened.wait(20), "the loop does not begin"
        if self._failure is not None:
            self._end()
            raise self._failure

    def open(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def _main(self) -> None:
        if self.kind == "ours":
            loop = our_loop.Loop()
            loop.on_error = lambda error: self.errors.append(repr(error))
            try:
                loop.run_until_complete(self._serve(loop))
            finally:
                loop.close()
        else:
            asyncio.run(self._serve_asyncio())

    async def _serve_asyncio(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: self.errors.append(repr(context)))
        await self._serve(loop)

    async def _serve(self, loop: Any) -> None:
        self.loop = loop
        done = loop.create_future()

        def on_wake() -> None:
            os.read(self._wake_r, 4096)
            while self._calls:
                self._calls.popleft()()

        self._finish = lambda: done.set_result(None)
        loop.add_reader(self._wake_r, on_wake)
        try:
            self.open()
        except BaseException as error:
            self._failure = error
            return
        finally:
            self._opened.set()
        await done
        self.close()
        loop.remove_reader(self._wake_r)
        await our_loop.sleep(loop, 0.01)  # cancelled tasks end

    def run(self, function: Callable[[], Any]) -> Any:
        """Calls `function` on the loop and returns what it returns."""
        result: list[Any] = []
        called = threading.Event()

        def call() -> None:
            try:
                result.append(function())
            finally:
                called.set()

        self._calls.append(call)
        os.write(self._wake_w, b"x")
        assert called.wait(10), "the loop is stuck"
        return result[0] if result else None

    def stop(self) -> None:
        if self._thread.is_alive():
            self.run(self._finish)
            self._end()
        assert self.errors == []

    def _end(self) -> None:
        self.alive.remove(self)
        self._thread.join(10)
        assert not self._thread.is_alive()
        os.close(self._wake_r)
        os.close(self._wake_w)
