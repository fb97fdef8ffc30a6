"""The workflows are free of logic: each job calls a target of the Makefile that is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.paths import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
CALL = re.compile(
    r"(?:sudo --preserve-env=PATH )?make ((?:[a-z-]+|\"\$TARGET\")(?: [a-z-]+)*)((?: [A-Z_]+=\S+)*)"
)


def jobs(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from yaml.safe_load(path.read_text())["jobs"].items()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_job_calls_targets_and_no_more(path: Path) -> None:
    for name, job in jobs(path):
        for step in job["steps"]:
            if "run" not in step:
                continue
            call = CALL.fullmatch(step["run"].strip())
            assert call is not None, f"{path.name}, {name}: {step['run']}"
            targets = call.group(1).split()
            if targets == ['"$TARGET"']:
                targets = job["strategy"]["matrix"]["target"]
            assert set(targets) <= TARGETS, f"{path.name}, {name}: {set(targets) - TARGETS} is no target"


def test_what_takes_long_runs_at_night() -> None:
    (job,) = (job for _, job in jobs(ROOT / ".github/workflows/nightly.yml"))
    targets = set(job["strategy"]["matrix"]["target"])
    assert targets == {
        "cases",
        "fuzz",
        "chaos",
        "soak",
        "conformance",
        "bench-compare",
        "mutants",
        "coverage",
    }
    assert job["timeout-minutes"] == 180


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_an_action_is_pinned_by_its_commit(path: Path) -> None:
    for name, job in jobs(path):
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"]), (
                    f"{path.name}, {name}: {step['uses']}"
                )
