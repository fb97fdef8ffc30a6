"""Renders replies of the daemon as text for people: what both clients show. Pure.

`supervice.client.Controller` prints the table of processes and the result of a reload as `supervicectl` does,
and must not depend on the command line; text that only `supervicectl` shows is in `cli`. Fields that a reply
lacks (an older daemon's, or upstream's) are left out.
"""

from __future__ import annotations

from supervice.control.columns import Look, table
from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "RUNNING_STATES",
    "clean",
    "detail",
    "duration",
    "health_cell",
    "reload_text",
    "shown_state",
    "status_table",
    "uptime",
]

RUNNING_STATES = frozenset(("RUNNING", "UNHEALTHY"))
AT_REST = frozenset(("STOPPED", "EXITED", "FATAL"))
# The columns of `status` that are dropped on a narrow terminal, in this order.
STATUS_DROP = ("EXIT", "HEALTH", "RESTARTS", "PID", "UPTIME", "DETAIL")
# Signals that processes end by; the module `signal` costs more than the whole table.
SIGNALS = {
    1: "SIGHUP",
    2: "SIGINT",
    3: "SIGQUIT",
    4: "SIGILL",
    6: "SIGABRT",
    7: "SIGBUS",
    8: "SIGFPE",
    9: "SIGKILL",
    10: "SIGUSR1",
    11: "SIGSEGV",
    12: "SIGUSR2",
    13: "SIGPIPE",
    14: "SIGALRM",
    15: "SIGTERM",
    31: "SIGSYS",
}


def duration(seconds: object) -> str:
    """Returns a time with units: `0.03 s`, `41 s`, `2 min 5 s`, `3 h 12 min`, `4 d 2 h`; "-" for None."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e12:
        return "-"
    if seconds < 60:
        return f"{seconds:.{2 if seconds < 1 else 1 if seconds < 10 else 0}f} s"
    for unit, size, smaller, part in _UNITS:
        if seconds >= size:
            rest = int(seconds % size) // part
            return f"{int(seconds // size)} {unit}" + (f" {rest} {smaller}" if rest else "")
    return "-"


_UNITS = (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1))


def uptime(seconds: object) -> str:
    """Returns the same for a cell: `41s`, `2m5s`, `3h12m`, `4d2h`."""
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < 60:
        return f"{int(seconds)}s"
    return duration(seconds).replace("min", "m").replace(" ", "")


def health_cell(value: object) -> str:
    """Returns the cell of the column HEALTH."""
    return "ok" if value is True else "failed" if value is False else "-"


def detail(process: dict[str, Any]) -> str:
    """Returns what a person who looks at this process should know besides its state."""
    parts = []
    waiting = process.get("waiting_for")
    if waiting:
        names = waiting if isinstance(waiting, list) else [waiting]
        parts.append("waits for " + ", ".join(clean(name) for name in names))
    elif process.get("state") in AT_REST and process.get("next"):
        parts.append(clean(process["next"]))
    reason = process.get("reason")
    if reason:
        parts.append(clean(reason))
    elif process.get("state") in ("EXITED", "BACKOFF", "FATAL"):
        if process.get("signal"):
            parts.append(f"killed by signal {clean(process['signal'])}")
        elif process.get("exitcode") is not None:
            parts.append(f"exit code {clean(process['exitcode'])}")
    if process.get("schedule"):
        parts.append(clean(process["schedule"]))
    if process.get("status_text"):
        parts.append(clean(process["status_text"]))
    if process.get("dropped_lines"):
        parts.append(f"{clean(process['dropped_lines'])} lines of output dropped")
    return "; ".join(parts)


def shown_state(process: dict[str, Any]) -> str:
    """Returns its state, or WAITING while it waits for its dependencies or its turn."""
    state = clean(process.get("state", "?"))
    return "WAITING" if state in AT_REST and (process.get("waiting_for") or process.get("next")) else state


def last_exit(process: dict[str, Any]) -> str:
    """Returns the cell of the column EXIT: the code or signal of the last exit, or -."""
    number = process.get("signal")
    if number:
        return SIGNALS.get(number, f"signal {clean(number)}") if isinstance(number, int) else "?"
    code = process.get("exitcode")
    return "-" if code is None else clean(code)


def severity(process: dict[str, Any]) -> int:
    """Returns 0 for a process that needs a person, 1 for one that may, 2 for the rest."""
    state = process.get("state")
    if state in ("FATAL", "UNHEALTHY"):
        return 0
    failed = (
        state == "EXITED" and (process.get("signal") or process.get("exitcode")) and process.get("reason")
    )
    return 1 if failed or state == "BACKOFF" or process.get("healthy") is False else 2


def status_table(reply: dict[str, Any], look: Look | None = None) -> str:
    """Returns the table of `status`, most urgent rows first; with resources, the usage too."""
    processes = [p for p in reply.get("processes", ()) if isinstance(p, dict)]
    if not processes:
        return "No programs\n"
    header = ["NAME", "STATE", "PID", "UPTIME", "HEALTH", "RESTARTS", "EXIT", "DETAIL"]
    rows = [_status_row(process) for process in sorted(processes, key=severity)]
    if not any(row[-1] for row in rows):
        header.pop()
        for row in rows:
            row.pop()
    above, right = "", ["PID", "UPTIME", "RESTARTS"]
    if any("resources" in process for process in processes):
        from supervice.control import resource_cells

        header[4:4] = resource_cells.HEADER
        right += resource_cells.HEADER
        for process, row in zip(sorted(processes, key=severity), rows, strict=True):
            row[4:4] = resource_cells.cells(process)
        line = resource_cells.container_line(reply)
        above = f"{line}\n" if line else ""
    return above + table(header, rows, look or Look(), right=right, drop=STATUS_DROP)


def _status_row(process: dict[str, Any]) -> list[str]:
    state = shown_state(process)
    return [
        clean(process.get("name", "?")),
        state,
        str(process.get("pid") or "-"),
        uptime(process.get("uptime")) if state in RUNNING_STATES else "-",
        health_cell(process.get("healthy")),
        clean(process.get("restarts", "-")),
        last_exit(process),
        detail(process),
    ]


_RELOADED = (
    ("added", "Added", "Would add"),
    ("removed", "Removed", "Would stop and remove"),
    ("changed", "Changed", "Would restart"),
    ("adjusted", "Adjusted", "Would adjust"),
    ("settings", "Settings", "Would set"),
)


def _with_options(name: object, options: object) -> str:
    known = [clean(option) for option in options] if isinstance(options, list) else []
    return f"{clean(name)} ({', '.join(known)})" if known else clean(name)


def reload_text(reply: dict[str, Any]) -> str:
    """Returns what a reload did, or would do, with the options that differ."""
    dry = reply.get("dry_run") is True
    options = reply.get("options")
    options = options if isinstance(options, dict) else {}
    lines = []
    for key, done, would in _RELOADED:
        names = [_with_options(name, options.get(name)) for name in reply.get(key) or ()]
        if names:
            lines.append(f"{would if dry else done}: {', '.join(names)}")
    if not lines:
        lines.append("Nothing would change" if dry else "No changes detected")
    if reply.get("restart_required"):
        names = [clean(name) for name in reply["restart_required"]]
        lines.append(f"Restart the container to apply: {', '.join(names)}")
    lines += [f"warning: {clean(warning)}" for warning in reply.get("warnings", ())]
    return "\n".join(lines) + "\n"
