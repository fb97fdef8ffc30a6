"""Restarts processes one after the other, each when the one before is ready. Loaded with the first.

The first that does not become ready ends it: the others stay as they were, and go on serving.
"""

from __future__ import annotations

from supervice.lean.loop import running_loop
from supervice.lifecycle.states import EXITED, FATAL, RESTING, UP
from supervice.models import program_of
from supervice.process import START_WAIT
from supervice.runner.waiting import Until
from supervice.supervision.conditions import UntilAll, has_become_ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from supervice.lean.loop import AnyFuture
    from supervice.process import Process
    from supervice.supervision.startup import Startup
    from supervice.supervision.table import ProcessTable


class Rolling:
    """One such restart; call `run` once. A process that an operator stops meanwhile is left stopped.

    A second one of the same program begins when the first is over: otherwise two processes would be down.
    """

    def __init__(
        self,
        table: ProcessTable,
        startup: Startup,
        is_over: Callable[[], bool],
        *,
        trigger: str,
        batch: int = 1,
        force: bool = False,
        by_hand: bool = False,
        renew: Callable[[Sequence[Process]], Awaitable[dict[str, str]]] | None = None,
    ) -> None:
        """`batch`: how many at a time. `is_over`: returns whether supervice is stopping and starts nothing.

        `renew` stops processes and asks for their start, if that takes more than a request; it returns which
        of them go on as before, and why.
        """
        self._table = table
        self._startup = startup
        self._is_over = is_over
        self._trigger = trigger
        self._batch = batch
        self._force = force
        self._by_hand = by_hand
        self._renew = renew
        self.ready: dict[str, bool] = {}  # of those that were restarted
        self.kept: dict[str, str] = {}  # those whose new process did not take over from the old one, and why

    @property
    def failed(self) -> list[str]:
        """The names of those that did not become ready."""
        return [name for name, ready in self.ready.items() if not ready]

    async def run(self, processes: Sequence[Process]) -> None:
        loop, rolling = running_loop(), self._table.rolling
        programs = {program_of(process.config) for process in processes}
        while busy := programs & rolling.keys():
            turn = loop.create_future()
            rolling[busy.pop()].append(turn)
            await turn
        waiting: list[AnyFuture] = []
        rolling.update(dict.fromkeys(programs, waiting))
        try:
            await self._run(processes)
        finally:
            for program in programs:
                del rolling[program]
            for turn in waiting:
                if not turn.done():
                    turn.set_result(None)

    async def _run(self, processes: Sequence[Process]) -> None:
        for process in processes if self._by_hand else ():
            self._table.release([process.config.name])
        for at in range(0, len(processes), self._batch):
            if self.failed or self._is_over():
                return
            part = [process for process in processes[at : at + self._batch] if self._is_wanted(process)]
            await self._restart(part)

    def _is_wanted(self, process: Process) -> bool:
        name, table = process.config.name, self._table
        return table.processes.get(name) is process and name not in table.held | table.leaving

    async def _restart(self, processes: list[Process]) -> None:
        loop = running_loop()
        force = self._force
        longest = max(
            (START_WAIT + p.start_time() + (0 if force else p.stop_time()) for p in processes), default=0.0
        )
        give_up = loop.time() + longest + self._startup.patience(processes)
        if self._renew is not None:
            self.kept |= await self._renew(processes)
            processes = [process for process in processes if self._is_wanted(process)]
        # A restart passes through STOPPED; what counts is where the process comes to rest after that.
        back = Until(processes, UP | {FATAL, EXITED}, self._startup)
        if self._renew is None:
            resting = [process for process in processes if process.state in RESTING]
            attempts = [
                (process.config.name, process.request_restart(force=force, trigger=self._trigger))
                for process in processes
                if process not in resting
            ]
            self._startup.request(resting, self._trigger, by_hand=self._by_hand)
            if any(attempt for _, attempt in attempts):
                from supervice.runner.overlap_attempts import failures, start_time

                give_up += max(start_time(process.config) for process in processes)
                self.kept |= await failures(loop, attempts, give_up - loop.time())
        await back.wait(max(0.0, give_up - loop.time()))
        for process in processes:  # each by itself: one that has failed says nothing of the others
            until = UntilAll(self._table, self._startup, [process], has_become_ready)
            await until.wait(max(0.0, give_up - loop.time()))
        for process in processes:
            name = process.config.name
            self.ready[name] = has_become_ready(process) and name not in self.kept
