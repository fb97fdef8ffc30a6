"""The tables of docs/benchmarks.md, written between its markers; what people wrote around them stays."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from statistics import median

from tests.benchmarks.goals import OURS, SINGLE, STATIC, Verdict, judge
from tests.benchmarks.peers import ALL, NAMES
from tests.benchmarks.results import Results

BEGIN = "<!-- measured: begin (written by `make bench`) -->"
END = "<!-- measured: end -->"

# Title, and the rows below it: (key, what it says).
TABLES: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Start: exec of the supervisor to main() of its children",
        (
            ("start.bare.1", "a bare Python beside it, ms"),
            ("start.ratio.1", "1 program, first child / bare Python"),
            ("start.last.1", "1 program, ms"),
            ("start.cpu.1", "1 program, CPU ms"),
            ("start.first.100", "100 programs, first child, ms"),
            ("start.last.100", "100 programs, last child, ms"),
            ("start.cpu.100", "100 programs, CPU ms"),
            ("start.first.1000", "1000 programs, first child, ms"),
            ("start.last.1000", "1000 programs, last child, ms"),
            ("start.cpu.1000", "1000 programs, CPU ms"),
        ),
    ),
    (
        "Memory of the supervisor's own processes, quiet",
        (
            ("memory.pss.1", "1 program, PSS MiB"),
            ("memory.private.1", "1 program, private MiB"),
            ("memory.pss.100", "100 programs, PSS MiB"),
            ("memory.logging-pss.100", "100 that log to files, PSS MiB"),
            ("memory.pss.1000", "1000 programs, PSS MiB"),
            ("memory.each.1000", "one process of 1000, KiB"),
            ("memory.processes.1000", "1000 programs, processes"),
            ("memory.threads.1000", "1000 programs, threads"),
        ),
    ),
    (
        "Idle, in 10 s",
        (
            ("idle.wakeups.1", "1 program, wake-ups"),
            ("idle.wakeups.100", "100 programs, wake-ups"),
            ("idle.cpu.100", "100 programs, CPU ms"),
            ("idle.wakeups.1000", "1000 programs, wake-ups"),
        ),
    ),
    ("Crash to replacement, 20 programs killed at random times", (("restart.ms", "SIGKILL to main(), ms"),)),
    (
        "As PID 1: 10,000 orphans that end at once",
        (("orphans.after", "collected after the last exit, ms"), ("orphans.cpu", "CPU ms")),
    ),
    (
        "As PID 1: the stop signal",
        (
            ("stop.told.1", "1 child has SIGTERM, ms"),
            ("stop.gone.1", "1 child, supervisor gone, ms"),
            ("stop.told.100", "the last of 100 has SIGTERM, ms"),
            ("stop.gone.100", "100 children, supervisor gone, ms"),
        ),
    ),
    (
        "Output: 1 GiB of numbered lines through the supervisor",
        (
            ("file.rate", "to a file rotated at 10 MB, MB/s"),
            ("file.cpu", "the same, CPU s/GiB"),
            ("file.wrong", "the same, lines torn, missing or out of order"),
            ("stdout.rate", "to its stdout, MB/s"),
            ("stdout.cpu", "the same, CPU s/GiB"),
            ("stdout.wrong", "the same, lines torn, missing or out of order"),
            ("small.rate", "256 MiB in writes of 120 bytes, to a rotated file, MB/s"),
            ("small.cpu", "the same, CPU s/GiB"),
            ("small.wrong", "the same, lines torn, missing or out of order"),
        ),
    ),
    (
        "Queries",
        (
            ("status.100", "status of 100, ms"),
            ("status.1000", "status of 1000, ms"),
            ("status.health.100", "`supervicectl health`, 100, ms"),
            ("status.health.1000", "`supervicectl health`, 1000, ms"),
            ("status.bare.100", "a bare Python beside it, ms"),
            ("status.ratio.100", "status of 100 / bare Python"),
            ("status.ratio.1000", "status of 1000 / bare Python"),
            ("status.health-ratio.100", "health / bare Python"),
            ("clients.all.100", "100 clients at once, all answered, ms"),
            ("clients.cpu.100", "the same, the supervisor's CPU ms"),
        ),
    ),
    (
        "Dependencies: 1000 programs in 10 levels, each needs two of the level before",
        (
            ("graph.without.1000", "last child, without dependencies, ms"),
            ("graph.with.1000", "last child, with them, ms"),
            ("graph.ratio.1000", "with / without"),
            ("graph.cpu-ratio.1000", "the same, CPU of the supervisor"),
        ),
    ),
    (
        "Crash loop: 50 programs that exit at once",
        (
            ("crashloop.cpu", "CPU ms a start"),
            ("crashloop.rate", "starts a second"),
            ("crashloop.status", "status meanwhile, ms"),
        ),
    ),
    (
        "A crowd: what root waits for an answer",
        (
            ("crowd.status", "status of 100, while 600 followers and 300 idle HTTP clients want places, ms"),
            ("crowd.status.worst", "the slowest of 100 questions, ms"),
            ("crowd.restart-all.wait", "the slowest status during a restart of 4,000 programs, ms"),
        ),
    ),
)


def number(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def cell(values: list[float]) -> str:
    """Median and, of more than one, the range."""
    middle = number(median(values))
    low, high = number(min(values)), number(max(values))
    return middle if low == high else f"{middle} ({low}\N{EN DASH}{high})"


def table(title: str, rows: tuple[tuple[str, str], ...], results: Results) -> list[str]:
    have = [(key, text) for key, text in rows if results.values.get(key)]
    if not have:
        return []
    peers = [name for name in NAMES if any(name in results.values[key] for key, _text in have)]
    lines = [f"### {title}", "", "| | " + " | ".join(peers) + " |", "|---" * (len(peers) + 1) + "|"]
    for key, text in have:
        found = results.values[key]
        lines.append(
            f"| {text} | " + " | ".join(cell(found[name]) if name in found else "" for name in peers) + " |"
        )
    return [*lines, ""]


STAND_IN = (
    "*The best* is the best of the peers that were measured. dinit, which would be it in some rows, is not there: no registry"
    " serves it."
)
WHOSE = {OURS: "", STATIC: ", static", SINGLE: ", static"}


def goal_lines(verdicts: list[Verdict]) -> list[str]:
    lines = ["### Goals", "", STAND_IN, "", "| what | goal | measured | |", "|---|---|---|---|"]
    for one in verdicts:
        goal = one.goal
        against = f"{'≥' if goal.least else '≤'} {goal.factor:g}"
        if not goal.peers:
            against += f" {goal.unit}".rstrip()
        else:
            against += f" \N{MULTIPLICATION SIGN} {_named(one)}"
            if one.bound is not None:
                against += f" = {number(one.bound)} {goal.unit}".rstrip()
        measured = "" if one.measured is None else f"{number(one.measured)} {goal.unit}".rstrip()
        ratio = "" if one.ratio is None else f" ({one.ratio:.2f} of it)"
        said = {True: "met", False: "**missed**", None: "not measured"}[one.met]
        lines.append(f"| {goal.what}{WHOSE[goal.who]} | {against} | {measured} | {said}{ratio} |")
    return [*lines, ""]


def _named(verdict: Verdict) -> str:
    """Whose figure the goal is a factor of."""
    if len(verdict.goal.peers) == 1:
        return verdict.goal.peers[0]
    return f"the best, {verdict.peer}" if verdict.peer else "the best"


def growth(results: Results) -> list[str]:
    counts = [
        count for count in (1, 10, 100, 1000) if results.median(f"memory.pss.{count}", OURS) is not None
    ]
    if not counts:
        return []
    rows = (
        ("PSS MiB", "memory.pss.{}"),
        ("start, last child, ms", "start.last.{}"),
        ("start, CPU ms", "start.cpu.{}"),
        ("start, CPU ms a program", ""),
        ("idle, CPU ms in 10 s", "idle.cpu.{}"),
        ("idle, wake-ups in 10 s", "idle.wakeups.{}"),
        ("status, ms", "status.{}"),
    )
    lines = [
        "### Growth",
        "",
        "| programs | " + " | ".join(map(str, counts)) + " |",
        "|---" * (len(counts) + 1) + "|",
    ]
    for text, key in rows:
        cells = []
        for count in counts:
            value = results.median((key or "start.cpu.{}").format(count), OURS)
            if value is not None and not key:
                value /= count
            cells.append("" if value is None else number(value))
        lines.append(f"| {text} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def render(results: Results) -> str:
    lines = [BEGIN, "", results.facts.get("about", ""), ""]
    lines += goal_lines(judge(results))
    for title, rows in TABLES:
        lines += table(title, rows, results)
    lines += growth(results)
    if results.failures:
        lines += (
            ["### Left out", ""]
            + [f"- {what}: {why}" for what, why in sorted(results.failures.items())]
            + [""]
        )
    return "\n".join([*lines, END])


def write(path: Path, results: Results) -> None:
    """Between the markers; the file has to have them."""
    before, begin, rest = path.read_text().partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{path} has no place for the tables: the lines {BEGIN} and {END}")
    path.write_text(before + render(results) + after)


def about(versions: dict[str, str], runs: int) -> str:
    """The day, the machine and the peers, without names that are private."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    parts = [
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {platform.machine()}, {os.cpu_count()} cores, "
        f"{pages * size / 2**30:.0f} GiB, Linux {'.'.join(platform.release().split('.')[:2])}",
        f"Python {platform.python_version()}",
        f"{runs} runs in one session, interleaved; median (least to most)",
    ]
    peers = ", ".join(f"{name} {version}" for name, version in versions.items() if name not in variants())
    return "; ".join(parts) + f".\nPeers: {peers}."


def variants() -> set[str]:
    return {one.name for one in ALL if one.variant_of} | {OURS}
