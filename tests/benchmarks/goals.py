"""The goals, as values: a row of ours against a factor of a peer's, or against a number."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.results import Results

OURS = "supervice"


@dataclass(frozen=True)
class Goal:
    what: str
    row: str
    # Against this peer's median times this factor; without a peer the factor is the bound itself.
    factor: float
    peer: str = ""
    least: bool = False  # at least, instead of at most
    unit: str = "ms"
    who: str = OURS


@dataclass(frozen=True)
class Verdict:
    goal: Goal
    measured: float | None
    bound: float | None

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
    Goal("start to the first child, 1 program", "start.last.1", 0.6, "supervice-0.4.0"),
    Goal("100 programs, last child", "start.last.100", 2, "s6"),
    Goal("1000 programs, last child", "start.last.1000", 1, "s6"),
    Goal("memory, 1 program", "memory.pss.1", 0.6, "supervisord", unit="MiB"),
    Goal("memory, 100 programs that log to files", "memory.logging-pss.100", 0.75, "runit", unit="MiB"),
    Goal("memory, 1000 programs", "memory.pss.1000", 0.65, "supervisord", unit="MiB"),
    Goal("memory a process, at 1000", "memory.each.1000", 8, unit="KiB"),
    Goal("threads, 1000 programs", "memory.threads.1000", 1, unit=""),
    Goal("wake-ups in 10 s, 100 programs", "idle.wakeups.100", 0, unit=""),
    Goal("crash to replacement", "restart.ms", 1.5, "runit"),
    Goal("10,000 orphans, after the last exit", "orphans.after", 10),
    Goal("10,000 orphans, CPU", "orphans.cpu", 1.2, "tini"),
    Goal("TERM to the child, 1 child", "stop.told.1", 0.5),
    Goal("TERM to the end, 1 child", "stop.gone.1", 5),
    Goal("TERM to the end, 100 children", "stop.gone.100", 1, "s6"),
    Goal("output to a rotating file", "file.rate", 2, "supervisord", least=True, unit="MB/s"),
    Goal("the same, CPU a GiB", "file.cpu", 0.5, "supervisord", unit="s"),
    Goal("the same, lines torn or missing", "file.wrong", 0, unit=""),
    Goal("output to stdout", "stdout.rate", 1.2, "supervisord", least=True, unit="MB/s"),
    Goal("the same, CPU a GiB", "stdout.cpu", 0.8, "supervisord", unit="s"),
    Goal("supervicectl status, 100 programs", "status.100", 35),
    Goal("supervicectl status, 1000 programs", "status.1000", 45),
    Goal("supervicectl health, 100 programs", "status.health.100", 25),
    Goal("health / bare Python, 100 programs", "status.health-ratio.100", 2.5, unit=""),
    Goal("1000 programs in 10 levels / without dependencies", "graph.ratio.1000", 1.5, unit=""),
    Goal("50 programs in a crash loop, CPU a start", "crashloop.cpu", 0.6, "s6"),
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
        other: float | None = results.median(goal.row, goal.peer) if goal.peer else 1.0
        bound = None if other is None else goal.factor * other
        found.append(Verdict(goal, results.median(goal.row, goal.who), bound))
    return found
