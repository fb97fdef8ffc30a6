"""What processes use, as a client is told: counted with all that they started, and only when it asks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.ports import free_port
from tests.process.harness.daemon import Daemon

MIB = 1024 * 1024
# Its child is in a session of its own and has 40 MiB, two more descriptors, and works for a tenth of a second.
FAMILY = """\
import os, time
if os.fork() == 0:
    os.setsid()
    block = b"x" * (40 << 20)
    files = [open("/dev/null"), open("/dev/null")]
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    print("worked", flush=True)
time.sleep(1000)
"""


def used(one: Daemon, name: str) -> dict[str, Any]:
    rows = one.ask("status", resources=True)["processes"]
    found = next(row for row in rows if row["name"] == name)["resources"]
    assert isinstance(found, dict)
    return found


def test_a_program_with_all_that_it_started(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    (tmp_path / "family.py").write_text(FAMILY)
    one = daemon(
        f"[program:web]\ncommand = {sys.executable} {tmp_path}/family.py\n"
        "[program:off]\ncommand = sleep 1000\nautostart = false\n"
        "[program:small]\ncommand = sleep 1000\n"
    )
    one.wait_text("worked")
    first = used(one, "web")
    assert first["processes"] == 2
    assert first["cpu_seconds"] >= 0.2
    assert 40 * MIB < first["memory"] < 100 * MIB
    assert first["memory_estimated"] is False
    # those of Python, twice, and two more
    assert 8 <= first["open_files"] <= 20
    small = used(one, "small")
    assert (small["processes"], small["open_files"]) == (1, 3)
    rows = {row["name"]: row for row in one.ask("status", resources=True)["processes"]}
    assert rows["off"]["resources"] is None
    # of a share of the processor only a second look can tell
    assert first["cpu_percent"] is None
    eventually(lambda: used(one, "web")["cpu_percent"] is not None)
    assert "resources" not in one.row("web")


def test_json_has_it_and_the_container(daemon: Callable[..., Daemon]) -> None:
    one = daemon("[program:web]\ncommand = sleep 1000\n")
    words = [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket), "--json", "status"]
    reply = json.loads(subprocess.run(words, capture_output=True, timeout=60, check=True).stdout)
    assert reply["processes"][0]["resources"]["processes"] == 1
    assert set(reply["container"]) == {"memory", "limit", "oom_kills"}


def test_metrics(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    port = free_port()
    one = daemon(
        f"[supervice]\nsocket = {tmp_path}/0/s.sock\nhttp = 127.0.0.1:{port}\n"
        "[program:web]\ncommand = sleep 1000\n[program:off]\ncommand = true\nautostart = false\n"
    )
    one.wait_state("web", "RUNNING")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    label = '{name="web",group="web"}'
    for name in (
        "cpu_seconds_total",
        "memory_bytes",
        "processes",
        "open_fds",
        "memory_estimated",
        "oom_kills_total",
    ):
        assert re.search(rf"^supervice_process_{name}{re.escape(label)} [0-9.e-]+$", text, re.M), name
    assert 'supervice_process_memory_bytes{name="off"' not in text
    assert "# UNIT supervice_process_memory_bytes bytes" in text
    assert text.endswith("# EOF\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts programs as another user")
def test_what_the_kernel_does_not_show_is_an_estimate(daemon: Callable[..., Daemon]) -> None:
    """Root with the rights that Docker leaves it."""
    one = daemon(
        "[program:web]\ncommand = sleep 1000\nuser = 12345\n",
        prefix=("setpriv", "--bounding-set=-all,+chown,+dac_override,+kill,+setgid,+setuid,+setpcap", "--"),
    )
    one.wait_state("web", "RUNNING")
    found = used(one, "web")
    assert found["memory_estimated"] is True
    assert found["memory"] is not None
    assert found["processes"] == 1


def test_what_ends_during_the_look_hides_nothing_of_the_rest(daemon: Callable[..., Daemon]) -> None:
    """A program that starts commands all the time: one of them ends between two reads in every other look."""
    loops = "; ".join(["(while :; do /bin/true; done) &"] * 2).replace("&;", "&")
    one = daemon(f"[program:busy]\ncommand = sh -c '{loops} wait'\nstartsecs = 0\nnice = 10\n")
    one.wait_state("busy", "RUNNING")
    for _ in range(40):
        found = used(one, "busy")
        assert None not in (found["memory"], found["open_files"], found["cpu_seconds"]), found
        assert found["memory"] > 0
        assert found["memory_estimated"] is False
