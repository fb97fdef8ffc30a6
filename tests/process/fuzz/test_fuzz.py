"""`make fuzz` in miniature: it finds what is wrong, and its command finds it again."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from supervice.lean.loop import GUARD
from tests.fuzz import __main__
from tests.fuzz.plugin import SHRINK
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
    unguarded = {
        name: value for name, value in os.environ.items() if name != GUARD
    }  # its loops have no clock
    return subprocess.run(
        command, cwd=ROOT, env=unguarded, capture_output=True, text=True, timeout=380, check=False
    )


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


def test_what_is_found_comes_with_the_patch_that_remembers_it() -> None:
    """hypothesis writes one where libcst is there, which mutmut brings."""
    wrong = ROOT / "build" / "test_wrong_by_intent.py"
    wrong.parent.mkdir(exist_ok=True)
    wrong.write_text(WRONG)
    try:
        said = fuzz("--seconds", "1", str(wrong))
    finally:
        wrong.unlink()
    found = re.search(r"git apply (\S+\.patch)", said.stdout)
    assert found is not None, said.stdout + said.stderr
    patch = (ROOT / found.group(1)).read_text()
    assert "\n+@example(" in patch
    assert "number=4321" in patch


def test_what_takes_too_long_to_become_smaller_is_shown_as_it_was_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(command: list[str], *, env: dict[str, str], **_more: object) -> subprocess.CompletedProcess[str]:
        if env[SHRINK] == "1":
            raise subprocess.TimeoutExpired(command, 1)
        return subprocess.CompletedProcess(command, 1, "Failing test case: number=99999", "")

    monkeypatch.setattr(subprocess, "run", run)
    said = __main__.run(["tests/unit/x.py"], 7, 20)
    assert "number=99999" in said
    assert "--hypothesis-seed=7" in said
    assert said.endswith("it takes too long to make it smaller")


def test_a_new_seed_finds_nothing() -> None:
    """As beside the tests of `make test`. On failure: all that a person needs."""
    begun = time.monotonic()
    said = fuzz("--each", "2", "--kind", "properties", "notifications")
    assert said.returncode == 0, said.stdout + said.stderr
    assert time.monotonic() - begun >= 2
    assert "fuzz: notifications: seed " in said.stdout
    assert said.stdout.endswith("fuzz: nothing found\n")


def test_make_test_gives_those_that_read_foreign_bytes_their_time() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile.partition("\ntest: ")[2].partition("\n\n")[0]
    assert "$(MAKE) fuzz-each" in recipe
    said = subprocess.run(
        ["make", "-n", "-C", str(ROOT), "fuzz-each"], capture_output=True, text=True, check=True
    ).stdout
    words = shlex.split(said.replace("\\\n", " ").partition(" -m tests.fuzz ")[2].partition("\nmake")[0])
    assert words[:4] == ["--each", "20", "--kind", "properties"]
    assert {"frames", "http", "xml", "configuration", "notifications", "schedules", "logs"} == set(words[4:])


def test_a_target_that_is_none_is_named() -> None:
    said = fuzz("frams")
    assert said.returncode == 2
    assert "there is no target frams; there are frames, " in said.stderr


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_has_property_tests(name: str) -> None:
    for place in TARGETS[name]:
        assert any("@given(" in file.read_text() for file in files_of(place)), place


def test_every_property_test_of_the_unit_ring_is_in_a_target() -> None:
    targets = {file for places in TARGETS.values() for place in places for file in files_of(place)}
    properties = {
        file for file in (ROOT / "tests/unit").rglob("test_*.py") if "\n@given(" in file.read_text()
    }
    assert {str(file) for file in properties - targets} == set()


def files_of(place: str) -> set[Path]:
    path = ROOT / place
    return {path} if path.is_file() else set(path.rglob("test_*.py"))
