"""Workers take the files that were measured to be long before all others, and no file twice."""

from __future__ import annotations

import pytest

from tests.order import LONGEST, file_of, long_files_first
from tests.paths import ROOT


def test_long_files_come_first_and_the_rings_side_by_side() -> None:
    ids = [
        *(f"tests/unit/test_{number}.py::test_1" for number in range(4)),
        f"{LONGEST[1]}::test_2",
        *(f"tests/process/test_{number}.py::test_3" for number in range(2)),
        *(f"tests/container/test_{number}.py::test_4" for number in range(2)),
        "tests/browser/test_it.py::test_6",
        f"{LONGEST[0]}::test_5[x::y]",
    ]
    assert [file_of(nodeid) for nodeid in long_files_first((nodeid, nodeid) for nodeid in ids)] == [
        LONGEST[0],
        LONGEST[1],
        "tests/browser/test_it.py",
        "tests/unit/test_0.py",
        "tests/container/test_0.py",
        "tests/process/test_0.py",
        "tests/unit/test_1.py",
        "tests/unit/test_2.py",
        "tests/container/test_1.py",
        "tests/process/test_1.py",
        "tests/unit/test_3.py",
    ]


def test_the_tests_of_a_file_stay_together_in_their_order() -> None:
    ids = ["tests/unit/a.py::test_2", "tests/unit/b.py::test_1", "tests/unit/a.py::test_1"]
    assert long_files_first((nodeid, nodeid) for nodeid in ids) == [ids[0], ids[2], ids[1]]


@pytest.mark.parametrize("file", LONGEST)
def test_a_long_file_is_there(file: str) -> None:
    assert (ROOT / file).is_file()
