"""Runs `schedule_notify` commands one after the other, so that `start` comes before `success`."""

from __future__ import annotations

from supervice import logger
from supervice.supervision.commands import run_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.lean.loop import AnyFuture
    from supervice.process import Process
    from supervice.runner.launcher import Launcher
    from supervice.schedules.states import Notify

# Seconds after which the command is killed.
TIMEOUT = 60.0
# The most notifications that wait; when there are more, the oldest is dropped.
MOST_WAITING = 20


class Notifications:
    """The notifications of one process."""

    def __init__(self, process: Process, launcher: Launcher) -> None:
        self._process = process
        self._launcher = launcher
        self._waiting: list[tuple[str, dict[str, str], bytes]] = []
        self._task: AnyFuture | None = None

    def send(self, command: str, effect: Notify) -> None:
        """Queues a notification; the last lines are those of the run that it is about."""
        name = self._process.config.name
        env = {
            "SUPERVICE_EVENT": effect.event,
            "SUPERVICE_PROGRAM": name,
            "SUPERVICE_CODE": "" if effect.code is None else str(effect.code),
            "SUPERVICE_REASON": effect.reason,
            "SUPERVICE_SECONDS": "" if effect.seconds is None else f"{effect.seconds:.3f}",
        }
        ended = effect.event in ("success", "failure") and self._process.exits
        self._waiting.append((command, env, self._process.exits[-1].output if ended else b""))
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[0]
            logger.warning(f"{name}: schedule_notify is too slow: one was dropped")
        if self._task is None:
            self._task = self._launcher.runtime.loop.create_task(self._run())

    async def _run(self) -> None:
        config = self._process.config
        while self._waiting:
            command, env, last = self._waiting.pop(0)
            outcome = await run_command(self._launcher, config, command, TIMEOUT, env, last)
            if outcome.why:
                event = env["SUPERVICE_EVENT"]
                logger.warning(f"{config.name}: schedule_notify ({event}) failed: {outcome}")
        self._task = None

    def close(self) -> None:
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            self._task = None
