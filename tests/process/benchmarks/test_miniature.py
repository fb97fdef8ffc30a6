"""The benchmarks and the soak in miniature: that their pieces measure what they say, so that they do not rot.

They run in processes of their own, because they are subreapers and end whatever is below them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

MINIATURE = """
import sys
from pathlib import Path
from tests.benchmarks import copying, graph, populations, reactions
from tests.benchmarks.peers import Supervice
from tests.benchmarks.results import Results
from tests.benchmarks.session import Bench, end_everything

bench, results, peer = Bench(), Results(), Supervice(Path(sys.argv[1]))
try:
    populations.IDLE_SECONDS = 1
    populations.population(bench, peer, 3, {"start", "memory"}, results)
    populations.logging_population(bench, peer, 3, results)
    populations.population(bench, peer, 100, {"start", "status", "clients"}, results)
    graph.starts(bench, peer, 20, results)
    reactions.SHORT = 0
    reactions.crash_loop(bench, peer, results, 3, 2)
    copying.to_file(bench, peer, results, 12_000_000)
    copying.small_writes(bench, peer, results, 1_200_000)
    if bench.compiled:
        copying.to_stdout(bench, peer, results, 12_000_000)  # more than one read
    if bench.namespaces:
        reactions.stop(bench, peer, results, 2)
        if bench.compiled:
            reactions.orphans(bench, peer, results, 20)
finally:
    end_everything()
    bench.close()
for row, found in sorted(results.values.items()):
    print(row, *found["supervice"])
"""


def run(*argv: str, timeout: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *argv], cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False
    )


def test_benchmarks_in_miniature() -> None:
    done = run("-c", MINIATURE, str(Path(sys.executable).parent), timeout=60)
    assert done.returncode == 0, done.stderr
    rows = {
        line.split()[0]: [float(value) for value in line.split()[1:]] for line in done.stdout.splitlines()
    }
    for row in (
        "start.last.3",
        "start.cpu.3",
        "memory.pss.3",
        "memory.logging-pss.3",
        "status.100",
        "status.ratio.100",
        "graph.ratio.20",
    ):
        assert rows[row][0] > 0, row
    assert rows["memory.threads.3"] == [1]
    assert rows["file.wrong"] == [0]
    assert rows["file.rate"][0] > 1
    assert rows["small.wrong"] == [0]
    assert rows["small.rate"][0] > 0.1
    assert rows["crashloop.rate"][0] > 0.5
    if "stop.gone.2" in rows:
        assert 0 < rows["stop.told.2"][0] <= rows["stop.gone.2"][0]


@pytest.mark.timeout(110)
def test_a_short_soak_finds_no_growth() -> None:
    done = run("-m", "tests.soak", "--seconds", "15s", timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing grows." in done.stdout
