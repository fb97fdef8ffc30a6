"""Replies of the daemon as text for people. Pure: prints nothing, asks nobody.

Takes replies as they come: a field that is missing (an older daemon, upstream's) is left out.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RUNNING_STATES = frozenset(("RUNNING", "UNHEALTHY"))

_GREEN, _YELLOW, _RED, _RESET = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
_COLORS = {
    "RUNNING": _GREEN,
    "STARTING": _YELLOW,
    "BACKOFF": _YELLOW,
    "STOPPING": _YELLOW,
    "FATAL": _RED,
    "UNHEALTHY": _RED,
    "FAIL": _RED,
}


def clean(value: object) -> str:
    """`value` on one line, without anything that a terminal would take as a command."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c in "\t\n\r" else f"\\x{ord(c):02x}" for c in text)


def uptime(seconds: object) -> str:
    """M:SS, from an hour on H:MM:SS; "-" for what is no time."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e12:
        return "-"
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def health(value: object) -> str:
    return "OK" if value is True else "FAIL" if value is False else "-"


def detail(process: dict[str, Any]) -> str:
    """What somebody who looks at this process should know besides its state."""
    parts = []
    waiting = process.get("waiting_for")
    if waiting:
        names = waiting if isinstance(waiting, list) else [waiting]
        parts.append("waits for " + ", ".join(clean(name) for name in names))
    reason = process.get("reason")
    if reason:
        parts.append(clean(reason))
    elif process.get("state") in ("EXITED", "BACKOFF", "FATAL"):
        if process.get("signal"):
            parts.append(f"killed by signal {clean(process['signal'])}")
        elif process.get("exitcode") is not None:
            parts.append(f"exit code {clean(process['exitcode'])}")
    if process.get("status_text"):
        parts.append(clean(process["status_text"]))
    if process.get("dropped_lines"):
        parts.append(f"{clean(process['dropped_lines'])} lines of output dropped")
    return "; ".join(parts)


def table(header: list[str], rows: list[list[str]], color: bool) -> str:
    """Columns as wide as they must be; the last one is not padded. Every line ends with a newline."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    widths[-1] = 0
    lines = []
    for row in [header, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if color and row is not header:
            cells = [
                _COLORS[cell] + padded + _RESET if cell in _COLORS else padded
                for cell, padded in zip(row, cells, strict=True)
            ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def status_table(reply: dict[str, Any], color: bool = False) -> str:
    """The table of `status`."""
    processes = [p for p in reply.get("processes", ()) if isinstance(p, dict)]
    if not processes:
        return "No programs\n"
    header = ["NAME", "STATE", "PID", "UPTIME", "HEALTH", "DETAIL"]
    rows = []
    for process in processes:
        state = clean(process.get("state", "?"))
        rows.append(
            [
                clean(process.get("name", "?")),
                state,
                str(process.get("pid") or "-"),
                uptime(process.get("uptime")) if state in RUNNING_STATES else "-",
                health(process.get("healthy")),
                detail(process),
            ]
        )
    if not any(row[-1] for row in rows):
        header.pop()
        for row in rows:
            row.pop()
    return table(header, rows, color)


def health_text(reply: dict[str, Any], color: bool = False) -> str:
    """The lines of `health`: what is wrong first, since Docker shows only the beginning."""
    processes = [p for p in reply.get("processes", ()) if isinstance(p, dict)]
    verdict = "healthy" if reply.get("healthy") is True else "not healthy"
    if not processes:
        return verdict + "\n"
    rows = []
    for process in processes:
        name, state = clean(process.get("name", "?")), clean(process.get("state", "?"))
        ready = (
            "ready" if process.get("ready") is True else "not ready" if process.get("ready") is False else "-"
        )
        why = clean(process.get("message") or "")
        rows.append([name, state, health(process.get("healthy")), ready, why])
    rows.sort(key=lambda row: (row[2] != "FAIL", row[3] != "not ready"))
    return verdict + "\n" + table(["NAME", "STATE", "HEALTH", "READY", "DETAIL"], rows, color)


def reload_text(reply: dict[str, Any]) -> str:
    """What a reload did, or would do."""
    lines = []
    titles = {"added": "Added", "removed": "Removed", "changed": "Changed"}
    for key, title in titles.items():
        if reply.get(key):
            lines.append(f"{title}: {', '.join(clean(name) for name in reply[key])}")
    if not lines:
        lines.append("No changes detected")
    if reply.get("restart_required"):
        names = ", ".join(clean(name) for name in reply["restart_required"])
        lines.append(f"Needs a new start of supervice: {names}")
    lines += [f"warning: {clean(warning)}" for warning in reply.get("warnings", ())]
    return "\n".join(lines) + "\n"


def event_line(event: dict[str, Any]) -> str:
    """One event: its time, what it is, and what else it says."""
    rest = " ".join(f"{clean(k)}={clean(v)}" for k, v in event.items() if k not in ("time", "type", "name"))
    words = [clean(event[key]) for key in ("time", "type", "name") if event.get(key) is not None]
    return " ".join([*words, rest]).rstrip() + "\n"


def why_text(reply: dict[str, Any], name: str) -> str:
    """The last exits of a process, the newest last."""
    exits = [e for e in reply.get("exits", ()) if isinstance(e, dict)]
    if not exits:
        return f"{clean(name)} has not exited\n"
    lines = []
    for exit_ in exits:
        known = [
            f"{label} {clean(exit_[key])}"
            for key, label in (("pid", "pid"), ("exitcode", "exit code"), ("signal", "signal"))
            if exit_.get(key) is not None
        ]
        if exit_.get("runtime") is not None:
            known.append(f"after {uptime(exit_['runtime'])}")
        lines.append(" ".join(clean(exit_[k]) for k in ("time", "reason") if exit_.get(k) is not None))
        lines[-1] = f"{lines[-1]} ({', '.join(known)})".strip()
        output = exit_.get("output") or []
        lines += [
            "    " + clean(line) for line in (output if isinstance(output, list) else output.splitlines())
        ]
    return "\n".join(lines) + "\n"
