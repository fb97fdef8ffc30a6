"""Decides when a process above its `memory_limit` may be restarted: in turn, with `rolling`.

With `overlap` the restart begins here, since the process goes on until the new one is ready. Loaded with the
first program that has `memory_limit` and one of the two.
"""

from __future__ import annotations

from supervice.lean.loop import running_loop
from supervice.lifecycle.states import FATAL
from supervice.models import program_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.supervision.table import ProcessTable

# Seconds between two new processes for one above its limit, unless its backoff_max is longer.
PAUSE = 10.0


class RestartTurns:
    """The turns of one supervisor; it is `launcher.turns`."""

    def __init__(self, table: ProcessTable) -> None:
        self._table = table
        self._next: dict[str, float] = {}  # when the next new process may be tried, by name

    def waits_for(self, name: str) -> str:
        """Returns why the process has to go on as it is for now; "" when it may be restarted."""
        table = self._table
        process = table.processes.get(name)
        if process is None or not process.config.rolling:
            return ""
        program = program_of(process.config)
        others = [
            (other, one)
            for other, one in table.processes.items()
            if one is not process and program_of(one.config) == program and other not in table.held
        ]
        late = [
            other
            for other, one in others
            if ((one.should_run or one.state == FATAL) and not one.snapshot.ready)
            or (one.beside is not None and one.beside.is_coming)
        ]
        if late:
            return f"{', '.join(late)} {'is' if len(late) == 1 else 'are'} not ready"
        return f"{program} is being restarted" if program in table.rolling else ""

    def replaces(self, name: str, trigger: str) -> bool:
        """Begins a restart beside the process, unless one is under way or has just failed.

        Returns False for a process that is restarted without overlap: it has none, or is above
        `restart_limit`.
        """
        process = self._table.processes.get(name)
        if process is None or not process.overlaps:
            return False
        from supervice.lifecycle.overlap import may_restart
        from supervice.runner.overlap import overlap_of

        overlap, now = overlap_of(process), running_loop().time()
        if overlap.driver is not None or now < self._next.get(name, 0.0):
            return True
        if not may_restart(process.snapshot, now, process.policy):
            return False
        self._next[name] = now + max(process.policy.backoff_max, PAUSE)
        overlap.ask(trigger, automatic=True)
        return True
