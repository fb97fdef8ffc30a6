"""Restarts several processes that depend on each other: stops as in a shutdown, starts as conditions hold.

A single process, and several independent ones, need none of this.
"""

from __future__ import annotations

from supervice.lean.loop import running_loop, wait_for
from supervice.lifecycle.states import EXITED, FATAL, UP
from supervice.models import program_of
from supervice.process import START_WAIT
from supervice.runner.waiting import Until
from supervice.supervision.shutdown import longest_stop, stop_in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervice.lean.loop import AnyFuture
    from supervice.process import Process
    from supervice.supervision.startup import Startup
    from supervice.supervision.table import ProcessTable


# The trigger of what an operator asks for.
RESTART = "operator: restart"


def are_related(processes: Iterable[Process]) -> bool:
    """Returns whether one of them needs another one of them."""
    configs = [process.config for process in processes]
    programs = {program_of(config) for config in configs}
    return any(name in programs for config in configs for name, _ in config.depends_on)


class Restarts:
    """The ordered restarts of one supervisor.

    A process that an operator stops meanwhile stays stopped; one that is started stays up.
    """

    def __init__(self, table: ProcessTable, startup: Startup) -> None:
        self._table = table
        self._startup = startup
        self._again: dict[str, _Restart] = {}  # who is to be started again, and by which restart
        self._running: set[AnyFuture] = set()

    def forget(self, processes: Iterable[Process]) -> None:
        """Leaves these stopped, since an operator has stopped them meanwhile."""
        for process in processes:
            self._again.pop(process.config.name, None)

    async def in_order(self, processes: list[Process], seconds: float | None) -> dict[str, str]:
        """Returns the states reached within `seconds` (None: as long as it may take); it goes on then."""
        loop = running_loop()
        restart = _Restart(self._table, self._startup, processes, self._again)
        if seconds is None:
            seconds = restart.longest()
        give_up = loop.time() + seconds
        down = loop.create_future()
        task = loop.create_task(restart.run())
        self._running.add(task)  # asyncio itself holds only a weak reference
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: None if down.done() else down.set_result(None))
        try:
            await wait_for(loop, down, seconds)
        except TimeoutError:
            restart.awaited = False
        if restart.back is None:
            return {}
        await restart.back.wait(max(0.0, give_up - loop.time()))
        return restart.back.reached


class _Restart:
    def __init__(
        self, table: ProcessTable, startup: Startup, processes: list[Process], again: dict[str, _Restart]
    ) -> None:
        self._table = table
        self._startup = startup
        self._processes = processes
        self._again = again
        self.awaited = True
        self.back: Until | None = None  # made when all are down

    def longest(self) -> float:
        every = self._table.processes.values()
        starts = sum(p.start_time() for p in self._processes)
        return longest_stop(every, self._processes) + START_WAIT + starts

    async def run(self) -> None:
        table = self._table
        held = table.held
        for process in self._processes:
            self._again[process.config.name] = self
        # so that an idle moment is not the end
        table.hold((process.config.name for process in self._processes), back=True)
        every = list(table.processes.values())
        await stop_in_order(every, self._processes, lambda p: p.config.name in held, lambda _: RESTART)
        wanted = []
        for process in self._processes:
            name = process.config.name
            if self._again.get(name) is self:
                del self._again[name]
                if table.processes.get(name) is process:  # no reload has taken it away
                    wanted.append(process)
        if self.awaited:
            self.back = Until(wanted, UP | {FATAL, EXITED}, self._startup)
        self._startup.request(wanted, RESTART, by_hand=True)
