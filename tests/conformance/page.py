"""The tables of docs/conformance.md, by theme, each with the reasons of its failures below it."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from tests.conformance.supervisor import Supervisor

BEGIN = "<!-- tried: begin (written by `make conformance`) -->"
END = "<!-- tried: end -->"
# Outcomes; the reason stands below the table.
YES, NO, UNABLE, NOT_ITS_JOB = "yes", "no", "cannot", "-"
THEMES = {
    "end": "The end of the container",
    "stop": "Stops",
    "start": "Starts, restarts and checks",
    "operate": "What an operator and a configuration say",
    "signals": "Signals and orphans",
    "output": "Output",
    "given": "What programs are given",
    "cost": "What it costs",
    "times": "Schedules",
}
Found = dict[str, dict[str, tuple[str, str]]]


def render(
    found: Found, scenarios: dict[str, ModuleType], have: list[Supervisor], missing: dict[str, str]
) -> str:
    """All tables as Markdown."""
    versions = ", ".join(f"{one.name} {one.version()}" for one in have)
    release = ".".join(platform.release().split(".")[:2])
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Linux {release}, {os.cpu_count()} cores, {memory:.0f} GiB.",
        f"{versions}.",
        "",
        "yes: it does. no: it was tried and fails. cannot: there is no way to tell it. Empty: not its job.",
        "",
        "### All in all",
        "",
    ]
    lines += totals(found, have)
    for theme, title in THEMES.items():
        rows = {name: row for name, row in found.items() if theme == scenarios[name].THEME}
        lines += _tables(title, rows, scenarios, have)
    lines += ["### Left out", "", *(f"- {name}: {why}." for name, why in missing.items())]
    return "\n".join(lines).rstrip() + "\n"


def totals(found: Found, have: list[Supervisor]) -> list[str]:
    lines = ["| | yes | no | cannot |", "|---|---|---|---|"]
    for one in have:
        every = [_of(row, one.name)[0] for row in found.values()]
        lines.append(
            f"| {one.name} | " + " | ".join(str(every.count(what)) for what in (YES, NO, UNABLE)) + " |"
        )
    return [*lines, ""]


def _tables(title: str, rows: Found, scenarios: dict[str, ModuleType], have: list[Supervisor]) -> list[str]:
    """One for supervisors and one for inits; a column that would be empty is left out."""
    lines: list[str] = []
    reasons: list[str] = []
    for single in (False, True):
        names = [
            one.name
            for one in have
            if one.single is single and any(_of(row, one.name)[0] != NOT_ITS_JOB for row in rows.values())
        ]
        there = {
            name: row for name, row in rows.items() if any(_of(row, who)[0] != NOT_ITS_JOB for who in names)
        }
        if not there:
            continue
        lines += ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
        for scenario, row in there.items():
            cells = [_cell(*_of(row, name), reasons) for name in names]
            lines.append(f"| {_escaped(scenarios[scenario].TITLE)} | " + " | ".join(cells) + " |")
        lines.append("")
    if not lines:
        return []
    numbered = [f"{number}. {reason}." for number, reason in enumerate(reasons, 1)]
    return [f"### {title}", "", *lines, *numbered, *([""] if numbered else [])]


def _of(row: dict[str, tuple[str, str]], name: str) -> tuple[str, str]:
    return row.get(name, (NOT_ITS_JOB, ""))


def _cell(what: str, why: str, reasons: list[str]) -> str:
    if what == NOT_ITS_JOB:
        return ""
    if not why:
        return what
    if why not in reasons:
        reasons.append(why)
    return f"{what} ({reasons.index(why) + 1})"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def write(path: Path, text: str) -> None:
    before, _, rest = path.read_text().partition(BEGIN)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.partition(END)[2]}")
