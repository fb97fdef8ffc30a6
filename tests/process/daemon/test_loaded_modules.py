"""How many of our modules each mode loads: what no one asks for costs nothing (docs/adr/0017).

The real commands run with PYTHONPROFILEIMPORTTIME, which has the interpreter name every module it loads.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from supervice.lean.loop import GUARD
from supervice.pid1.mounts import Mounts
from tests.process.harness.daemon import Daemon, surroundings
from tests.process.harness.turning import is_measured

# May go down at any time. Up: by a module that every container with that mode needs; then ADR 0017 has the new
# figure too.
SINGLE_COMMAND = 19
CONFIGURATION = 94
STATUS = 16
SLACK = 2  # so that the figures stay true

# Where a mount has a server that may not answer, such as FUSE or 9p, these ask it.
LOOKS_ELSEWHERE = {"supervice.runner.obstacle", "supervice.pid1.forked_call"} if Mounts().any() else set()
PROFILED = {"PYTHONPROFILEIMPORTTIME": "1"}


def ours(profile: str) -> list[str]:
    """Our modules in what the interpreter says on stderr, in the order in which they were complete."""
    return re.findall(r"^import time:[ \d]+\|[ \d]+\| +(supervice(?:\.\S+)?)$", profile, re.M)


def check(loaded: list[str], budget: int) -> None:
    assert len(loaded) == len(set(loaded))
    named = "\n".join(sorted(loaded))
    assert budget - SLACK <= len(loaded) <= budget, f"{len(loaded)} modules of {budget}:\n{named}"


def command(name: str, *words: str) -> list[str]:
    code = f"from supervice.cli.{name} import main; main()"
    return [sys.executable, "-c", code, *words]


def run(*words: str) -> str:
    done = subprocess.run(
        words, env={**surroundings(), **PROFILED}, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stderr


@pytest.fixture(autouse=True)
def unguarded(turns: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard of long turns is a module too."""
    monkeypatch.delenv(GUARD, raising=False)


@pytest.mark.parametrize("variable", ["", "SUPERVICE_TERMINATION_LOG", "SUPERVICE_VERBOSE"])
def test_a_single_command(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if variable:
        monkeypatch.setenv(variable, "1")
    check(ours(run(*command("main", "-c", "none", "--", "true"))), SINGLE_COMMAND)


def test_one_program_and_its_status(daemon: Callable[..., Daemon]) -> None:
    one = daemon("[program:web]\ncommand = sleep 1000\n", env=PROFILED, wait=False)
    one.wait_text("web: running")
    loaded = ours(one.err.read_text())
    check([name for name in loaded if name not in LOOKS_ELSEWHERE], CONFIGURATION)
    # It brings `enum`, `functools` and `collections`: 0.7 MB and 7 ms (docs/adr/0017).
    assert is_measured() or not re.findall(r"\| +signal$", one.err.read_text(), re.M)
    check(ours(run(*command("ctl", "-s", str(one.socket), "status"))), STATUS)
    # The first request brings in what answers it; the second nothing.
    asked = ours(one.err.read_text())
    assert {"supervice.api.requests", "supervice.api.queries"} <= set(asked) - set(loaded)
    assert one.ask("status", "web")["status"] == "ok"
    assert ours(one.err.read_text()) == asked


@pytest.mark.skipif(os.geteuid() != 0, reason="switching users needs root")
def test_a_program_of_another_user_takes_no_subprocess(daemon: Callable[..., Daemon]) -> None:
    """It is 2 MB of memory, and Popen waits for ever for a child that its user stops before exec."""
    one = daemon("[program:web]\ncommand = sleep 1000\nuser = nobody\n", env=PROFILED, wait=False)
    one.wait_text("web: running")
    said = one.err.read_text()
    assert "supervice.pid1.fork" in ours(said)
    assert is_measured() or not re.findall(r"\| +(?:subprocess|selectors|threading)$", said, re.M)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], ["pid"], ["why", "x"], ["logs", "-n", "1"]])
def test_what_is_asked_all_day_and_the_page_of_help_need_no_click(words: list[str]) -> None:
    done = subprocess.run(
        command("ctl", "-s", "/nowhere", *words)
        if words[0] in ("pid", "why", "logs")
        else command("ctl", *words),
        env={**os.environ, **PROFILED},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, 4)
    assert not re.search(r"\| +click", done.stderr)


@pytest.mark.parametrize("name", ["main", "ctl"])
def test_help_and_version_load_no_daemon(name: str) -> None:
    loaded = ours(run(*command(name, "--version")))
    assert not {"supervice.core", "supervice.config", "supervice.process", "supervice.models"} & set(loaded)
