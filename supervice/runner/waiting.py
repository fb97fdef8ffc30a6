"""Waiting for processes to get somewhere, without polling."""

from __future__ import annotations

from supervice.lean.loop import running_loop, wait_for
from supervice.lifecycle.states import RESTING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervice.lean.loop import AnyFuture
    from supervice.lifecycle.states import Announce
    from supervice.process import Process
    from supervice.supervision.startup import Startup


class Until:
    """Every process has been in one of `states`, seen from the moment this is made.

    Made before the request whose outcome is awaited, so that a state that is only passed through counts too:
    a program that is up and gone again within one turn of the loop did start. `wait` must follow.

    With `startup`, a process that waits for its dependencies is on its way wherever it rests; one that stops
    waiting without having been started has got where it gets.
    """

    def __init__(
        self, processes: Iterable[Process], states: frozenset[str], startup: Startup | None = None
    ) -> None:
        self._states = states
        self._startup = startup
        self.reached: dict[str, str] = {}  # process name -> the first of the states it reached
        self._missing = {id(p): p for p in processes}
        self._unwatch: list[Callable[[], None]] = [p.watch(self._changed) for p in self._missing.values()]
        self._future: AnyFuture | None = None
        if startup is not None:
            self._unwatch.append(startup.watch(self._left))

    def _changed(self, process: Process, change: Announce) -> None:
        if change.to_state in self._states and not self._is_waiting(process):
            self._reached(process, change.to_state)

    def _left(self, process: Process) -> None:
        if process.state in RESTING:
            self._reached(process, process.state)

    def _is_waiting(self, process: Process) -> bool:
        return self._startup is not None and self._startup.is_waiting(process)

    def _reached(self, process: Process, state: str) -> None:
        if self._missing.pop(id(process), None) is not None:
            self.reached[process.config.name] = state
            if not self._missing and self._future is not None and not self._future.done():
                self._future.set_result(None)

    @property
    def missing(self) -> list[Process]:
        """Who is still awaited."""
        return list(self._missing.values())

    async def wait(self, seconds: float) -> bool:
        """Whether all got there within `seconds`."""
        for process in self.missing:
            if process.state in self._states and not self._is_waiting(process):
                del self._missing[id(process)]
                self.reached[process.config.name] = process.state
        try:
            if self._missing:
                loop = running_loop()
                self._future = loop.create_future()
                await wait_for(loop, self._future, seconds)
        except TimeoutError:
            pass
        finally:
            self.close()
        return not self._missing

    def close(self) -> None:
        for unwatch in self._unwatch:
            unwatch()
        self._unwatch.clear()
