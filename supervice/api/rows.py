"""The rows of replies: those of `health` and `graph`, and the outcome of an action."""

from __future__ import annotations

from supervice.control.protocol import FAILED, CommandError
from supervice.lifecycle.states import BACKOFF, EXITED, RUNNING, STOPPING, UP
from supervice.models import program_of
from supervice.supervision.status import conditions_of, health, readiness, reason, why

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from supervice.config import Problem
    from supervice.lifecycle.reload_plan import ReloadPlan
    from supervice.process import Process
    from supervice.runner.waiting import StartQueue

    Reply = dict[str, Any]

# `healthy` in a row of `health`, as in `status`: None where no check has answered.
HEALTHY = {"ok": True, "failed": False}


def health_row(process: Process, queue: StartQueue) -> Reply:
    name, plans = process.config.name, queue.plans
    failed = plans.failed(name) if plans is not None else ""
    waiting = queue.waiting_for(process)
    return {
        "name": name,
        "state": process.state,
        "healthy": False if failed else HEALTHY.get(health(process, queue)),
        "ready": readiness(process),
        "waiting_for": waiting,
        "message": (f"waits for {', '.join(waiting)}" if waiting else "")
        or (f"the last run failed: {failed}" if failed else reason(process, queue))
        or (process.health_message if process.state in UP else ""),  # of its last run otherwise
    }


def graph(processes: Iterable[Process], queue: StartQueue) -> Reply:
    """Returns what `graph` answers: the programs in file order, what each needs, and its processes."""
    programs: dict[str, Reply] = {}
    for process in processes:
        config = process.config
        name = program_of(config)
        program = programs.setdefault(name, {"name": name, "depends_on": [], "processes": []})
        for needed, condition in config.depends_on:
            need = {"program": needed, "condition": condition}
            if need not in program["depends_on"]:  # %(process_num)s may give each process another
                program["depends_on"].append(need)
        program["processes"].append(
            {
                "name": config.name,
                "state": process.state,
                "ready": process.snapshot.ready,
                "healthy": process.snapshot.healthy,
                "conditions": sorted(conditions_of(process)),
                "waiting_for": queue.waiting_for(process),
                "reason": reason(process, queue),
            }
        )
    return {"status": "ok", "programs": list(programs.values())}


def outcome(process: Process, ok: bool, message: str) -> Reply:
    return {"name": process.config.name, "ok": ok, "message": message, "state": process.state}


def started(process: Process, queue: StartQueue, verb: str, reached: str | None) -> Reply:
    name = process.config.name
    if reached in UP or (reached == EXITED and process.expected and process.snapshot.status == 0):
        return outcome(process, True, f"{verb} {name}")
    if process.config.schedule is not None and process.pid is not None:
        return outcome(process, True, f"{verb} {name}; it runs, pid {process.pid}")
    state = process.state if process.state in (BACKOFF, STOPPING) else reached or process.state
    return outcome(process, False, f"{name} did not reach {RUNNING} (state: {state}){why(process, queue)}")


def restarted(process: Process, queue: StartQueue, reached: str | None, kept: dict[str, str]) -> Reply:
    """Returns the outcome of a restart; `kept` has the processes that went on as they were, and why."""
    name = process.config.name
    if name in kept:
        return outcome(process, False, f"{name} was not restarted: {kept[name]}; pid {process.pid} goes on")
    return started(process, queue, "Restarted", reached)


def stopped(process: Process, queue: StartQueue, ok: bool) -> Reply:
    name = process.config.name
    if ok:
        return outcome(process, True, f"Stopped {name}")
    return outcome(process, False, f"{name} did not stop (state: {process.state}){why(process, queue)}")


def results(rows: list[Reply]) -> Reply:
    """Returns one reply for one or more processes. `CommandError` FAILED when one did not do as asked."""
    failed = [row["message"] for row in rows if not row["ok"]]
    if failed:
        raise CommandError(FAILED, "; ".join(failed), results=rows)
    message = "; ".join(row["message"] for row in rows) or "No processes"
    return {"status": "ok", "message": message, "results": rows}


def reloaded(plan: ReloadPlan, warnings: Iterable[Problem], *, dry_run: bool) -> Reply:
    """Returns the reply to a reload, with what changed in each process."""
    lists = {"added": plan.added, "removed": plan.removed, "changed": plan.changed}
    message = "; ".join(f"{what} {', '.join(names)}" for what, names in lists.items() if names)
    if dry_run:
        message = f"would be: {message}" if message else "nothing would change"
    return {
        "status": "ok",
        "message": message or "No changes detected",
        "dry_run": dry_run,
        **lists,
        "adjusted": plan.adjusted,
        "options": plan.reasons,
        "settings": plan.settings,
        "restart_required": plan.restart_required,
        "warnings": [str(problem) for problem in warnings],
    }
