"""What the doors say of a process: rows of `status` and `health`, and what became of a request."""

from __future__ import annotations

from supervice.api.logs import timestamp
from supervice.control.protocol import FAILED, CommandError
from supervice.lifecycle.graph import conditions_met
from supervice.lifecycle.states import BACKOFF, EXITED, FATAL, RUNNING, STARTING, STOPPING, UNHEALTHY, UP
from supervice.lifecycle.states import describe as how
from supervice.supervision.process_names import group_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from supervice.process import Process
    from supervice.supervision.startup import Startup

    Reply = dict[str, Any]


def is_live(process: Process) -> bool:
    """False when it, and with it the container, had better be restarted."""
    important = process.config.main or process.config.critical
    return process.state != UNHEALTHY and not (important and process.state == FATAL)


def readiness(process: Process) -> bool | None:
    """Whether it does its work or has done it; None of one that is not meant to run by itself."""
    if process.state == EXITED and process.expected:
        return True
    if process.snapshot.ready:
        return True
    by_itself = process.config.autostart or process.should_run or process.foreground is not None
    return False if by_itself else None


def is_ready(process: Process) -> bool:
    """Whether nobody has to wait for it: it is ready, done, or not meant to run."""
    return readiness(process) is not False


def health_row(process: Process, startup: Startup) -> Reply:
    return {
        "name": process.config.name,
        "state": process.state,
        "healthy": is_live(process),
        "ready": readiness(process),
        "message": reason(process, startup) or process.health_message,
    }


def graph(processes: Iterable[Process], startup: Startup) -> Reply:
    """What `graph` answers: the programs in the order of the file, what each needs, how its processes are."""
    programs: dict[str, Reply] = {}
    for process in processes:
        config = process.config
        name = config.program or config.name
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
                "waiting_for": startup.waiting_for(process),
                "reason": reason(process, startup),
            }
        )
    return {"status": "ok", "programs": list(programs.values())}


def last_exits(process: Process, startup: Startup) -> Reply:
    """What `why` answers."""
    exits = [
        {
            "time": timestamp(one.when),
            "reason": how(one.status),
            "pid": one.pid,
            "exitcode": one.status if one.status >= 0 else None,
            "signal": -one.status if one.status < 0 else None,
            "runtime": round(one.ran_for, 3),
            "output": one.output.decode("utf-8", "replace").splitlines(),
        }
        for one in process.exits
    ]
    return {
        "status": "ok",
        "name": process.config.name,
        "state": process.state,
        "reason": reason(process, startup),
        "exits": exits,
    }


def conditions_of(process: Process) -> frozenset[str]:
    """The conditions of `depends_on` that it fulfils."""
    oneshot = process.config.type == "oneshot"
    return conditions_met(process.snapshot, oneshot=oneshot, expected=process.expected)


def describe(process: Process, startup: Startup) -> Reply:
    """One row of `status`."""
    snapshot = process.snapshot
    status = snapshot.status
    return {
        "name": process.config.name,
        "group": group_of(process),
        "state": snapshot.state,
        "pid": snapshot.pid,
        "uptime": None if process.uptime is None else round(process.uptime, 3),
        "healthy": snapshot.healthy,
        "ready": snapshot.ready,
        "exitcode": status if status is not None and status >= 0 else None,
        "signal": -status if status is not None and status < 0 else None,
        "reason": reason(process, startup),
        "restarts": process.restarts,
        "waiting_for": startup.waiting_for(process),
        "status_text": process.status_text,
        "health_message": process.health_message,
        "health_time": _when(process.health_time),
        "ready_message": process.ready_message,
        "ready_time": _when(process.ready_time),
        "dropped_lines": process.output.dropped_lines if process.output is not None else 0,
    }


def _when(seconds: float | None) -> str | None:
    return None if seconds is None else timestamp(seconds)


def reason(process: Process, startup: Startup) -> str:
    """Why it is where it is; of one that was left stopped, what it lacks."""
    snapshot = process.snapshot
    left = startup.why_left(process) or snapshot.reason
    if left or snapshot.ready or not snapshot.started:
        return left
    if snapshot.state == STARTING:
        said = f" ({process.ready_message})" if process.ready_message else ""
        return f"not ready yet, ready = {process.config.ready}{said}"
    return f"not ready: {process.ready_message}" if snapshot.state in UP and process.ready_message else ""


def why(process: Process, startup: Startup) -> str:
    waiting = startup.waiting_for(process)
    text = f"waits for {', '.join(waiting)}" if waiting else reason(process, startup)
    return f": {text}" if text else ""


def outcome(process: Process, ok: bool, message: str) -> Reply:
    return {"name": process.config.name, "ok": ok, "message": message, "state": process.state}


def started(process: Process, startup: Startup, verb: str, reached: str | None) -> Reply:
    name = process.config.name
    if reached in UP or (reached == EXITED and process.expected and process.snapshot.status == 0):
        return outcome(process, True, f"{verb} {name}")
    state = process.state if process.state in (BACKOFF, STOPPING) else reached or process.state
    return outcome(process, False, f"{name} did not reach {RUNNING} (state: {state}){why(process, startup)}")


def stopped(process: Process, startup: Startup, ok: bool) -> Reply:
    name = process.config.name
    if ok:
        return outcome(process, True, f"Stopped {name}")
    return outcome(process, False, f"{name} did not stop (state: {process.state}){why(process, startup)}")


def results(rows: list[Reply]) -> Reply:
    """One reply for one or many processes. `CommandError` FAILED when one did not do what was asked."""
    failed = [row["message"] for row in rows if not row["ok"]]
    if failed:
        raise CommandError(FAILED, "; ".join(failed), results=rows)
    message = "; ".join(row["message"] for row in rows) or "No processes"
    return {"status": "ok", "message": message, "results": rows}
