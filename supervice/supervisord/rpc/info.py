"""Describes processes for supervisord's clients: names, states, and structs.

Looks only. The fields are those of supervisord 4.3.0; states that it does not know are shown as the nearest
that it does.
"""

from __future__ import annotations

import time

from supervice.config.values import signal_number
from supervice.lifecycle.states import (
    BACKOFF,
    EXITED,
    FATAL,
    RESTING,
    RUNNING,
    STARTING,
    STOPPED,
    STOPPING,
    UNHEALTHY,
)
from supervice.models import group_of, group_priority, member_of, program_of
from supervice.supervision.status import pid_of, reason
from supervice.supervisord.rpc.codec import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from supervice.models import ProgramConfig
    from supervice.process import Process
    from supervice.runner.waiting import StartQueue
    from supervice.supervision.table import ProcessTable

STATES = {STOPPED: 0, STARTING: 10, RUNNING: 20, BACKOFF: 30, STOPPING: 40, EXITED: 100, FATAL: 200}
LATEST = 2**31 - 1  # the largest time that supervisord's clients expect


def split(name: str) -> tuple[str, str | None]:
    """Splits `group:process`, `group:*` or `process` into group and process; None is the whole group."""
    group, colon, member = name.partition(":")
    if not colon:
        return name, name
    return group, None if member in ("", "*") else member


def find(table: ProcessTable, name: str) -> list[Process] | Process:
    """Returns the process called `name`, or all of a group. BAD_NAME."""
    group, member = split(name)
    members = group_members(table, group)
    if not members:
        raise Fault("BAD_NAME", name)
    if member is None:
        return members
    for process in members:
        if member_of(process.config) == member:
            return process
    raise Fault("BAD_NAME", name)


def find_one(table: ProcessTable, name: str) -> Process:
    found = find(table, name)
    if isinstance(found, list):
        raise Fault("BAD_NAME", name)
    return found


def group_members(table: ProcessTable, group: str) -> list[Process]:
    """Returns the processes of a group in the order in which supervisord starts them."""
    return _in_order([p for p in table.processes.values() if group_of(p.config) == group])


def every(table: ProcessTable) -> list[Process]:
    """Returns all processes in the order in which supervisord starts them."""
    return _in_order(table.processes.values())


def _in_order(processes: Collection[Process]) -> list[Process]:
    """Sorts by the priorities of groups and programs, then as the file has them (supervisord: `programs`)."""
    programs = dict.fromkeys(program_of(process.config) for process in processes)
    written = {program: place for place, program in enumerate(programs)}

    def place(process: Process) -> tuple[int, str, int, int, str]:
        config = process.config
        of_group = group_priority(config), group_of(config)
        return *of_group, config.priority, written[program_of(config)], member_of(config)

    return sorted(processes, key=place)


def state_of(queue: StartQueue, process: Process) -> str:
    """Returns the state in supervisord's words. A process that waits for others is STARTING."""
    if process.state == UNHEALTHY:
        return RUNNING
    if process.state in RESTING and queue.is_waiting(process):
        return STARTING
    return process.state


def is_running(queue: StartQueue, process: Process) -> bool:
    return state_of(queue, process) in (STARTING, RUNNING, BACKOFF)


def process_info(queue: StartQueue, process: Process) -> dict[str, Any]:
    config = process.config
    state = state_of(queue, process)
    status = process.snapshot.status if state in (EXITED, FATAL, BACKOFF, STOPPED) else None
    stopped = process.exits[-1].when if process.exits else 0
    stdout = log_path(config.stdout_logfile)
    info = {
        "name": member_of(config),
        "group": group_of(process.config),
        "start": min(int(process.started_at or 0), LATEST),
        "stop": min(int(stopped), LATEST),
        "now": min(int(time.time()), LATEST),
        "state": STATES[state],
        "statename": state,
        "spawnerr": reason(process, queue) if state in (BACKOFF, FATAL) else "",
        "exitstatus": 0 if status is None else max(status, -1),  # -1: killed by a signal
        "logfile": stdout,
        "stdout_logfile": stdout,
        "stderr_logfile": "" if config.redirect_stderr else log_path(config.stderr_logfile),
        "pid": pid_of(process) or 0,
    }
    info["description"] = _description(queue, process, info)
    return info


def _description(queue: StartQueue, process: Process, info: dict[str, Any]) -> str:
    """Returns what `supervisorctl status` shows beside the state, in supervisord's form if it has one."""
    state = info["statename"]
    if state == RUNNING:
        seconds = int(process.uptime or 0)
        days, rest = divmod(seconds, 86400)
        clock = f"{rest // 3600}:{rest // 60 % 60:02d}:{rest % 60:02d}"
        day = f"{days} day{'s' if days > 1 else ''}, " if days else ""
        return f"pid {info['pid']}, uptime {day}{clock}"
    if state in (BACKOFF, FATAL):
        return str(info["spawnerr"])
    if state == STARTING:
        waiting = queue.waiting_for(process)
        return f"waits for {', '.join(waiting)}" if waiting else ""
    if state in (STOPPED, EXITED):
        if not info["start"]:
            return "Not started"
        return time.strftime("%b %d %I:%M %p", time.localtime(info["stop"]))
    return ""


def log_path(path: str | None) -> str:
    """Returns the log file; "" without one: then the output goes to the container's own."""
    return path if path and path != "NONE" else ""


def config_info(config: ProgramConfig, inuse: bool) -> dict[str, Any]:
    """Returns what `getAllConfigInfo` says of one process of the configuration that was read last."""
    uid: int | str = "none"
    if config.user is not None:
        from supervice.pid1.identity import resolve

        try:
            uid = resolve(config.user).uid
        except LookupError:
            pass  # there is no such user (yet); a start will say so
    rung = config.stopsignal.split()[0].partition(":")[0]
    info: dict[str, Any] = {
        "autostart": config.autostart,
        "directory": config.directory or "none",
        "uid": uid,
        "command": config.command,
        "exitcodes": list(config.exitcodes),
        "group": group_of(config),
        "group_prio": group_priority(config),
        "inuse": inuse,
        "killasgroup": config.killasgroup,
        "name": member_of(config),
        # -1 is the default priority of a listener's group in supervisord; its processes have that of programs
        "process_prio": 999 if config.listener is not None and config.priority == -1 else config.priority,
        "redirect_stderr": config.redirect_stderr,
        "startretries": config.startretries,
        "startsecs": config.startsecs,
        "stopsignal": signal_number(rung),
        "stopwaitsecs": config.stopwaitsecs,
        "serverurl": config.serverurl or "none",
    }
    for stream in ("stdout", "stderr"):
        path = getattr(config, f"{stream}_logfile")
        if stream == "stderr" and config.redirect_stderr:
            path = "NONE"
        info[f"{stream}_logfile"] = "none" if path == "NONE" else path or "auto"
        info[f"{stream}_logfile_backups"] = getattr(config, f"{stream}_logfile_backups")
        info[f"{stream}_logfile_maxbytes"] = getattr(config, f"{stream}_logfile_maxbytes")
        info[f"{stream}_capture_maxbytes"] = getattr(config, f"{stream}_capture_maxbytes", 0)
        info[f"{stream}_events_enabled"] = getattr(config, f"{stream}_events_enabled", False)
        info[f"{stream}_syslog"] = False
    return info
