"""The foreground command (`supervice -c FILE -- COMMAND`): its configuration, and its start, the last of all.

Loaded only when the command line has one.
"""

from __future__ import annotations

from supervice import logger
from supervice.lifecycle.states import RESTING, UP
from supervice.models import ProgramConfig
from supervice.runner.waiting import Until
from supervice.supervision.conditions import UntilAll

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from supervice.process import Process
    from supervice.supervision.startup import Startup
    from supervice.supervision.table import ProcessTable

# Seconds after which the log says which programs the command waits for.
SAY_AFTER = 5.0
# The name of the command, as a process.
MAIN = "main"


def program_of_command(argv: list[str], processes: Mapping[str, Process]) -> ProgramConfig:
    """Returns the configuration that the command runs with; ValueError when it cannot be the main program."""
    taken = next((name for name, p in processes.items() if p.config.main or name == MAIN), None)
    if taken is not None:
        what = (
            "is the main program already; remove main = true"
            if processes[taken].config.main
            else "has the name that the command gets; rename it"
        )
        raise ValueError(f"[program:{taken}] {what}, or write -c none to run the command alone")
    return ProgramConfig(
        MAIN, " ".join(argv), autostart=False, autorestart=False, startsecs=0, startretries=0, main=True
    )


async def start_last(table: ProcessTable, startup: Startup) -> None:
    """Starts the command when every program has settled, and those that are up are ready."""
    command = startup.command
    if command is None:
        return
    first = startup.first()

    def say(late: Iterable[Process]) -> None:
        names = ", ".join(process.config.name for process in late)
        logger.info(f"{command.config.command} waits for {names}")

    while not await Until(first, UP | RESTING, startup).wait(SAY_AFTER):
        say([p for p in first if p.state not in UP | RESTING or startup.is_waiting(p)])
    while not startup.stopped and not all(map(_is_no_obstacle, first)):
        await UntilAll(table, startup, first, _is_no_obstacle).wait(SAY_AFTER)
        late = [p for p in first if not _is_no_obstacle(p)]
        if late:
            say(late)
    startup.start_command()


def _is_no_obstacle(process: Process) -> bool:
    """Returns whether it is ready, or there is nothing to wait for."""
    return process.snapshot.ready or process.state not in UP
