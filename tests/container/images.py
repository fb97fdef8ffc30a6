"""The images under test, and what the containers of this session are known by."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

LABEL = "supervice.test.session"
# Each worker of pytest-xdist removes its own containers only.
SESSION = uuid.uuid4().hex
CONFIG = "/etc/supervice/supervice.conf"
BASES = os.environ.get("SUPERVICE_TEST_BASES", "").split() or ["python:3.13-slim"]
# What the image under test is made of: the static bundle, or a virtual environment.
KIND = os.environ.get("SUPERVICE_TEST_KIND", "bundle")
# The interpreter of the image under test, which has our modules.
PYTHON = f"/opt/supervice/{'bin' if KIND == 'pip' else 'lib'}/python"


def tag_of(base: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", base)


def build_image(context: Path, tag: str, base: str) -> str:
    # The client and not the SDK: this is the command that users type, and it takes the builder
    # (classic or BuildKit) that the machine has.
    return last_word(
        ["docker", "build", "--quiet", "--build-arg", f"BASE={base}", "--tag", tag, str(context)]
    )


def last_word(command: list[str]) -> str:
    """The last word that the command says. It may have the interpreter to build."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout.split()[-1]


def once(file: Path, make: Callable[[], str]) -> str:
    """What `make` returns, kept in `file`: the first worker that asks makes it, the others wait for it."""
    with file.open("a+") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        kept.seek(0)
        made = kept.read()
        if not made:
            made = make()
            kept.write(made)
        return made
