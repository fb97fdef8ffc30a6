"""Runs `schedule_notify`: one command after the other, so that `start` comes before `success`."""

from __future__ import annotations

import os

from supervice import logger
from supervice.checks.script import ScriptRun, check_words
from supervice.lean.dataclasses import replace
from supervice.lean.loop import wait_for
from supervice.pid1.spawn import SpawnError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.lean.loop import AnyFuture
    from supervice.pid1.spawn import Order
    from supervice.process import Process
    from supervice.runner.launcher import Launcher
    from supervice.schedules.states import Notify

# A command that takes longer is killed, in seconds.
TIMEOUT = 60.0
# Notifications that wait for their turn; one more, and the oldest is dropped.
MOST_WAITING = 20
# What a pipe takes without a reader, and more than is kept of a run.
_LAST = 16 * 1024


class Notifications:
    """Of one process."""

    def __init__(self, process: Process, launcher: Launcher) -> None:
        self._process = process
        self._launcher = launcher
        self._waiting: list[tuple[str, dict[str, str], bytes]] = []
        self._task: AnyFuture | None = None

    def send(self, command: str, effect: Notify) -> None:
        """Queues one; what the program said last is that of the run that the notification is of."""
        env = {
            "SUPERVICE_EVENT": effect.event,
            "SUPERVICE_PROGRAM": self._process.config.name,
            "SUPERVICE_CODE": "" if effect.code is None else str(effect.code),
            "SUPERVICE_REASON": effect.reason,
            "SUPERVICE_SECONDS": "" if effect.seconds is None else f"{effect.seconds:.3f}",
        }
        ended = effect.event in ("success", "failure") and self._process.exits
        last = self._process.exits[-1].output[-_LAST:] if ended else b""
        self._waiting.append((command, env, last))
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[0]
            logger.warning(f"{self._process.config.name}: schedule_notify is too slow: one was dropped")
        if self._task is None:
            self._task = self._launcher.runtime.loop.create_task(self._run())

    async def _run(self) -> None:
        while self._waiting:
            command, env, last = self._waiting.pop(0)
            try:
                why = await self._one(command, env, last)
            except (SpawnError, OSError, ValueError, LookupError) as error:
                why = str(error)
            if why:
                name, event = self._process.config.name, env["SUPERVICE_EVENT"]
                logger.warning(f"{name}: schedule_notify ({event}) failed: {why}")
        self._task = None

    async def _one(self, command: str, env: dict[str, str], last: bytes) -> str:
        """What went wrong, or ""."""
        read, write = os.pipe2(os.O_CLOEXEC)
        try:
            try:
                os.write(write, last)
            finally:
                os.close(write)

            def order(argv: list[str], _null: int, output: int) -> Order:
                made = self._launcher.order(self._process.config, argv, read, output, output)
                return replace(made, env={**made.env, **env})

            run = ScriptRun(self._launcher.runtime, check_words(command), order)
        finally:
            os.close(read)
        try:
            status = await wait_for(self._launcher.runtime.loop, run.exited, TIMEOUT)
        except TimeoutError:
            return f"it took longer than {TIMEOUT:g} s{run.said()}"
        finally:
            run.end()
        if status == 0:
            return ""
        return (f"exit code {status}" if status > 0 else f"signal {-status}") + run.said()

    def close(self) -> None:
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            self._task = None
