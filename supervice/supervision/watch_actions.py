"""Does what a change of a watched file leads to: `watch_check`, and each `watch_action`."""

from __future__ import annotations

from supervice import logger
from supervice.config.values import signal_number
from supervice.lifecycle.states import EXITED, FATAL, RESTING, STOPPING, UP
from supervice.process import START_WAIT
from supervice.runner.waiting import Until
from supervice.supervision.commands import run_command
from supervice.supervision.configuration_source import say_refused
from supervice.watch.states import Acted, Checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from typing import Any

    from supervice.lean.loop import AnyFuture, EventLoop
    from supervice.models import WatchConfig
    from supervice.process import Process
    from supervice.supervision.startup import Startup
    from supervice.supervision.table import ProcessTable

    Answer = Callable[[Checked | Acted], object]

# Seconds after which a command is killed.
TIMEOUT = 60.0
# The trigger of its starts, restarts and signals.
CHANGED = "watch: a watched file has changed"


class WatchActions:
    """The actions of one supervisor; each call answers once, later."""

    def __init__(
        self,
        loop: EventLoop,
        table: ProcessTable,
        startup: Startup,
        reload: Callable[[], Awaitable[object]],
    ) -> None:
        self._loop = loop
        self._table = table
        self._startup = startup
        self._do_reload = reload
        self._tasks: set[AnyFuture] = set()

    def close(self) -> None:
        """Cancels what is under way without an answer; programs that were told to restart still do."""
        for task in tuple(self._tasks):
            task.cancel()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)  # asyncio itself holds only a weak reference
        task.add_done_callback(self._tasks.discard)

    # -- the check before it -----------------------------------------------------------------------------

    def check(self, processes: Sequence[Process], config: WatchConfig, answer: Answer) -> None:
        """Runs `watch_check` as the user of the program."""
        self._begin(self._check(processes[0], config.check or "", answer))

    async def _check(self, process: Process, command: str, answer: Answer) -> None:
        launcher = self._table.launcher
        if launcher is None:
            return
        outcome = await run_command(launcher, process.config, command, TIMEOUT)
        answer(Checked(self._loop.time(), not outcome.why, outcome.why, outcome.lines))

    # -- the action --------------------------------------------------------------------------------------

    def act(self, name: str, processes: Sequence[Process], config: WatchConfig, answer: Answer) -> None:
        """Does what `watch_action` says."""
        self._begin(self._act(name, processes, config.action, answer))

    async def _act(self, name: str, processes: Sequence[Process], action: str, answer: Answer) -> None:
        way, _, argument = action.partition(":")
        if way == "restart":
            await self._restart(processes)
        elif way == "reload":
            await self._reload(name)
        elif way == "signal":
            self._signal(processes, argument)
        else:
            await self._run(processes, argument)
        answer(Acted(self._loop.time()))

    async def _restart(self, processes: Sequence[Process]) -> None:
        """Restarts running processes, and starts ended or failed ones; stopped ones stay stopped."""
        table = self._table
        free = [
            p for p in processes if p.config.name not in table.held and p.config.name not in table.leaving
        ]
        running = [p for p in free if p.state not in RESTING and p.state != STOPPING]
        ended = [p for p in free if p.state in (EXITED, FATAL)]
        if any(process.config.rolling for process in free):
            from supervice.supervision.rolling import Rolling

            rolling = Rolling(table, self._startup, lambda: False, trigger=CHANGED)
            await rolling.run([*running, *ended])
            if rolling.failed:
                names = ", ".join(rolling.failed)
                logger.error(f"{names}: not ready after a restart (watch); the others stay as they were")
            return
        back = Until([*running, *ended], UP | {FATAL, EXITED}, self._startup)
        attempts = [(p.config.name, p.request_restart(trigger=CHANGED)) for p in running]
        self._startup.request(ended, CHANGED)
        longest = max((START_WAIT + p.start_time() + p.stop_time() for p in running + ended), default=0.0)
        if any(attempt for _, attempt in attempts):
            from supervice.runner.overlap_attempts import failures, start_time

            longest += max(start_time(process.config) for process in running)
            await failures(self._loop, attempts, longest)  # the log has them
        await back.wait(longest)

    async def _reload(self, name: str) -> None:
        try:
            await self._do_reload()
        except (OSError, ValueError) as error:
            say_refused(error, f"{name}: watch: ")

    def _signal(self, processes: Sequence[Process], word: str) -> None:
        signum = signal_number(word)
        for process in processes:
            if not process.signal(signum, trigger=CHANGED):
                logger.info(f"{process.config.name}: watch: does not run, no {word} is sent")

    async def _run(self, processes: Sequence[Process], command: str) -> None:
        launcher, process = self._table.launcher, processes[0]
        if launcher is not None:
            outcome = await run_command(launcher, process.config, command, TIMEOUT)
            if outcome.why:
                logger.warning(f"{process.config.name}: watch: {command}: {outcome}")
