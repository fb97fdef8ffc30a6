"""Workers take the files that were measured to be long before all others, and no file twice."""

from __future__ import annotations

import pytest

from tests.order import LONGEST, file_of, long_files_first
from tests.paths import ROOT


def test_long_files_come_first_and_short_rings_last() -> None:
    ids = [
        "tests/unit/test_a.py::test_1",
        f"{LONGEST[1]}::test_2",
        "tests/process/test_b.py::test_3",
        "tests/container/test_c.py::test_4",
        f"{LONGEST[0]}::test_5[x::y]",
    ]
    assert [file_of(nodeid) for nodeid in long_files_first((nodeid, nodeid) for nodeid in ids)] == [
        LONGEST[0],
        LONGEST[1],
        "tests/container/test_c.py",
        "tests/process/test_b.py",
        "tests/unit/test_a.py",
    ]


def test_the_tests_of_a_file_stay_together_in_their_order() -> None:
    ids = ["tests/unit/a.py::test_2", "tests/unit/b.py::test_1", "tests/unit/a.py::test_1"]
    assert long_files_first((nodeid, nodeid) for nodeid in ids) == [ids[0], ids[2], ids[1]]


@pytest.mark.parametrize("file", LONGEST)
def test_a_long_file_is_there(file: str) -> None:
    assert (ROOT / file).is_file()
