"""`make mutants` in miniature: what no test notices is named, what is explained is not."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.paths import ROOT
from tools.mutants.__main__ import dealt
from tools.mutants.make import Mutant

PROJECT = """
[tool.pytest.ini_options]
addopts = ["--import-mode=importlib"]

[tool.mutmut]
source_paths = ["supervice"]

[[tool.supervice.mutants]]
files = ["supervice/*.py"]
tests = ["tests"]
"""
LAW = """
class Budget:
    def __init__(self, most: int) -> None:
        self.most = most

    def fits(self, number: int) -> bool:
        return number <= self.most


def unreached() -> int:
    return 1
"""
TEST = """
from hypothesis import given, strategies as st
from supervice.law import Budget, unreached

@given(st.integers(0, 5))
def test_less_fits(number):
    assert Budget(6).fits(number)
    assert not Budget(6).fits(number + 7)
"""
LOOP = """

def wait(number: int) -> int:
    while number > 0:
        number -= 1
    return number
"""
ENDS = """
from supervice.law import wait

def test_it_ends():
    assert wait(3) == 0
"""
SURVIVOR = "supervice/law.py: Budget.fits: return number <= self.most => return number < self.most"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("supervice", "tests", "tools/mutants"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "supervice/__init__.py").touch()
    (tmp_path / "supervice/law.py").write_text(LAW)
    (tmp_path / "tests/test_law.py").write_text(TEST)
    (tmp_path / "tools/mutants/survivors.txt").touch()
    return tmp_path


def mutants(root: Path, *files: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.mutants", "--root", str(root), *files]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)


def test_what_no_test_notices_is_named(project: Path) -> None:
    (project / "supervice/law.py").write_text(LAW + LOOP)
    (project / "tests/test_law.py").write_text(TEST + ENDS)
    said = mutants(project)
    assert said.returncode == 1, said.stdout + said.stderr
    assert f"survived:\n  {SURVIVOR}\n" in said.stdout
    assert "no test:\n  supervice/law.py: unreached: return 1 => return 2" in said.stdout
    assert "number -= 1" not in said.stdout  # one that hangs is noticed


def test_what_is_explained_is_not(project: Path) -> None:
    (project / "tests/test_law.py").write_text(TEST + "\ndef test_all():\n    assert unreached() == 1\n")
    known = project / "tools/mutants/survivors.txt"
    known.write_text(
        "Found out about in another way.\n" + "".join(f"  {line}\n" for line in survivors(project))
    )
    said = mutants(project)
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.endswith("mutants: each is noticed or explained\n")
    known.write_text(f"{known.read_text()}  supervice/law.py: unreached: another => one\n")
    said = mutants(project)
    assert said.returncode == 1
    assert (
        "take it out of tools/mutants/survivors.txt: supervice/law.py: unreached: another => one"
        in said.stdout
    )


def survivors(project: Path) -> list[str]:
    lines = mutants(project).stdout.splitlines()
    return [line.strip() for before, line in pairwise(lines) if before == "survived:"]


def test_a_test_that_fails_by_itself_is_named(project: Path) -> None:
    (project / "tests/test_law.py").write_text("def test_wrong():\n    assert 0\n")
    said = mutants(project)
    assert said.returncode == 1
    assert "a test fails though nothing is changed: tests/test_law.py::test_wrong" in said.stderr


def test_a_file_that_is_in_no_list_is_named(project: Path) -> None:
    said = mutants(project, "supervice/other.py")
    assert said.returncode == 1
    assert "mutants: none of supervice/other.py is in pyproject.toml's list" in said.stderr


def test_every_share_has_whole_functions() -> None:
    def of(function: str, number: int) -> Mutant:
        return Mutant(Path("law.py"), "law", function, f"{function}_{number}", "")

    many = [of(function, number) for function in "abc" for number in range(3)]
    shares = dealt(many, 2)
    assert [[mutant.original for mutant in share] for share in shares] == [
        ["law.a_orig"] * 3 + ["law.c_orig"] * 3,
        ["law.b_orig"] * 3,
    ]
    assert dealt(many[:3], 2) == [many[:3]]


def test_a_part_of_ours_is_noticed_whole() -> None:
    said = mutants(ROOT, "supervice/lifecycle/memory_limit.py")
    assert said.returncode == 0, said.stdout + said.stderr
