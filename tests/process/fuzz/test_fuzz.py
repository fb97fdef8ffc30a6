"""`make fuzz` in miniature: it finds what is wrong, and its command finds it again."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS
from tests.paths import ROOT

WRONG = """
from hypothesis import given, strategies as st

@given(st.integers(0, 10**6))
def test_a_number_is_small(number):
    assert number < 4321

def test_not_a_property():
    raise RuntimeError("not run")
"""


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)


def test_what_is_found_comes_with_its_smallest_input_and_the_command_that_repeats_it(tmp_path: Path) -> None:
    (tmp_path / "test_wrong.py").write_text(WRONG)
    said = fuzz("--seconds", "1", str(tmp_path / "test_wrong.py"))
    assert said.returncode == 1, said.stdout + said.stderr
    assert "number=4321" in said.stdout
    assert "not run" not in said.stdout
    line = re.search(r"^repeat with: (.*)$", said.stdout, re.M)
    assert line is not None
    again = subprocess.run(
        ["env", *shlex.split(line.group(1))], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "number=4321" in again.stdout


def test_what_holds_is_run_until_the_time_is_over() -> None:
    said = fuzz("--seconds", "2", "--seed", "1", "notifications")
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.endswith("fuzz: nothing found\n")
    assert "fuzz: notifications: seed " in said.stdout


def test_a_target_that_is_none_is_named() -> None:
    said = fuzz("frams")
    assert said.returncode == 2
    assert "there is no target frams; there are frames, " in said.stderr


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_has_property_tests(name: str) -> None:
    for file in TARGETS[name]:
        assert "@given(" in (ROOT / file).read_text(), file
