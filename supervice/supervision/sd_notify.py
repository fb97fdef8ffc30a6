"""Says to the manager above us when all is up and when the end begins. Made only where one has asked."""

from __future__ import annotations

from supervice.lean.loop import running_loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.core import Supervisor
    from supervice.notify.manager import Manager


class Herald:
    """READY=1 once, when every process that starts by itself is ready (or a completed oneshot)."""

    def __init__(self, supervisor: Supervisor, manager: Manager) -> None:
        self._supervisor = supervisor
        self._manager = manager
        self._said = False
        self._looking = False

    def changed(self) -> None:
        """Some process is another one; looked at in the next turn, together with all that change in this."""
        if not self._said and not self._looking and not self._supervisor.stopping:
            self._looking = True
            running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        if self._supervisor.stopping:
            return
        late = self._supervisor.probes.late()
        if late:
            names = ", ".join(late[:10]) + (f" and {len(late) - 10} more" if len(late) > 10 else "")
            self._manager.tell(f"STATUS=waiting for {names}")
            return
        self._said = True
        self._manager.tell("READY=1", f"STATUS={len(self._supervisor.processes)} processes")

    def stopping(self, reason: str) -> None:
        self._manager.tell("STOPPING=1", f"STATUS=shutting down: {reason}".replace("\n", " "))
