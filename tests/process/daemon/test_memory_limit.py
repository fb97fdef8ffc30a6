"""`memory_limit` with real processes: what is counted, and what being above it leads to."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

# A small leader whose child has 60 MiB, the first time only.
LEADER = """\
import os, sys, time
if not os.path.exists(sys.argv[1]):
    open(sys.argv[1], "w").close()
    if os.fork() == 0:
        block = b"x" * (60 << 20)
        time.sleep(1000)
time.sleep(1000)
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    (tmp_path / "leader.py").write_text(LEADER)
    return f"[program:web]\ncommand = {sys.executable} {tmp_path}/leader.py {tmp_path}/begun\nbackoff = 0.1\n"


def test_above_it_the_program_is_restarted(daemon: Callable[..., Daemon], program: str) -> None:
    one = daemon(f"{program}memory_limit = 50MB\n")
    pid = one.row("web")["pid"]
    eventually(lambda: one.row("web")["restarts"] == 1, 20)
    assert "of memory, above its limit of 50 MiB; state UNHEALTHY" in one.text()
    assert one.wait_state("web", "RUNNING")["pid"] != pid
    assert any(e.get("trigger", "").startswith("memory limit") for e in one.ask("events")["events"])


def test_it_may_only_be_said(daemon: Callable[..., Daemon], program: str) -> None:
    one = daemon(f"{program}memory_limit = 50MB\nmemory_limit_action = none\n")
    pid = one.row("web")["pid"]
    row = one.wait_state("web", "UNHEALTHY")
    assert (row["pid"], row["restarts"]) == (pid, 0)
    assert "above its limit of 50 MiB" in row["reason"]


def test_it_may_end_the_container(daemon: Callable[..., Daemon], program: str) -> None:
    one = daemon(f"{program}memory_limit = 50MB\nmemory_limit_action = shutdown\n")
    assert one.wait(30) == 1
    assert "program web is unhealthy" in one.text()


def test_a_program_below_it_goes_on(daemon: Callable[..., Daemon], program: str) -> None:
    one = daemon(f"{program}memory_limit = 500MB\n[program:plain]\ncommand = sleep 1000\n")
    eventually(lambda: one.ask("status", resources=True)["processes"][0]["resources"]["memory"] > 60 << 20)
    assert one.wait_state("web", "RUNNING")["healthy"] is None
