"""Tells the service manager above us when all is up and when the end begins. Made if one has asked."""

from __future__ import annotations

from supervice.lean.loop import running_loop
from supervice.supervision.table import Observer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.lifecycle.states import Announce
    from supervice.notify.manager import Manager
    from supervice.process import Process
    from supervice.supervision.probes import Probes
    from supervice.supervision.table import ProcessTable


class ManagerNotifier(Observer):
    """Sends READY=1 once, when every process that starts by itself is ready (or a completed oneshot)."""

    def __init__(self, table: ProcessTable, probes: Probes, manager: Manager) -> None:
        self._table = table
        self._probes = probes
        self._manager = manager
        self._said = False
        self._looking = False
        self._shutting_down = False

    def begin(self) -> None:
        """Looks for the first time: there may be nothing to wait for."""
        self._shutting_down = False
        self.rebuild()

    def changed(self, process: Process, change: Announce | None) -> None:
        self.rebuild()

    def rebuild(self) -> None:
        """Looks in the next turn, once for all that changes in this one."""
        if not self._said and not self._looking and not self._shutting_down:
            self._looking = True
            running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        if self._shutting_down:
            return
        late = self._probes.late()
        if late:
            names = ", ".join(late[:10]) + (f" and {len(late) - 10} more" if len(late) > 10 else "")
            self._manager.tell(f"STATUS=waiting for {names}")
            return
        self._said = True
        self._manager.tell("READY=1", f"STATUS={len(self._table.processes)} processes")

    def shutting_down(self, reason: str) -> None:
        self._shutting_down = True
        self._manager.tell("STOPPING=1", f"STATUS=shutting down: {reason}".replace("\n", " "))
