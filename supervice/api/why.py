"""Answers `why`: the state of a process, what happens next and why, and its last exits.

Loaded with the first such request.
"""

from __future__ import annotations

from supervice.lifecycle.states import RESTING
from supervice.lifecycle.states import describe as how
from supervice.supervision.journal import timestamp
from supervice.supervision.next_step import next_step
from supervice.supervision.status import pid_of, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.process import Process
    from supervice.runner.reporting import Exit
    from supervice.runner.waiting import StartQueue

    Reply = dict[str, Any]


def answer(process: Process, queue: StartQueue) -> Reply:
    """Returns the reply."""
    snapshot = process.snapshot
    following = next_step(process, queue)
    if not following and process.state in RESTING and process.config.schedule is None:
        following = f"stays so until: supervicectl start {process.config.name}"
    reply: Reply = {
        "status": "ok",
        "name": process.config.name,
        "state": process.state,
        "pid": pid_of(process),
        "uptime": None if process.uptime is None else round(process.uptime, 3),
        "waiting_for": queue.waiting_for(process),
        "next": following,
        "reason": reason(process, queue),
        "trigger": snapshot.trigger,
        "has_run": process.started_at is not None,
        "failed_starts": snapshot.failures,
        "restarts": process.restarts,
        "exits": [_ended(one) for one in process.exits],
    }
    if queue.plans is not None and process.config.name in queue.plans:
        reply["schedule"] = queue.plans.row(process.config.name)
    return reply


def _ended(one: Exit) -> Reply:
    return {
        "time": timestamp(one.when),
        "reason": one.oom or how(one.status),
        "oom": bool(one.oom),
        "trigger": one.trigger,
        "pid": one.pid,
        "exitcode": one.status if one.status >= 0 else None,
        "signal": -one.status if one.status < 0 else None,
        "runtime": round(one.ran_for, 3),
        "output": one.output.decode("utf-8", "replace").splitlines(),
    }
