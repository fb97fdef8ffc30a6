"""Runs a command beside a program, as its user and with its environment: `schedule_notify`, `watch_check`.

Loaded where one of these is set.
"""

from __future__ import annotations

import os

from supervice.checks.script import ScriptRun, check_words
from supervice.lean.dataclasses import dataclass, replace
from supervice.lean.loop import wait_for
from supervice.pid1.spawn import SpawnError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.models import ProgramConfig
    from supervice.pid1.spawn import Order
    from supervice.runner.launcher import Launcher

# Bytes that a pipe takes without a reader.
MOST_INPUT = 16 * 1024
_MOST_LINES = 5


@dataclass(frozen=True)
class Outcome:
    """How a command ended: `why` is "" when it succeeded."""

    why: str = ""
    lines: tuple[str, ...] = ()  # the last ones that it said

    def __str__(self) -> str:
        return f"{self.why}: {self.lines[-1]}" if self.lines else self.why


async def run_command(
    launcher: Launcher,
    config: ProgramConfig,
    command: str,
    seconds: float,
    env: dict[str, str] | None = None,
    data: bytes = b"",
) -> Outcome:
    """Runs the command for at most `seconds`, then kills its whole group. `data` is its standard input.

    It never raises because of the command: one that cannot be run has failed.
    """
    try:
        run = _started(launcher, config, command, env or {}, data)
    except (SpawnError, OSError, ValueError, LookupError) as error:
        return Outcome(f"it could not be run: {error}")
    why = ""
    try:
        status = await wait_for(launcher.runtime.loop, run.exited, seconds)
        if status:
            why = f"exit code {status}" if status > 0 else f"signal {-status}"
    except TimeoutError:
        why = f"it took longer than {seconds:g} s"
    finally:
        run.end()
    return Outcome(why, run.last_lines(_MOST_LINES))


def _started(
    launcher: Launcher, config: ProgramConfig, command: str, env: dict[str, str], data: bytes
) -> ScriptRun:
    read, write = os.pipe2(os.O_CLOEXEC)
    try:
        try:
            os.write(write, data[-MOST_INPUT:])
        finally:
            os.close(write)

        def order(argv: list[str], _null: int, output: int) -> Order:
            made = launcher.order(config, argv, read, output, output)
            return replace(made, env={**made.env, **env})

        return ScriptRun(launcher.runtime, check_words(command), order)
    finally:
        os.close(read)
