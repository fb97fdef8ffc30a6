"""Waits until processes are running, ready or healthy, all at the same moment. Loaded on demand."""

from __future__ import annotations

from supervice.lean.loop import running_loop, sleep
from supervice.lifecycle.graph import is_unchecked
from supervice.lifecycle.states import EXITED, FATAL, UP
from supervice.supervision.table import Observer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervice.lean.loop import AnyFuture
    from supervice.lifecycle.states import Announce
    from supervice.process import Process
    from supervice.runner.waiting import StartQueue, Waitable
    from supervice.supervision.table import ProcessTable


class UntilAll(Observer):
    """Waits until all of `processes` fulfil `wanted` at the same moment.

    A process that can no longer do so ends the wait. `wait` must follow, once.
    """

    def __init__(
        self,
        table: ProcessTable,
        queue: StartQueue,
        processes: Iterable[Process],
        wanted: Callable[[Process], bool],
    ) -> None:
        self._table = table
        self._queue = queue
        self._wanted = wanted
        self._all = {id(process): process for process in processes}
        self._missing = {key for key, process in self._all.items() if not wanted(process)}
        self._future: AnyFuture | None = None
        table.observe(self)
        self._unwatch = queue.watch(self._left)

    def changed(self, process: Process, change: Announce | None) -> None:
        self._look(process)

    def _left(self, process: Waitable) -> None:
        self._look(process)

    def _look(self, changed: Waitable) -> None:
        process = self._all.get(id(changed))
        if process is None or (self._future is not None and self._future.done()):
            return
        if self._wanted(process):
            self._missing.discard(id(process))
        else:
            self._missing.add(id(process))
        if self._future is not None and (not self._missing or self._is_lost(process)):
            self._future.set_result(None)

    def _is_lost(self, process: Process) -> bool:
        """Returns whether it will not get there by itself: failed or ended for good, or left stopped."""
        return process.state in (FATAL, EXITED) or bool(self._queue.why_left(process))

    def has(self, process: Process) -> bool:
        """Returns whether the process is there, now that the wait is over."""
        return id(process) not in self._missing

    async def wait(self, seconds: float) -> None:
        """Waits until all are there, or for so many seconds."""
        try:
            if self._missing and not any(self._is_lost(self._all[key]) for key in self._missing):
                loop = running_loop()
                self._future = loop.create_future()
                await sleep(loop, seconds, self._future)
        finally:
            self._table.unobserve(self)
            self._unwatch()


def is_running(process: Process) -> bool:
    return process.state in UP or _is_completed(process)


def has_become_ready(process: Process) -> bool:
    return process.snapshot.ready or _is_completed(process)


def is_healthy(process: Process) -> bool:
    """Returns whether its check has passed or it has pinged; without either, whether it runs."""
    if is_unchecked(process.config):
        return is_running(process)
    return process.state in UP and process.snapshot.healthy is True


def _is_completed(process: Process) -> bool:
    """Returns whether it is a completed oneshot, which is never up but fulfils every wish."""
    return process.state == EXITED and process.config.type == "oneshot" and process.expected


WANTED: dict[str, Callable[[Process], bool]] = {
    "running": is_running,
    "ready": has_become_ready,
    "healthy": is_healthy,
}
