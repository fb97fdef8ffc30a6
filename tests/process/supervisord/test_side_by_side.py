"""Stock files run under supervisord and under supervice, with stubs for commands; see tests/corpus/run.py."""

from __future__ import annotations

import os
import subprocess
from functools import cache

import pytest

from tests.corpus.compare import STOCK
from tests.corpus.run import ALONE, Outcome, compare, compare_ends, main, row, side_by_side


@cache
def can_be_alone() -> bool:
    return os.geteuid() == 0 and subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0


alone = pytest.mark.skipif("not can_be_alone()", reason="needs root and PID namespaces")


@alone
@pytest.mark.parametrize("name", ["nginx-php-fpm", "fcgi", "cron-app"])
def test_both_daemons_do_the_same(name: str) -> None:
    found = side_by_side(STOCK / f"{name}.expected.json")
    assert [difference for difference in found if row(difference) is None] == []


PROCESS = {"statename": "RUNNING", "exitstatus": 0, "spawnerr": ""}
EXPECTED = {
    "verdict": "accept",
    "groups": [
        {"name": "a", "priority": 1, "processes": [{"name": "a"}]},
        {"name": "b", "priority": 2, "processes": [{"name": "b"}]},
    ],
}
A, B = {"name": "a", **PROCESS}, {"name": "b", **PROCESS}
SAME = Outcome({"a:a": A, "b:b": B}, ["b", "a"], 0, "", True, False)


@pytest.mark.parametrize(
    ("ours", "difference"),
    [
        (SAME, ""),
        (SAME._replace(processes={"a:a": A}), "b:b is only in supervisord"),
        (
            SAME._replace(processes={**SAME.processes, "b:b": {**B, "statename": "FATAL"}}),
            "b:b statename",
        ),
        (SAME._replace(stopped=["a", "b"]), "order of stopping"),
        (SAME._replace(stopped=["b"]), "stopped: "),
        (SAME._replace(code=1), "exit code: supervisord 0, supervice 1"),
        (SAME._replace(code=None), "exit code: supervisord 0, supervice None"),
    ],
)
def test_a_difference_is_found(ours: Outcome, difference: str) -> None:
    """The program is only worth something if it sees one."""
    found = compare(SAME, ours, EXPECTED) + compare_ends(SAME, ours, EXPECTED)
    assert len(found) == bool(difference)
    assert not found or difference in found[0]


def test_a_run_of_nothing_is_no_success() -> None:
    assert main([str(STOCK), "no-such-file"]) == 1
