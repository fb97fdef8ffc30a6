"""Answers the probes of orchestrators about the whole container: live, ready, started.

The rules for one process are in `status`. `supervicectl health` and the HTTP endpoints ask here.
"""

from __future__ import annotations

from supervice.supervision.status import is_live, is_ready
from supervice.supervision.table import Observer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.lifecycle.states import Announce
    from supervice.process import Process
    from supervice.supervision.table import ProcessTable


class Probes(Observer):
    """The probes of one supervisor; call `begin` before each run."""

    def __init__(self, table: ProcessTable) -> None:
        self._table = table
        self._lacking: set[str] = set()  # not ready yet; of no interest any more once all were
        self._started = False
        self._shutting_down = False

    def begin(self) -> None:
        self._started = self._shutting_down = False
        self.rebuild()

    def rebuild(self) -> None:
        if not self._started:
            self._lacking = set(self.late())

    def changed(self, process: Process, change: Announce | None) -> None:
        if self._started:
            return
        if is_ready(process):
            self._lacking.discard(process.config.name)
            self._started = not self._lacking
        else:
            self._lacking.add(process.config.name)

    def shutting_down(self, reason: str) -> None:
        self._shutting_down = True

    # -- the answers -------------------------------------------------------------------------------------

    def live(self) -> bool:
        """Returns False when the container should be restarted."""
        return all(is_live(process) for process in self._table.processes.values())

    def late(self) -> list[str]:
        """Returns the processes that should run by themselves and are neither ready nor done."""
        return [name for name, process in self._table.processes.items() if not is_ready(process)]

    def ready(self) -> bool:
        """Returns whether no process is late, and no shutdown has begun."""
        return not self._shutting_down and not self.late()

    def started(self) -> bool:
        """Returns whether it has been ready once."""
        if not self._started and not self._lacking:
            self._started = True
        return self._started
