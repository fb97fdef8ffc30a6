"""The tests stand where tests/README.md says: a newcomer who knows the module knows where its tests are."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

TESTS = ROOT / "tests"
PACKAGES = {path.parent.relative_to(ROOT / "supervice") for path in ROOT.glob("supervice/**/__init__.py")}
# What is tested there is no package of ours.
OTHERS = {
    "unit": {"benchmarks", "bundle", "conformance", "fuzz", "tools", "tools/release"},
    "process": {
        "benchmarks",
        "bundle",
        "chaos",
        "conformance",
        "daemon",
        "embedding",
        "fuzz",
        "hostile_paths",
        "mutants",
    },
}
FILES = sorted(TESTS.rglob("*.py"))


@pytest.mark.parametrize("ring", OTHERS)
def test_folders_are_those_of_the_package(ring: str) -> None:
    folders = {path.parent.relative_to(TESTS / ring) for path in (TESTS / ring).rglob("test_*.py")}
    assert sorted(map(str, folders - PACKAGES)) == sorted(OTHERS[ring])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_what_tests_share_is_in_no_test_module(path: Path) -> None:
    """It is in tests/fakes, in the harness of the ring, or in a conftest."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
            assert not (node.module or "").rpartition(".")[2].startswith(("test_", "conftest")), node.lineno


def test_no_python_of_the_environment_loads_a_finder() -> None:
    """The one that setuptools installs triples the time that each Python takes to start (`package-dir`)."""
    assert [name for name in sys.modules if name.startswith("__editable__")] == []
