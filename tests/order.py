"""The order in which several workers of pytest-xdist take the files of tests: the long ones first.

No worker begins a minute's work when the others have nothing left to do: at the end there are only the short files.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

# The longest first, of two at the same time on two cores; tests/README.md says what takes so long.
LONGEST = (
    "tests/process/daemon/test_overlap.py",
    "tests/container/test_output.py",
    "tests/container/test_placement.py",
    "tests/container/test_examples.py",
    "tests/process/bundle/test_release.py",
    "tests/container/test_servers.py",
    "tests/process/mutants/test_mutants.py",
    "tests/process/conformance/test_conformance.py",
    "tests/container/test_chaos.py",
    "tests/container/test_single_command.py",
    "tests/container/test_control.py",
    "tests/process/supervisord/test_supervisorctl.py",
    "tests/container/test_storms.py",
    "tests/container/test_ways_in.py",
    "tests/container/test_stopping.py",
    "tests/process/benchmarks/test_miniature.py",
)
RINGS = ("tests/container/", "tests/browser/", "tests/process/", "tests/unit/")

Test = TypeVar("Test")


def long_files_first(tests: Iterable[tuple[str, Test]]) -> list[Test]:
    """Of pairs of a test's id and the test, the tests; those of one file follow each other, in the order they had."""
    pairs = list(tests)
    files = dict.fromkeys(file_of(nodeid) for nodeid, _ in pairs)
    places = {file: number for number, file in enumerate(sorted(files, key=_rank))}
    return [test for _, test in sorted(pairs, key=lambda pair: places[file_of(pair[0])])]


def file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _rank(file: str) -> tuple[int, int]:
    ring = next((number for number, ring in enumerate(RINGS) if file.startswith(ring)), len(RINGS))
    return (LONGEST.index(file) if file in LONGEST else len(LONGEST), ring)
