"""Records when each process was started for the first time, and what it waited for.

Each process has one entry, so the size is bounded; later starts are not recorded. `Startup` reports requests
and releases, the rest is observed; `supervicectl boot` draws it.
"""

from __future__ import annotations

import time

from supervice.lifecycle.states import EXITED, FATAL, RESTING, UP
from supervice.supervision.table import Observer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.lifecycle.states import Announce
    from supervice.process import Process
    from supervice.runner.waiting import StartQueue
    from supervice.supervision.table import ProcessTable


class Entry:
    """The first start of one process. A time is None if it has not come."""

    __slots__ = ("asked", "began", "done", "failed", "first", "healthy", "released_by", "up")

    def __init__(self, asked: float, first: bool) -> None:
        self.first = first  # asked for when the daemon began, not later by an operator
        self.asked = asked
        self.released_by: str | None = None  # whose change let it start; None when it never had to wait
        self.began: float | None = None  # the spawn
        self.up: float | None = None
        self.healthy: float | None = None
        self.done: float | None = None  # ready, or of a oneshot completed
        self.failed: float | None = None


class StartRecord(Observer):
    """The record of one supervisor. `clock` returns seconds that only go forward."""

    def __init__(self, table: ProcessTable, clock: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._clock = clock
        self._closed = False  # what the end does to processes is not recorded
        self._entries: dict[str, Entry] = {}
        self._zero = 0.0
        self._began_at = 0.0  # seconds since the epoch
        self._beginning = False
        self._settled = ""  # the last one that got somewhere

    def begin(self) -> None:
        """Counts requests from here to `begun` as part of the start of supervice."""
        self._closed = False
        self._entries.clear()
        self._zero = self._clock()
        self._began_at = time.time()
        self._beginning = True
        self._settled = ""

    def begun(self) -> None:
        self._beginning = False

    def asked(self, name: str) -> None:
        """Records a request for its start, at once or when its conditions hold."""
        if name not in self._entries:
            self._entries[name] = Entry(self._clock(), self._beginning)

    def released(self, name: str, by: str) -> None:
        """Records that its last condition holds, because of a change of `by`."""
        entry = self._entries.get(name)
        if entry is not None and entry.began is None:
            entry.released_by = by

    def changed(self, process: Process, change: Announce | None) -> None:
        entry = self._entries.get(process.config.name)
        if entry is None or entry.failed is not None or self._closed:
            return
        snapshot, now = process.snapshot, self._clock()
        if entry.done is not None:
            if entry.healthy is None and snapshot.healthy is True:
                entry.healthy = now
            return
        state = snapshot.state
        if entry.began is None and state not in RESTING:
            entry.began = now
            if process.foreground is not None:  # the command comes when all others have settled
                entry.released_by = self._settled or None
        if state in UP:
            if entry.up is None:
                entry.up = now
            if entry.healthy is None and snapshot.healthy is True:
                entry.healthy = now
            if snapshot.ready:
                entry.done = now
        elif state == EXITED and process.expected:
            entry.done = now
        elif state in (FATAL, EXITED):
            entry.failed = now
        if state in UP or state in RESTING:
            self._settled = process.config.name

    def rebuild(self) -> None:
        """Forgets removed processes."""
        processes = self._table.processes
        self._entries = {name: entry for name, entry in self._entries.items() if name in processes}

    def shutting_down(self, reason: str) -> None:
        self._closed = True

    def report(self, queue: StartQueue) -> dict[str, Any]:
        """Returns what `supervicectl boot --json` shows; times are seconds since `began_at`."""
        rows = [
            _row(self._entries[name], process, queue, self._zero)
            for name, process in self._table.processes.items()
            if name in self._entries
        ]
        return {"began_at": self._began_at, "elapsed": _since(self._clock(), self._zero), "processes": rows}


def _since(moment: float | None, zero: float) -> float | None:
    return None if moment is None else round(moment - zero, 4)


def _row(entry: Entry, process: Process, queue: StartQueue, zero: float) -> dict[str, Any]:
    config = process.config
    done = _since(entry.done, zero)
    oneshot = config.type == "oneshot"
    waited = entry.released_by is not None or entry.began is None
    return {
        "name": config.name,
        "state": process.state,
        "reason": queue.why_left(process) or process.snapshot.reason,
        "later": not entry.first,
        "asked": _since(entry.asked, zero),
        "waited_for": [f"{name}:{condition}" for name, condition in config.depends_on] if waited else [],
        "waiting_for": queue.waiting_for(process),
        "released_by": entry.released_by,
        "began": _since(entry.began, zero),
        "up": _since(entry.up, zero),
        "ready": None if oneshot else done,
        "completed": done if oneshot else None,
        "healthy": _since(entry.healthy, zero),
        "failed": _since(entry.failed, zero),
    }
