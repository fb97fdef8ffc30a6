"""Matches the kernel's kills for want of memory to the programs that lost a process.

Loaded when the kernel's counter has changed for the first time.
"""

from __future__ import annotations

from supervice import logger
from supervice.events import Event, EventType
from supervice.lean.builtin import signal
from supervice.lifecycle.kill_tally import PATIENCE, Tally, claimed, counted, written_off
from supervice.pid1.container_memory import look, words
from supervice.pid1.leftovers import descendants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.events import EventBus
    from supervice.lean.loop import Cancellable, EventLoop
    from supervice.pid1.cgroup import Cgroup
    from supervice.supervision.journal import Journal
    from supervice.supervision.table import ProcessTable

EVENT = "OUT_OF_MEMORY"
MOST_NAMES = 10


class MemoryKills:
    """The account. `read` returns the kernel's counter, which was `start` when the daemon began."""

    def __init__(
        self,
        read: Callable[[], int | None],
        start: int,
        cgroup: Cgroup,
        loop: EventLoop,
        table: ProcessTable,
        journal: Journal,
        events: EventBus,
    ) -> None:
        self._read = read
        self._start = start
        self._cgroup = cgroup
        self._loop = loop
        self._table = table
        self._journal = journal
        self._events = events
        self._tally = Tally(start)
        self._timer: Cancellable | None = None
        self._members: dict[str, set[int]] = {}  # program: pids when a kill was seen

    @property
    def total(self) -> int:
        """Returns how many processes of the container the kernel has killed since the daemon began."""
        return max(0, self._tally.count - self._start)

    def look(self) -> None:
        """Records the kills since the last look, and gives the killed process a second to end."""
        self._tally = counted(self._tally, self._read())
        if self._tally.open and self._timer is None:
            self._members = self._pids()
            self._timer = self._loop.call_later(PATIENCE, self._write_off)

    def blame(self, status: int, ours: bool) -> str:
        """Does what `MemoryWatch.blame` says."""
        self._tally = counted(self._tally, self._read())
        memory = False
        if status == -signal.SIGKILL and not ours:
            self._tally, memory = claimed(self._tally)
        self.look()
        return f"killed by the kernel: out of memory ({words(look(self._cgroup))})" if memory else ""

    def _pids(self) -> dict[str, set[int]]:
        return {
            name: {stat.pid for stat in descendants(process.pid)}
            for name, process in self._table.processes.items()
            if process.pid is not None
        }

    def _write_off(self) -> None:
        self._timer = None
        before, self._members = self._members, {}
        self._tally, number = written_off(self._tally)
        if not number:
            return
        now = self._pids()
        # a leader that has ended is reported with its exit
        fewer = {
            name: len(pids - now[name]) for name, pids in before.items() if name in now and pids - now[name]
        }
        who = (
            "a process of this container was" if number == 1 else f"{number} processes of this container were"
        )
        names = sorted(fewer)[:MOST_NAMES]
        lost = ", ".join(f"{name} has lost {fewer[name]}" for name in names)
        reason = f"{who} killed: out of memory ({words(look(self._cgroup))})"
        logger.warning(f"{reason}{f'; of its processes {lost}' if lost else ''}")
        self._journal.note(EVENT, ", ".join(names), reason)
        if self._events.has_subscribers:
            self._events.publish(Event(EventType.OUT_OF_MEMORY, {"reason": reason, "processes": names}))

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
