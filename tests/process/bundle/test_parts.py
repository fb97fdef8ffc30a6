"""What the bundle says that it is made of is what it is made of."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from supervice import __version__
from tests.paths import ROOT
from tests.process.harness.bundle import bundle_folder

pytestmark = pytest.mark.timeout(1600)


@pytest.fixture(scope="module")
def folder() -> Path:
    return bundle_folder()


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    """The tables of docker/bundle/parts.py and advisories.py."""
    command = [sys.executable, str(ROOT / "docker/bundle/parts.py")]
    said: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return said


def said_by(folder: Path, code: str) -> str:
    done = subprocess.run([folder / "lib/python", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_version_names_every_part_with_version_and_cpe(folder: Path, facts: dict[str, Any]) -> None:
    command = [str(folder / "bin/supervice"), "--version", "-v"]
    first, *rest = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert first == f"supervice {__version__}"
    rows = {line.split()[0]: line.split()[1:] for line in rest}
    assert rows == {part["name"]: [part["version"], part["cpe"]] for part in facts["parts"]}
    assert {"CPython", "musl", "zlib", "expat", "click", "cronsim", "h11"} <= set(rows)


def test_the_versions_are_those_that_are_linked(folder: Path, facts: dict[str, Any]) -> None:
    versions = {part["name"]: part["version"] for part in facts["parts"]}
    code = "import sys, zlib, pyexpat; print(sys.version.split()[0], zlib.ZLIB_RUNTIME_VERSION, pyexpat.EXPAT_VERSION)"
    python, zlib, expat = said_by(folder, code).split()
    assert (python, zlib, expat.removeprefix("expat_")) == tuple(
        versions[name] for name in ("CPython", "zlib", "expat")
    )


def test_modules_that_an_advisory_says_are_absent_are_absent(folder: Path, facts: dict[str, Any]) -> None:
    names = sorted({module for one in facts["advisories"] for module in one["modules"]})
    assert {"tarfile", "http", "email", "unicodedata"} <= set(names)
    code = (
        f"import importlib\nfound = []\nfor name in {names!r}:\n"
        "    try:\n        importlib.import_module(name)\n        found.append(name)\n"
        "    except ImportError:\n        pass\nprint(found)"
    )
    assert ast.literal_eval(said_by(folder, code)) == []


def test_iconv_is_not_linked(folder: Path) -> None:
    """Its tables would be there: the names of character sets that musl knows."""
    assert re.search(rb"euckr\0", (folder / "bin/supervice").read_bytes()) is None
