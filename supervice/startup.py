"""The first start of everything: in order, a few at a time, CMD last."""

from __future__ import annotations

from supervice import logger
from supervice.lifecycle.states import RESTING, UP
from supervice.names import start_order
from supervice.waiting import Until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervice.loop import EventLoop
    from supervice.process import Process

# So many are started before timers, signals and clients have their turn again.
BATCH = 16
# Seconds after which it is said whom the command waits for.
SAY_AFTER = 5.0


class Startup:
    """`done()` is called when every program was asked to start."""

    def __init__(self, loop: EventLoop, done: Callable[[], object]) -> None:
        self._loop = loop
        self._done = done
        self._waiting: list[Process] = []
        self._ids: set[int] = set()
        self._command: Process | None = None
        self._stopped = False

    def begin(self, processes: Iterable[Process]) -> None:
        every = list(processes)
        self._command = next((p for p in every if p.foreground is not None), None)
        first = [p for p in every if p.config.autostart and p is not self._command]
        self._waiting = sorted(first, key=lambda p: start_order(p.config), reverse=True)
        self._ids = {id(p) for p in first}
        if self._command is not None:
            self._loop.create_task(self._start_command(self._command, first))
        self._start_some()

    def is_waiting(self, process: Process) -> bool:
        """Whether it is still to be started."""
        return id(process) in self._ids or (process is self._command and not self._stopped)

    def stop(self) -> None:
        """Starts nothing more."""
        self._stopped = True
        self._waiting.clear()
        self._ids.clear()

    def _start_some(self) -> None:
        for _ in range(min(BATCH, len(self._waiting))):
            process = self._waiting.pop()
            self._ids.discard(id(process))
            if process.state in RESTING:
                process.request_start()
        if self._waiting:
            self._loop.call_soon(self._start_some)
        elif not self._stopped:
            self._done()

    async def _start_command(self, command: Process, first: list[Process]) -> None:
        """CMD comes when every program has got where it is going."""
        while not await Until(first, UP | RESTING).wait(SAY_AFTER):
            late = ", ".join(p.config.name for p in first if p.state not in UP | RESTING)
            logger.info(f"{command.config.command} waits for {late}")
        if not self._stopped:
            self._command = None
            command.request_start()
