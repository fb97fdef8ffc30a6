"""The facts about one process that others are told: its row in `status`, whether it is live and ready, why.

Looks only. Everything that answers questions about processes (the control socket, HTTP, XML-RPC, probes)
takes the facts from here, so that no two answers differ.
"""

from __future__ import annotations

from supervice.lifecycle.graph import conditions_met
from supervice.lifecycle.states import EXITED, FATAL, RESTING, RUNNING, SICK, STARTING, UNHEALTHY, UP
from supervice.lifecycle.states import describe as ended
from supervice.models import group_of
from supervice.supervision.journal import timestamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.process import Process
    from supervice.runner.waiting import StartQueue


# States in which nothing is due.
SETTLED = frozenset({RUNNING, *RESTING})


def pid_of(process: Process) -> int | None:
    """Returns the pid of its leader; None as soon as that was reaped.

    While leftovers are still being stopped the number means no process, and may soon be another's.
    """
    child = process.process
    return process.pid if child is None or child.returncode is None else None


def is_live(process: Process) -> bool:
    """Returns False when the process, and with it the container, should be restarted."""
    important = process.config.main or process.config.critical
    return process.state != UNHEALTHY and not (important and process.state == FATAL)


def health(process: Process, queue: StartQueue) -> str:
    """Returns what `health` shows: `ok`, `failed`, or `-` when no check has answered yet.

    `ok` is a running process whose check has passed; `failed` is FATAL, UNHEALTHY, an end by a failure, or
    one that can never start.
    """
    snapshot = process.snapshot
    if snapshot.state in (FATAL, UNHEALTHY) or queue.why_left(process):
        return "failed"
    if snapshot.state == EXITED and not process.expected:
        return "failed"
    if queue.plans is not None and queue.plans.failed(process.config.name):
        return "failed"  # the last run of a schedule
    if snapshot.stop is not None and snapshot.stop.cause == SICK:
        return "failed"  # it is stopped for its bad health
    return "ok" if snapshot.state in UP and snapshot.healthy else "-"


def is_well(process: Process, queue: StartQueue) -> bool:
    """Returns whether `health NAME` passes: it runs or is done, and nothing is wrong with it."""
    done = process.state == EXITED and process.expected
    planned = process.config.schedule is not None  # between its runs
    return health(process, queue) != "failed" and (process.state in UP or done or planned)


def readiness(process: Process) -> bool | None:
    """Returns whether it does its work or has done it; None for one that should not run by itself."""
    if process.state == EXITED and process.expected:
        return True
    if process.snapshot.ready:
        return True
    if process.config.schedule is not None:
        return None
    by_itself = process.config.autostart or process.should_run or process.foreground is not None
    return False if by_itself else None


def is_ready(process: Process) -> bool:
    """Returns whether there is nothing to wait for: it is ready, done, or should not run."""
    return readiness(process) is not False


def conditions_of(process: Process) -> frozenset[str]:
    """Returns the conditions of `depends_on` that it fulfils."""
    oneshot = process.config.type == "oneshot"
    return conditions_met(process.snapshot, oneshot=oneshot, expected=process.expected)


def describe(process: Process, queue: StartQueue) -> dict[str, Any]:
    """Returns its row of `status`."""
    config, snapshot, uptime = process.config, process.snapshot, process.uptime
    status = snapshot.status
    return {
        "name": config.name,
        "group": group_of(config),
        "state": snapshot.state,
        "pid": pid_of(process),
        "beside": None if process.beside is None else process.beside.row(),
        "uptime": None if uptime is None else round(uptime, 3),
        "healthy": snapshot.healthy,
        "ready": snapshot.ready,
        "exitcode": status if status is not None and status >= 0 else None,
        "signal": -status if status is not None and status < 0 else None,
        "reason": reason(process, queue),
        "trigger": snapshot.trigger,
        "next": _next(process, queue) if snapshot.state not in SETTLED or queue.is_waiting(process) else "",
        "restarts": process.restarts,
        "waiting_for": queue.waiting_for(process),
        "schedule": queue.plans.said(config.name) if queue.plans is not None else "",
        "status_text": process.status_text,
        "health_message": process.health_message,
        "health_time": _when(process.health_time),
        "ready_message": process.ready_message,
        "ready_time": _when(process.ready_time),
        "dropped_lines": process.output.dropped_lines if process.output is not None else 0,
    }


def _next(process: Process, queue: StartQueue) -> str:
    from supervice.supervision.next_step import next_step

    return next_step(process, queue)


def _when(seconds: float | None) -> str | None:
    return None if seconds is None else timestamp(seconds)


def reason(process: Process, queue: StartQueue) -> str:
    """Returns why it is in its state; for one that was left stopped, what it lacks."""
    snapshot, child = process.snapshot, process.process
    if child is not None and child.returncode is not None:
        return f"{ended(child.returncode)}; what it left is being stopped"
    left = queue.why_left(process) or snapshot.reason or process.obstacle
    if process.beside is not None and (said := process.beside.words()):
        left = f"{left}; {said}" if left else said
    if left or snapshot.ready or not snapshot.started:
        return left
    if snapshot.state == STARTING:
        said = f" ({process.ready_message})" if process.ready_message else ""
        return f"not ready yet, ready = {process.config.ready}{said}"
    return f"not ready: {process.ready_message}" if snapshot.state in UP and process.ready_message else ""


def why(process: Process, queue: StartQueue) -> str:
    """Returns the same with a leading colon, to end a sentence; "" when there is no reason."""
    waiting = queue.waiting_for(process)
    text = f"waits for {', '.join(waiting)}" if waiting else reason(process, queue)
    return f": {text}" if text else ""
