"""Puts the answers to health questions into words: live, ready, started, healthy (Docker's HEALTHCHECK).

Orchestrators restart a container that is not live, so `live` is narrow. Nothing restarts because of
`healthy`: it names every program that is not as its configuration wants it.
"""

from __future__ import annotations

from supervice.lifecycle.states import FATAL, UNHEALTHY
from supervice.supervision.status import is_live, is_well, readiness, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervice.process import Process
    from supervice.runner.waiting import StartQueue


def healthy(processes: Iterable[Process], queue: StartQueue) -> list[Process]:
    """Returns the processes that make the container unhealthy: FATAL, UNHEALTHY, or unable ever to start."""
    return [
        p
        for p in processes
        if not is_live(p)
        or (p.config.autostart and (p.state in (FATAL, UNHEALTHY) or bool(queue.why_left(p))))
    ]


def wrong(kind: str, processes: Iterable[Process], queue: StartQueue, *, named: bool) -> list[Process]:
    """Returns the processes that fail the question `kind`; `named`: the question is about these alone."""
    if kind == "live":
        return [p for p in processes if not is_live(p)]
    if kind == "ready":
        return [p for p in processes if (readiness(p) is not True if named else readiness(p) is False)]
    return [p for p in processes if not is_well(p, queue)] if named else healthy(processes, queue)


def sentence(
    kind: str, well: bool, culprits: list[Process], queue: StartQueue, *, stopping: bool, details: bool
) -> str:
    """Returns the answer in words: `not live: web is UNHEALTHY: 3 health checks failed in a row`.

    `details`: include what programs and their checks have said.
    """
    if well:
        return kind
    if stopping and kind != "live":
        return f"not {kind}: shutting down"
    parts = []
    for process in culprits[:1]:
        why = reason(process, queue) or process.health_message if details else ""
        parts.append(f"{process.config.name} is {process.state}{f': {why}' if why else ''}")
    if len(culprits) > 1:
        parts.append(f"and {len(culprits) - 1} more")
    return f"not {kind}{': ' if parts else ''}{', '.join(parts)}"
