"""`make conformance` in miniature: a supervisor that does it, one that does not, one that cannot be told."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conformance import __main__ as conformance
from tests.conformance.supervisors import SuperviceByPip, Supervisor
from tests.conformance.world import Cannot, Program
from tests.paths import ROOT

SCENARIOS = conformance.all_scenarios()
PAGE = (ROOT / "docs/conformance.md").read_text()


class Shell(Supervisor):
    """Runs the program in the background, which no container does twice: its exit code is lost."""

    name = "a shell"
    single = True

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        return ["/bin/sh", "-c", f"cd {folder}; ({programs[0].script}); exit 0"]


class Speechless(Supervisor):
    name = "speechless"

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        raise Cannot("it reads nothing")


@pytest.fixture(autouse=True)
def namespaces() -> None:
    command = ["unshare", "--pid", "--fork", "--mount-proc", "true"]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("takes a PID namespace")


@pytest.mark.parametrize("name", ["exit_code", "stop_order"])
def test_ours_does_it(name: str) -> None:
    assert conformance.outcome(SuperviceByPip(), SCENARIOS[name]) == ("yes", "")


def test_what_does_not_do_it_is_found_out() -> None:
    what, why = conformance.outcome(Shell(), SCENARIOS["exit_code"])
    assert (what, why) == ("no", "the program ended with 7, the container with 0")


def test_what_cannot_be_told_says_what_it_lacks() -> None:
    assert conformance.outcome(Speechless(), SCENARIOS["restart"]) == ("cannot", "it reads nothing")


def test_what_is_not_its_job_is_not_tried() -> None:
    assert conformance.outcome(Shell(), SCENARIOS["restart"]) == ("-", "")


def test_the_page_has_every_scenario() -> None:
    rows = re.findall(r"^\| ([^|]+?) \|", PAGE, re.M)
    assert sorted(rows) == sorted(module.TITLE for module in SCENARIOS.values()), "run: make conformance"


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_says_whom_it_concerns_and_where_it_is_from(name: str) -> None:
    module = SCENARIOS[name]
    assert module.SINGLE or module.MANY
    assert module.SOURCE
