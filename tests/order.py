"""The order in which several workers of pytest-xdist take the files of tests: the long ones first, then a mixture.

No worker begins a minute's work when the others have nothing left to do: at the end there are only short files.
Tests of containers and units keep the CPUs busy, those of daemons leave two fifths of them idle: so the rings come
side by side, not one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

# The longest first, of two at the same time on two cores; tests/README.md says what takes so long.
LONGEST = (
    "tests/process/daemon/test_overlap.py",
    "tests/container/test_output.py",
    "tests/container/test_placement.py",
    "tests/container/test_chaos.py",
    "tests/container/test_examples.py",
    "tests/process/bundle/test_release.py",
    "tests/container/test_servers.py",
    "tests/process/mutants/test_mutants.py",
    "tests/process/conformance/test_conformance.py",
    "tests/container/test_single_command.py",
    "tests/container/test_control.py",
    "tests/process/supervisord/test_supervisorctl.py",
    "tests/container/test_storms.py",
    "tests/container/test_ways_in.py",
    "tests/container/test_stopping.py",
    "tests/process/benchmarks/test_miniature.py",
)
# The share of the order by which the last file of a ring has come.
RINGS = {"tests/browser/": 0.2, "tests/container/": 0.8, "tests/process/": 0.95, "tests/unit/": 1.0}

Test = TypeVar("Test")


def long_files_first(tests: Iterable[tuple[str, Test]]) -> list[Test]:
    """Of pairs of a test's id and the test, the tests; those of one file follow each other, in the order they had."""
    pairs = list(tests)
    places = _places(dict.fromkeys(file_of(nodeid) for nodeid, _ in pairs))
    return [test for _, test in sorted(pairs, key=lambda pair: places[file_of(pair[0])])]


def _places(files: Iterable[str]) -> dict[str, float]:
    """Long files have places below 0; those of a ring are evenly spread from 0 to its share."""
    places = {file: float(LONGEST.index(file) - len(LONGEST)) for file in files if file in LONGEST}
    others = [file for file in files if file not in places]
    for ring, share in RINGS.items():
        of_it = [file for file in others if file.startswith(ring)]
        places |= {file: share * number / len(of_it) for number, file in enumerate(of_it, 1)}
    return {**dict.fromkeys(others, 1.0), **places}


def file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]
