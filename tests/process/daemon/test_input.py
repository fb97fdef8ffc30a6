"""Standard input of programs: /dev/null or a pipe that stays open."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon
from tests.process.harness.descriptors import descriptors

Make = Callable[..., Daemon]


def what(pid: int) -> str:
    """Where the standard input of a process comes from."""
    return os.readlink(f"/proc/{pid}/fd/0").partition(":")[0]


def test_null_by_default_and_a_pipe_where_asked_for(daemon: Make) -> None:
    program = "command = sleep 1000\nstartsecs = 0\n"
    one = daemon(
        f"[program:a]\n{program}[program:b]\n{program}stdin = pipe\n[program:c]\n{program}stdin = null\n"
    )
    found = {name: what(one.wait_state(name, "RUNNING")["pid"]) for name in "abc"}
    assert found == {"a": "/dev/null", "b": "pipe", "c": "/dev/null"}


def pipes(pid: int) -> int:
    """How many ends of pipes a process holds; clients, which come and go, are sockets."""
    return sum(link.startswith("pipe:") for link in descriptors(pid).values())


def test_a_program_that_reads_to_the_end_goes_on(daemon: Make) -> None:
    """`cat` ends at once on /dev/null, and stays with a pipe: over restarts too, and no descriptor is left."""
    one = daemon("[program:cat]\ncommand = cat\nstartsecs = 0\nstdin = pipe\n")
    first = one.wait_state("cat", "RUNNING")["pid"]
    count = pipes(one.pid)
    for _ in range(5):
        assert one.ask("restart", "cat")["status"] == "ok"
    assert one.wait_state("cat", "RUNNING")["pid"] != first
    assert what(one.row("cat")["pid"]) == "pipe"
    eventually(lambda: pipes(one.pid) == count)
    one.ask("stop", "cat")
    eventually(lambda: pipes(one.pid) == count - 3)


def test_a_program_that_cannot_start_keeps_no_pipe(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        f"[program:no]\ncommand = {tmp_path}/nothing\nstartretries = 0\nstdin = pipe\nautostart = false\n"
        "[program:other]\ncommand = sleep 1000\nstartsecs = 0\n"
    )
    one.wait_state("other", "RUNNING")
    count = pipes(one.pid)
    one.ask("start", "no")
    one.wait_state("no", "FATAL")
    eventually(lambda: pipes(one.pid) == count)
