"""What `depends_on` costs: the same programs in levels that wait for each other, and without."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tests.benchmarks.peers import Peer, Program
from tests.benchmarks.results import Results
from tests.benchmarks.session import Bench, Session, many

GROUPS = ("graph",)
LEVELS = 10


def starts(bench: Bench, peer: Peer, count: int, results: Results) -> None:
    """One after the other in the same run, so that the ratio holds whatever the machine does meanwhile."""
    took, cpu = {}, {}
    for what, needs in (("without", False), ("with", True)):
        with Session(bench, peer, partial(_programs, count=count, needs=needs)) as run:
            reports = run.up(count, 90)
            took[what] = (max(one.when for one in reports) - run.began) / 1e6
            results.add(f"graph.{what}.{count}", peer.name, took[what])
            cpu[what] = run.cpu()
    results.add(f"graph.ratio.{count}", peer.name, took["with"] / took["without"])
    results.add(f"graph.cpu-ratio.{count}", peer.name, cpu["with"] / max(cpu["without"], 0.01))


def _programs(run: Session, count: int, needs: bool) -> list[Program]:
    """Each of a level needs two of the level before; they count as started at once."""
    made = many(run, "up", count, startsecs=0)
    width = max(1, count // LEVELS)
    if not needs:
        return made
    return [
        one
        if number < width
        else replace(one, needs=tuple(dict.fromkeys((f"p{number - width}", f"p{_aside(number, width)}"))))
        for number, one in enumerate(made)
    ]


def _aside(number: int, width: int) -> int:
    """Another of the level before."""
    level = number // width
    return (level - 1) * width + (number + 1) % width
