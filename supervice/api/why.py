"""What `why` answers: what a process is and what happens next, why, and its last exits. Loaded when asked."""

from __future__ import annotations

from supervice.lifecycle.states import (
    BACKOFF,
    EXITED,
    FATAL,
    PRE_STOP,
    STARTING,
    STOPPED,
    STOPPING,
    UNHEALTHY,
    spell,
)
from supervice.lifecycle.states import describe as how
from supervice.pid1.signals import name as signal_name
from supervice.supervision.journal import timestamp
from supervice.supervision.status import reason

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
    reply: Reply = {
        "status": "ok",
        "name": process.config.name,
        "state": process.state,
        "pid": process.pid,
        "uptime": None if process.uptime is None else round(process.uptime, 3),
        "waiting_for": queue.waiting_for(process),
        "next": next_step(process, queue),
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


def next_step(process: Process, queue: StartQueue) -> str:
    """Returns what happens next by itself, in words; "" where nothing is due."""
    waiting = queue.waiting_for(process)
    if waiting:
        return f"starts as soon as {' and '.join(_condition(word) for word in waiting)}"
    if process.obstacle:
        return f"starts as soon as {process.obstacle.removesuffix(' does not answer yet')} answers"
    handle = _STEPS.get(process.state)
    return handle(process) if handle is not None else ""


def _condition(word: str) -> str:
    name, _, condition = word.rpartition(":")
    return f"{name} is {_CONDITIONS.get(condition, condition)}" if name else word


_CONDITIONS = {"started": "up", "completed": "done"}


def _backoff(process: Process) -> str:
    snapshot, most = process.snapshot, process.policy.startretries
    seconds = spell(process.timer_left)
    if snapshot.shortages:
        return f"next try in {seconds}"
    if snapshot.failures:
        nth = snapshot.failures
    elif snapshot.trigger.startswith("exit"):  # it was up, and ended soon after a restart
        return f"retry {max(snapshot.quick_deaths - 1, 1)} in {seconds}"
    else:
        nth = snapshot.health_restarts
    return f"retry {nth} of {most} in {seconds}" if most >= 0 else f"retry {nth} in {seconds}"


def _starting(process: Process) -> str:
    left, policy = process.timer_left, process.policy
    if process.pid is None or policy.oneshot:
        return ""
    if process.snapshot.started:
        return f"has to become ready within {spell(left)}, else its start has failed" if left else ""
    return f"startsecs are over in {spell(left)}"


def _stopping(process: Process) -> str:
    snapshot, policy = process.snapshot, process.policy
    assert snapshot.stop is not None
    step, left = snapshot.stop.step, spell(process.timer_left)
    if step == PRE_STOP:
        text = f"its pre_stop command runs; the stop signal follows within {left}"
    elif step >= len(policy.stop_ladder):
        text = "SIGKILL was sent"
    else:
        following = policy.stop_ladder[step + 1][0] if step + 1 < len(policy.stop_ladder) else 9
        text = f"{signal_name(following)} in {left}"
    return f"{text}; then it starts again" if snapshot.should_run else text


def _unhealthy(process: Process) -> str:
    if process.policy.health_restarts:
        return ""
    return "runs on, because healthcheck_action is none"


def _at_rest(process: Process) -> str:
    name = process.config.name
    if process.state == EXITED and process.config.schedule is not None:
        return ""
    return f"stays so until: supervicectl start {name}"


_STEPS = {
    BACKOFF: _backoff,
    STARTING: _starting,
    STOPPING: _stopping,
    UNHEALTHY: _unhealthy,
    STOPPED: _at_rest,
    EXITED: _at_rest,
    FATAL: _at_rest,
}
