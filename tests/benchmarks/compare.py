"""`python -m tests.benchmarks.compare NEW KEPT`: has a figure of ours become worse, beside those of the peers?

Two machines, or two days of one, are not compared: within each run our figure is divided by that of a peer, and
the two ratios by each other; the peers' median counts, so that one bad draw of one peer decides nothing. Memory
and counts do not depend on the machine and stand for themselves. Exit code 1: a row is worse by more than the
limit, in its medians and in its best values both.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.goals import OURS
from tests.benchmarks.report import TABLES
from tests.benchmarks.results import Results

LIMIT = 10.0  # percent
# More is better.
RATES = frozenset({"file.rate", "stdout.rate", "small.rate"})
# How fast it starts again is configured, and what is torn has a goal of its own.
NOT_COMPARED = frozenset(
    {"crashloop.rate", "file.wrong", "stdout.wrong", "small.wrong", "memory.processes.1000"}
)
# Figures that are the same on every machine.
ABSOLUTE = ("memory.", "idle.wakeups")
# Variants of ours, which are compared as we are.
MINE = (OURS, "supervice-image", "supervice-single", "supervice-static", "supervice-static-single")


@dataclass(frozen=True)
class Change:
    row: str
    peer: str
    by: float  # 1.1 is a tenth worse
    against: int  # peers; 0: for itself

    def worse(self, limit: float) -> bool:
        return self.by > 1 + limit / 100


def changes(new: Results, kept: Results) -> tuple[list[Change], list[str]]:
    """Every figure that both have, and the rows that cannot be compared, with the reason."""
    found, left_out = [], []
    for row in (row for _, rows in TABLES for row, _ in rows if row not in NOT_COMPARED):
        for mine in MINE:
            if kept.median(row, mine) is None:
                continue
            if new.median(row, mine) is None:
                left_out.append(f"{row} of {mine}: not measured now")
                continue
            peers = [] if row.startswith(ABSOLUTE) or "ratio" in row else _common(row, new, kept)
            if not peers and not row.startswith(ABSOLUTE) and "ratio" not in row:
                left_out.append(f"{row} of {mine}: no peer has it in both")
                continue
            # Of medians and of best values: noise is seldom in both.
            by = min(_factor(row, mine, peers, new, kept, of) for of in (median, _best(row)))
            found.append(Change(row, mine, by, len(peers)))
    return found, left_out


def _common(row: str, new: Results, kept: Results) -> list[str]:
    there = kept.values.get(row, {}).keys() & new.values.get(row, {}).keys()
    return sorted(
        peer for peer in there if peer not in MINE and new.median(row, peer) and kept.median(row, peer)
    )


def _best(row: str) -> Callable[[list[float]], float]:
    return max if row in RATES else min


def _factor(
    row: str, mine: str, peers: list[str], new: Results, kept: Results, of: Callable[[list[float]], float]
) -> float:
    """How much worse it is: above 1."""

    def value(results: Results, who: str) -> float:
        return of(results.values[row][who])

    before, now = value(kept, mine), value(new, mine)
    if not before or not now:
        return 1.0 if now <= before else float("inf")
    against = [
        value(new, peer) / value(kept, peer) for peer in peers if value(kept, peer) and value(new, peer)
    ]
    change = now / before / (median(against) if against else 1.0)
    return 1 / change if row in RATES else change


def report(found: list[Change], left_out: list[str], limit: float) -> list[str]:
    lines = []
    for change in sorted(found, key=lambda change: -change.by):
        mark = "WORSE " if change.worse(limit) else ""
        beside = f"beside {change.against} peers" if change.against else "for itself"
        lines.append(f"{mark}{change.row} of {change.peer}: {100 * (change.by - 1):+.0f} % ({beside})")
    return lines + [f"not compared: {why}" for why in left_out]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.compare", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("new", type=Path)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--limit", type=float, default=LIMIT, help="percent; default: 10")
    arguments = parser.parse_args()
    loaded = []
    for path in (arguments.new, arguments.kept):
        results = Results()
        try:
            results.load(path)
        except (OSError, ValueError, AttributeError, TypeError) as error:
            print(f"compare: {path}: {error}; measure with: make bench", file=sys.stderr)
            return 2
        loaded.append(results)
    found, left_out = changes(*loaded)
    print("\n".join(report(found, left_out, arguments.limit)))
    worse = [change for change in found if change.worse(arguments.limit)]
    if not found:
        print("compare: the two have no figure in common", file=sys.stderr)
        return 2
    print(f"compare: {len(worse)} of {len(found)} figures are worse by more than {arguments.limit:.0f} %")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
