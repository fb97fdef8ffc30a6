"""The table of docs/metrics.md out of an exposition: `python -m tools.metrics_table docs/metrics.md`.

A test compares the file with `renewed()`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from supervice.api.metrics import Own, metrics_text

BEGIN = "<!-- metrics: begin (written by `make docs`) -->"
END = "<!-- metrics: end -->"
_PROBES: Any = SimpleNamespace(live=lambda: True, ready=lambda: True, started=lambda: True)
_PLANS: Any = frozenset[str]()


def table() -> str:
    """A row for each family: name as Prometheus knows it, type, meaning."""
    text = metrics_text((), _PROBES, Own(), _PLANS)
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    lines = ["| name | type | |", "|---|---|---|"]
    for family, meaning in re.findall(r"^# HELP (\S+) (.*)$", text, re.M):
        kind = types[family]
        name = family + {"counter": "_total", "info": "_info"}.get(kind, "")
        lines.append(f"| `{name}` | {kind} | {meaning} |")
    return "\n".join(lines)


def renewed(page: str) -> str:
    """The page with the table as it is now."""
    before, rest = page.split(BEGIN, 1)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.split(END, 1)[1]}"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(renewed(target.read_text()))
