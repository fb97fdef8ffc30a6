"""Writes why the container ends where an orchestrator looks for it (Kubernetes' termination message)."""

from __future__ import annotations

import os

from supervice.fs.files import TERMINATION_LOG
from supervice.lifecycle.states import FATAL, RESTING, UNHEALTHY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervice.process import Process

LAST_LINES = 20
MOST_NAMES = 20


def write_termination_log(path: str | None, text: str, culprit: Process | None = None) -> str:
    """Writes the reason, and the last lines of the program that caused it; see `write_message`."""
    if path is None and not os.path.exists(TERMINATION_LOG):
        return ""
    from supervice.fs.termination_message import LIMIT, write_message

    said = f"{text}\n".encode(errors="replace")[:LIMIT]
    if culprit is not None and culprit.output is not None:
        for_lines = LIMIT - len(said)
        lines = b"".join(line.rstrip(b"\n") + b"\n" for _, line in culprit.output.tail(LAST_LINES))
        said += lines[-for_lines:] if for_lines else b""
    return write_message(path, said)


def at_the_stop(why: str, processes: Iterable[Process]) -> str:
    """Returns the first version: a kill at the end of the grace period leaves no time for another one."""
    names = [process.config.name for process in processes if process.state not in RESTING]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{why}; stopping {', '.join(names[:MOST_NAMES])}{more}" if names else why


def ailing(processes: Iterable[Process]) -> list[str]:
    """Returns, in words, which processes are UNHEALTHY or FATAL now, or restarting for their health."""
    found = []
    for process in processes:
        snapshot = process.snapshot
        sick = snapshot.state == UNHEALTHY or snapshot.health_restarts > 0
        if sick or snapshot.state == FATAL:
            state = UNHEALTHY if sick and snapshot.state != FATAL else snapshot.state
            why = snapshot.reason or process.health_message
            found.append(f"{process.config.name} was {state}{f': {why}' if why else ''}")
    return found
