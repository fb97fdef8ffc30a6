"""What differs under podman: a user namespace, rights of a user only, and a manager that wants to be told."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.podman.store import Container

Run = Callable[..., Container]

TWO = """
[program:web]
command = sleep 1000
user = nobody
startsecs = 0

[program:orphanage]
command = sh -c 'while :; do (sleep 0.01 &); sleep 0.05; done'
startsecs = 0
"""


def rows(box: Container) -> dict[str, Any]:
    said = box.ctl("--json", "status")
    assert said.returncode == 0, said.stderr
    return {row["name"]: row for row in json.loads(said.stdout)["processes"]}


def up(box: Container) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def all_run() -> bool:
        said = box.ctl("--json", "status")
        if said.returncode != 0:
            return False
        found.update(rows(box))
        return {row["state"] for row in found.values()} == {"RUNNING"}

    eventually(all_run, 20)
    return found


def test_it_runs_programs_as_users_restarts_reaps_and_ends(run: Run) -> None:
    box = run(TWO)
    before = up(box)
    status = box.read("cat", f"/proc/{before['web']['pid']}/status")
    assert "Uid:\t65534\t65534\t65534\t65534" in status
    box.read("sh", "-c", f"kill -9 {before['web']['pid']}")
    eventually(lambda: rows(box)["web"]["pid"] not in (0, None, before["web"]["pid"]), 20)
    zombies = "for f in /proc/[0-9]*/stat; do cat $f 2>/dev/null; done | grep -c ' Z ' || true"
    eventually(lambda: box.read("sh", "-c", zombies).strip() == "0", 20)
    assert box.stop() == 0
    assert "exiting with code 0: SIGTERM received" in box.log()


def test_the_end_of_main_is_the_end_of_the_container(run: Run) -> None:
    box = run("[program:job]\ncommand = sh -c 'exit 7'\nmain = true\nstartsecs = 0\n")
    assert box.code() == 7


def test_without_any_right_and_with_nothing_to_write_to(run: Run) -> None:
    options = ["--read-only", "--cap-drop=all", "--user=12345", "--security-opt=no-new-privileges"]
    box = run("[program:web]\ncommand = sleep 1000\nstartsecs = 0\n", *options, "--read-only-tmpfs=false")
    eventually(lambda: "web: running" in box.log(), 20)
    assert box.stop() == 0


@pytest.fixture
def above(folder: Path) -> Iterator[socket.socket]:
    """What a manager listens at, as `--sdnotify=container` has it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(folder / "notify"))
        os.chmod(folder / "notify", 0o777)
        sock.settimeout(20)
        yield sock


def until(above: socket.socket, word: str) -> None:
    while word not in above.recv(4096).decode().splitlines():
        pass  # a status


def test_the_manager_above_is_told_that_all_is_ready_and_that_it_ends(
    run: Run, above: socket.socket, folder: Path
) -> None:
    config = (
        "[program:web]\ncommand = sh -c 'sleep 0.5; touch /tmp/up; exec sleep 1000'\nready = file:/tmp/up\n"
    )
    volume = f"--volume={folder}/notify:/run/above:rw"
    box = run(config, volume, "--env=NOTIFY_SOCKET=/run/above", "--sdnotify=ignore")
    until(above, "READY=1")
    assert rows(box)["web"]["state"] == "RUNNING"
    assert "NOTIFY_SOCKET" not in box.read(
        "sh", "-c", f"tr '\\0' '\\n' </proc/{rows(box)['web']['pid']}/environ"
    )
    assert box.stop() == 0
    until(above, "STOPPING=1")
