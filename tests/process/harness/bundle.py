"""The bundle that tests run: built first if need be, which takes minutes once and seconds after a change."""

from __future__ import annotations

import functools
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
CANNOT_BE_BUILT = 3


@functools.cache
def _build() -> tuple[int, str]:
    command = [sys.executable, str(ROOT / "docker/bundle/build.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
    return done.returncode, done.stderr


def bundle_folder() -> Path:
    """The folder that images have as /opt/supervice. Skips the test where the bundle cannot be built."""
    code, said = _build()
    if code == CANNOT_BE_BUILT:
        pytest.skip(said.strip().splitlines()[-1])
    assert code == 0, said
    return ROOT / "build/bundle" / ARCHITECTURE / "opt/supervice"
