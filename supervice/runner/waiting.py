"""Waits for processes to reach a state, without polling."""

from __future__ import annotations

from supervice.lean.loop import running_loop, sleep
from supervice.lifecycle.states import RESTING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable
    from typing import Any, Protocol, Self

    from supervice.lean.loop import AnyFuture
    from supervice.lifecycle.states import Announce
    from supervice.models import ProgramConfig

    class Waitable(Protocol):
        """A process, as far as one waits for it."""

        @property
        def config(self) -> ProgramConfig: ...
        @property
        def state(self) -> str: ...
        @property
        def pid(self) -> int | None: ...
        def watch(self, watcher: Callable[[Self, Announce], object], /) -> Callable[[], None]:
            """Calls `watcher` after each change of state, until the returned function is called."""
            ...

    class Plans(Protocol):
        """The processes that run at times of their own."""

        def __contains__(self, name: object, /) -> bool: ...
        def will_run(self, name: str, /) -> bool:
            """Returns whether it runs, or will by itself."""
            ...

        def failed(self, name: str, /) -> str:
            """Returns why its last run failed; "" when it did not."""
            ...

        def said(self, name: str, /) -> str:
            """Returns when it runs next, in words."""
            ...

        def row(self, name: str, /) -> dict[str, Any]:
            """Returns everything about its schedule, as JSON has it."""
            ...

    class StartQueue(Protocol):
        """The processes that wait to be started, and those that were left stopped instead."""

        def is_waiting(self, process: Waitable, /) -> bool: ...
        def waiting_for(self, process: Waitable, /) -> list[str]:
            """Names with conditions, like `db:healthy`."""
            ...

        def why_left(self, process: Waitable, /) -> str:
            """Returns why it was left stopped; "" when it was not."""
            ...

        def cause(self, process: Waitable, /) -> str:
            """Returns the name of the process whose failure left it stopped; "" when it was not."""
            ...

        @property
        def plans(self) -> Plans | None:
            """The schedules of programs; None where there are none."""
            ...

        def watch(self, watcher: Callable[[Waitable], object], /) -> Callable[[], None]:
            """Calls `watcher` when a process stops waiting without having been started."""
            ...


class NotReached(Exception):
    """A process has failed or ended and will not reach the awaited state by itself."""


class Until:
    """Waits until every process has been in one of `states` at some time since this was made.

    Make it before the request whose outcome is awaited: a state that is only passed through counts too, and a
    program that is up and gone again within one turn of the loop did start. A process that crashes and is
    started again in the same step has not come to rest, unless `passing`. `wait` must follow.

    With `queue`, a process that waits for its dependencies counts as under way wherever it rests; one that
    stops waiting without having been started counts as done.
    """

    def __init__(
        self,
        processes: Iterable[Waitable],
        states: frozenset[str],
        queue: StartQueue | None = None,
        *,
        passing: bool = False,
    ) -> None:
        self._states = states
        self._passing = passing
        self._queue = queue
        self.reached: dict[str, str] = {}  # process name -> the first of the states it reached
        self._missing = {id(p): p for p in processes}
        self._unwatch: list[Callable[[], None]] = [p.watch(self._changed) for p in self._missing.values()]
        self._future: AnyFuture | None = None
        if queue is not None:
            self._unwatch.append(queue.watch(self._left))

    def _changed(self, process: Waitable, change: Announce) -> None:
        rests = self._passing or change.to_state not in RESTING or process.state in RESTING
        if change.to_state in self._states and rests and not self._is_waiting(process):
            self._reached(process, change.to_state)

    def _left(self, process: Waitable) -> None:
        if process.state in RESTING:
            self._reached(process, process.state)

    def _is_waiting(self, process: Waitable) -> bool:
        return self._queue is not None and self._queue.is_waiting(process)

    def _reached(self, process: Waitable, state: str) -> None:
        if self._missing.pop(id(process), None) is not None:
            self.reached[process.config.name] = state
            if not self._missing and self._future is not None and not self._future.done():
                self._future.set_result(None)

    def drop(self, names: Container[str]) -> None:
        """Stops waiting for these: something else was asked of them meanwhile."""
        for key in [key for key, process in self._missing.items() if process.config.name in names]:
            del self._missing[key]
        if not self._missing and self._future is not None and not self._future.done():
            self._future.set_result(None)

    @property
    def missing(self) -> list[Waitable]:
        """The processes that are still awaited."""
        return list(self._missing.values())

    async def wait(self, seconds: float) -> bool:
        """Returns whether all of them got there within `seconds`."""
        for process in self.missing:
            if process.state in self._states and not self._is_waiting(process):
                del self._missing[id(process)]
                self.reached[process.config.name] = process.state
        try:
            if self._missing:
                loop = running_loop()
                self._future = loop.create_future()
                await sleep(loop, seconds, self._future)
        finally:
            self.close()
        return not self._missing

    def close(self) -> None:
        for unwatch in self._unwatch:
            unwatch()
        self._unwatch.clear()
