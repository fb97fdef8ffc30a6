"""Says when a process that is above its `memory_limit` may be restarted: one after the other, with `rolling`.

Loaded with the first program that has both options.
"""

from __future__ import annotations

from supervice.lifecycle.states import FATAL
from supervice.models import program_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.supervision.table import ProcessTable


class Turns:
    """Of one supervisor; `launcher.turns`."""

    def __init__(self, table: ProcessTable) -> None:
        self._table = table

    def waits_for(self, name: str) -> str:
        """Returns why the process has to go on as it is for now; "" when it may be restarted."""
        table = self._table
        process = table.processes.get(name)
        if process is None or not process.config.rolling:
            return ""
        program = program_of(process.config)
        late = [
            other
            for other, one in table.processes.items()
            if one is not process
            and program_of(one.config) == program
            and other not in table.held
            and (one.should_run or one.state == FATAL)
            and not one.snapshot.ready
        ]
        if late:
            return f"{', '.join(late)} {'is' if len(late) == 1 else 'are'} not ready"
        return f"{program} is being restarted" if program in table.rolling else ""
