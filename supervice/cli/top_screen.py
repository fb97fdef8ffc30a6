"""Draws the screen of `supervicectl top`: turns a reply of `status` into lines that fit a terminal. Pure."""

from __future__ import annotations

from supervice.control.columns import GAP, RESET, Look, colored, columns_of
from supervice.control.render import RUNNING_STATES, clean, detail, health_cell, severity, shown_state, uptime
from supervice.control.resource_cells import HEADER, cells, container_line
from supervice.lean.dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Row = dict[str, str]

# The columns from left to right; a narrow terminal hides the last of KEPT first.
COLUMNS = ("NAME", "STATE", "PID", *HEADER, "UPTIME", "HEALTH", "RESTARTS", "DETAIL")
KEPT = (
    "NAME",
    "STATE",
    "CPU%",
    "MEMORY",
    "PID",
    "UPTIME",
    "PROCS",
    "CPU",
    "FILES",
    "HEALTH",
    "RESTARTS",
    "DETAIL",
)
RIGHT = frozenset(("PID", *HEADER, "UPTIME", "RESTARTS"))
LONGEST_NAME = 24
LEAST_DETAIL = 16
REVERSE = "\x1b[7m"
KEYS = "q quit   s sort   k stop   r restart   l last lines   h help"
HELP = (
    "up, down   choose a process",
    "s          sort by cpu, memory or name",
    "k          stop the process; it stays stopped",
    "r          restart it",
    "l          its last lines",
    "h          this help",
    "q          quit; Ctrl-C does the same",
)


@dataclass(frozen=True)
class View:
    """What the user looks at, and how."""

    sort: str = "cpu"
    chosen: str = ""  # the name of the process that keys act on
    message: str = ""  # a question, or what a key has led to
    above: tuple[str, ...] = ()  # in place of the processes: help, or last lines


def order(reply: dict[str, Any], sort: str) -> list[dict[str, Any]]:
    """Returns the processes in the order shown; those that use most come first."""
    rows = [row for row in reply.get("processes", ()) if isinstance(row, dict)]
    if sort == "name":
        return sorted(rows, key=lambda row: clean(row.get("name", "?")))
    key = "memory" if sort == "mem" else "cpu_percent"
    return sorted(rows, key=lambda row: (-_used(row, key), severity(row), clean(row.get("name", "?"))))


def _used(row: dict[str, Any], key: str) -> float:
    used = row.get("resources")
    number = used.get(key) if isinstance(used, dict) else None
    return float(number) if isinstance(number, int | float) else -1.0


def screen(reply: dict[str, Any], view: View, width: int, height: int, look: Look) -> list[str]:
    """Returns at most `height` lines of at most `width` columns, ready to be written to the terminal."""
    rows = order(reply, view.sort)
    head = [_title(rows, view), container_line(reply)]
    lines = [look.cut(line, width) for line in head if line]
    room = height - len(lines) - 1  # the last line is for keys and messages
    if view.above:
        lines += [look.cut(clean(line), width) for line in view.above[-room:]]
    elif rows:
        lines += _table(rows, view, width, room, look)
    else:
        lines.append("No programs")
    lines = lines[: height - 1]
    lines += [""] * (height - 1 - len(lines))
    return [*lines, look.cut(view.message or KEYS, width)]


def _title(rows: list[dict[str, Any]], view: View) -> str:
    running = sum(row.get("state") in RUNNING_STATES for row in rows)
    bad = sum(severity(row) == 0 for row in rows)
    need = f", {bad} need{'s' if bad == 1 else ''} attention" if bad else ""
    return f"supervice: {len(rows)} processes, {running} running{need}; by {view.sort}"


def _cells(process: dict[str, Any], look: Look) -> Row:
    state = shown_state(process)
    up = uptime(process.get("uptime")) if state in RUNNING_STATES else "-"
    return {
        "NAME": look.cut(clean(process.get("name", "?")), LONGEST_NAME),
        "STATE": state,
        "PID": clean(process.get("pid") or "-"),
        "UPTIME": up,
        "HEALTH": health_cell(process.get("healthy")),
        "RESTARTS": clean(process.get("restarts", "-")),
        "DETAIL": detail(process),
        **dict(zip(HEADER, cells(process), strict=True)),
    }


def _table(processes: list[dict[str, Any]], view: View, width: int, height: int, look: Look) -> list[str]:
    rows = [_cells(process, look) for process in processes]
    names = [clean(process.get("name", "?")) for process in processes]
    chosen = names.index(view.chosen) if view.chosen in names else 0
    shown, widths, hidden = fit(rows, width)
    header = _line({column: column for column in COLUMNS}, shown, widths, look)
    if hidden:
        mark = f"+{hidden}"
        header = look.cut(header, width - len(mark) - 1)
        header += " " * (width - columns_of(header) - len(mark)) + mark
    lines = [f"{REVERSE}{header}{RESET}" if look.color else header]
    room = height - 1 if len(rows) < height else height - 2  # the last line counts the rest
    room = max(1, room)
    first = max(0, min(chosen - room + 1, len(rows) - room))
    for number, row in enumerate(rows[first : first + room], first):
        if number == chosen:
            line = look.cut(_line(row, shown, widths, look), width)
            pad = " " * (width - columns_of(line))
            lines.append(f"{REVERSE}{line}{pad}{RESET}")
        else:
            lines.append(_line(row, shown, widths, look, color=look.color))
    if len(rows) > room:
        lines.append(f"+{len(rows) - room} more processes")
    return lines


def fit(rows: list[Row], width: int) -> tuple[list[str], dict[str, int], int]:
    """Returns the columns to show, the width of each, and how many are hidden."""
    widths = {c: max(len(c), *(columns_of(row[c]) for row in rows)) for c in COLUMNS}
    if not any(row["DETAIL"] for row in rows):
        widths.pop("DETAIL")
    wanted: list[str] = []
    left = width - 3  # for the number of those that are hidden
    for column in (c for c in KEPT if c in widths):
        gap = GAP if wanted else 0
        if column == "DETAIL" and left >= gap + LEAST_DETAIL:
            widths[column] = min(widths[column], left - gap)
        if wanted and widths[column] + gap > left:
            break
        wanted.append(column)
        left -= widths[column] + gap
    widths["NAME"] = min(widths["NAME"], max(1, width))
    return [c for c in COLUMNS if c in wanted], widths, len([c for c in COLUMNS if c in widths]) - len(wanted)


def _line(row: Row, shown: list[str], widths: dict[str, int], look: Look, *, color: bool = False) -> str:
    parts = []
    for column in shown:
        text = look.cut(row[column], widths[column])
        pad = " " * (widths[column] - columns_of(text))
        if color:
            text = colored(text)
        parts.append(pad + text if column in RIGHT else text + pad)
    return (" " * GAP).join(parts).rstrip()
