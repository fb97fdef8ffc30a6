"""Renders what processes and the container use as text. Pure."""

from __future__ import annotations

from supervice.lean.text import size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HEADER = ("CPU%", "CPU", "MEMORY", "PROCS", "FILES")
UNKNOWN = "-"


def cells(process: dict[str, Any]) -> list[str]:
    """Returns the cells of HEADER; an unknown value is never shown as 0."""
    used = process.get("resources")
    if not isinstance(used, dict):
        return [UNKNOWN] * len(HEADER)
    percent, memory = used.get("cpu_percent"), used.get("memory")
    about = "~" if used.get("memory_estimated") else ""
    return [
        f"{percent:.1f}" if _is_number(percent) else UNKNOWN,
        cpu_time(used.get("cpu_seconds")),
        f"{about}{size(int(memory))}" if isinstance(memory, int | float) else UNKNOWN,
        *(str(used[key]) if _is_number(used.get(key)) else UNKNOWN for key in ("processes", "open_files")),
    ]


def cpu_time(seconds: object) -> str:
    """Returns `0.25s`, `41s`, `2m05s`, `3h12m`."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
        return UNKNOWN
    if seconds < 60:
        return f"{seconds:.2f}s" if seconds < 10 else f"{seconds:.0f}s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"


def container_line(reply: dict[str, Any]) -> str:
    """Returns the line about the container above the table; "" when nothing is known."""
    container = reply.get("container")
    if not isinstance(container, dict) or not _is_number(container.get("memory")):
        return ""
    limit, kills = container.get("limit"), container.get("oom_kills")
    of = f" of {size(int(limit))}" if isinstance(limit, int) else ", no limit"
    killed = f"; {kills} killed: out of memory" if kills else ""
    return f"container: {size(int(container['memory']))}{of}{killed}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
