"""The files of the page are in the bundle, which has modules only."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from supervice.web import assets, files
from tests.paths import ROOT


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    """What the build writes, by the program that builds."""
    script = "import sys; from pathlib import Path; from data import write_data\nprint(*write_data(*map(Path, sys.argv[1:])))"
    done = subprocess.run(
        [sys.executable, "-c", script, ROOT, tmp_path],
        cwd=ROOT / "docker/bundle", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "supervice.web.files.page_css" in done.stdout.split()
    return tmp_path


def module(generated: Path, name: str) -> ModuleType:
    path = generated.joinpath(*name.split(".")).with_suffix(".py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize("name", ["page.html", *assets.KINDS])
def test_the_bundle_has_the_same_texts(generated: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    of_file = assets.asset(name)
    there = f"supervice.web.files.{name.replace('.', '_')}"
    monkeypatch.setattr(assets, "_read", {})
    monkeypatch.setattr(files, "__spec__", SimpleNamespace(loader=None))
    monkeypatch.setitem(sys.modules, there, module(generated, there))
    assert assets.asset(name) == of_file
