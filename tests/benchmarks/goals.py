"""The goals, as values: a row of ours against a factor of a peer's or of a limit's of the same run, or against a number.

Where a goal names dinit, which no registry serves, the best peer that was measured stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.peers import ALL
from tests.benchmarks.results import Results

OURS = "supervice"
STATIC = "supervice-static"
SINGLE = "supervice-static-single"
UPSTREAM = "supervice-0.4.0"
LIMIT = "bare-copy"
PEERS = tuple(one.name for one in ALL if not one.variant_of and one.name != OURS)
# With a garbage collector.
COLLECTED = (UPSTREAM, "supervisord", "circus", "pm2", "gosupervisord", "pebble", "process-compose")


@dataclass(frozen=True)
class Goal:
    what: str
    row: str
    # Against the best median of these peers times this factor; without peers the factor is the bound itself.
    factor: float
    peers: tuple[str, ...] = ()
    who: str = OURS
    least: bool = False  # at least, instead of at most
    unit: str = "ms"


@dataclass(frozen=True)
class Verdict:
    goal: Goal
    measured: float | None
    bound: float | None
    peer: str = ""  # whose figure the bound is a factor of

    @property
    def met(self) -> bool | None:
        if self.measured is None or self.bound is None:
            return None
        return self.measured >= self.bound if self.goal.least else self.measured <= self.bound

    @property
    def ratio(self) -> float | None:
        """Measured in parts of the bound."""
        return self.measured / self.bound if self.measured is not None and self.bound else None


GOALS = (
    Goal("start to the first child, 1 program / bare Python", "start.ratio.1", 2, who=STATIC, unit=""),
    Goal("start to the first child, 1 program", "start.last.1", 1.5, ("pebble",), STATIC),
    Goal("start of one command / bare Python", "start.ratio.1", 1.3, who=SINGLE, unit=""),
    Goal("100 programs, last child", "start.last.100", 1.3, PEERS),
    Goal("1000 programs, last child", "start.last.1000", 0.3, ("s6",)),
    Goal("memory, 1 program", "memory.pss.1", 8, who=STATIC, unit="MiB"),
    Goal(
        "memory, 1 program, of the least with a garbage collector", "memory.pss.1", 1, COLLECTED, unit="MiB"
    ),
    Goal("memory, one command", "memory.pss.1", 5.5, who=SINGLE, unit="MiB"),
    Goal("memory, 100 programs that log to files", "memory.logging-pss.100", 9, who=STATIC, unit="MiB"),
    Goal("memory, 1000 programs", "memory.pss.1000", 13, unit="MiB"),
    Goal("memory a process, at 1000", "memory.each.1000", 4, unit="KiB"),
    Goal("threads, 1000 programs", "memory.threads.1000", 1, unit=""),
    Goal("wake-ups in 10 s, 100 programs", "idle.wakeups.100", 0, unit=""),
    Goal("crash to replacement", "restart.ms", 1, PEERS),
    Goal("10,000 orphans, after the last exit", "orphans.after", 5),
    Goal("the same beside one command", "orphans.after", 5, who=SINGLE),
    Goal("10,000 orphans, CPU", "orphans.cpu", 1.2, ("tini",)),
    Goal("the same beside one command", "orphans.cpu", 1.2, ("tini",), SINGLE),
    Goal("TERM to the child, 1 child", "stop.told.1", 0.45),
    Goal("TERM to the end, 1 child", "stop.gone.1", 2),
    Goal("TERM to the end, 100 children", "stop.gone.100", 1.3, PEERS),
    Goal("TERM to the one command", "stop.told.1", 0.3, who=SINGLE),
    Goal("TERM to the end, one command", "stop.gone.1", 1.2, who=SINGLE),
    Goal("output to a rotating file", "file.rate", 1, (LIMIT,), least=True, unit="MB/s"),
    Goal("the same, CPU a GiB", "file.cpu", 1, (LIMIT,), unit="s"),
    Goal("the same, beside supervisord", "file.rate", 1, ("supervisord",), least=True, unit="MB/s"),
    Goal("the same, CPU a GiB beside supervisord", "file.cpu", 1, ("supervisord",), unit="s"),
    Goal("the same, lines torn or missing", "file.wrong", 0, unit=""),
    Goal("output to stdout", "stdout.rate", 1.1, ("supervisord",), least=True, unit="MB/s"),
    Goal("the same, CPU a GiB", "stdout.cpu", 0.85, ("supervisord",), unit="s"),
    Goal(
        "writes of 120 bytes to a rotating file", "small.rate", 1, ("supervisord",), least=True, unit="MB/s"
    ),
    Goal("the same, CPU a GiB", "small.cpu", 1, ("supervisord",), unit="s"),
    Goal("the same, lines torn or missing", "small.wrong", 0, unit=""),
    Goal("status / bare Python, 100 programs", "status.ratio.100", 1.8, who=STATIC, unit=""),
    Goal("status / bare Python, 1000 programs", "status.ratio.1000", 2.5, who=STATIC, unit=""),
    Goal("health / bare Python, 100 programs", "status.health-ratio.100", 1.6, who=STATIC, unit=""),
    Goal("100 clients at once, all answered", "clients.all.100", 1, (UPSTREAM,)),
    Goal("the same, CPU", "clients.cpu.100", 1, (UPSTREAM,)),
    Goal("1000 programs in 10 levels / without dependencies", "graph.ratio.1000", 1.5, unit=""),
    Goal("50 programs in a crash loop, CPU a start", "crashloop.cpu", 0.55, ("s6",)),
    Goal("status of root among 900 clients", "crowd.status.worst", 50),
    Goal("another client during a restart of 4,000", "crowd.restart-all.wait", 150),
)


def derive(results: Results) -> None:
    """Rows that follow from others: what one process adds, from 1 to 1000."""
    for peer in list(results.values.get("memory.pss.1000", {})):
        one, many = results.median("memory.pss.1", peer), results.median("memory.pss.1000", peer)
        if one is not None and many is not None:
            results.values.setdefault("memory.each.1000", {})[peer] = [(many - one) * 1024 / 999]


def judge(results: Results) -> list[Verdict]:
    found = []
    for goal in GOALS:
        measured = results.median(goal.row, goal.who)
        if not goal.peers:
            found.append(Verdict(goal, measured, goal.factor))
            continue
        others = {peer: value for peer in goal.peers if (value := results.median(goal.row, peer)) is not None}
        if not others:
            found.append(Verdict(goal, measured, None))
            continue
        best = (max if goal.least else min)(others, key=others.__getitem__)
        found.append(Verdict(goal, measured, goal.factor * others[best], best))
    return found
