"""The daemon and its programs stand still for longer than any of their time limits, as under `docker pause` (T1).

What stands still is held against no program: it goes on with the time that it had, and so does who waits for it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import procfs
from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

Make = Callable[..., Daemon]

# Needs 0.6 s of its own to stop, in many steps: a freeze costs it no more than one of them.
SLOW = """
import signal, sys, time
def stop(*_):
    print("stopping", flush=True)
    for _ in range(30):
        time.sleep(0.02)
    print("stopped in peace", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("up", flush=True)
while True:
    signal.pause()
"""
# Says what it is told to after a while of its own, then pings.
SPEAKER = """
import os, socket, sys, time
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1))
print("up", flush=True)
for _ in range(30):
    time.sleep(0.02)
sock.send(b"READY=1")
while True:
    sock.send(b"WATCHDOG=1")
    time.sleep(0.1)
"""


def program(directory: Path, text: str) -> str:
    file = directory / "program.py"
    file.write_text(text)
    return f"{sys.executable} {file}"


@pytest.fixture(autouse=True)
def stood_still(turns: Path) -> Iterator[None]:
    """A turn in which we stood still is not one that slept."""
    yield
    turns.write_text("".join(line for line in turns.read_text().splitlines(True) if line > "0.1"))


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    try:
        for pid in pids:
            send(pid, signal.SIGSTOP)
        eventually(lambda: all(procfs.state(pid) in "TZ" for pid in pids))  # "" when it has ended
        yield
    finally:
        for pid in pids:
            send(pid, signal.SIGCONT)


def send(pid: int, signum: int) -> None:
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        pass  # a check that was at its end


def pause(one: Daemon, seconds: float) -> None:
    """The daemon and everything below it stand still for a while."""
    with frozen([one.pid, *procfs.descendants(one.pid)]):
        time.sleep(seconds)


def asking(one: Daemon, command: str, name: str) -> tuple[threading.Thread, list[dict[str, Any]]]:
    replies: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: replies.append(one.ask(command, name)))
    thread.start()
    return thread, replies


def test_t1_a_program_has_the_rest_of_its_stop_wait_after_a_freeze(daemon: Make, tmp_path: Path) -> None:
    """And who asked for the stop is not told that it failed."""
    one = daemon(f"[program:a]\ncommand = {program(tmp_path, SLOW)}\nstopwaitsecs = 2\nstartsecs = 0\n")
    one.wait_text("\nup\n")
    thread, replies = asking(one, "stop", "a")
    one.wait_text("stopping")
    pause(one, 3)
    thread.join(20)
    assert replies[0]["status"] == "ok", replies
    assert "stopped in peace" in one.text()
    assert "SIGKILL" not in one.text()


def test_t1_the_budget_of_a_shutdown_does_not_run_out_in_a_freeze(daemon: Make, tmp_path: Path) -> None:
    command = program(tmp_path, SLOW)
    one = daemon(
        f"[supervice]\nsocket = {tmp_path}/0/s.sock\nshutdown_timeout = 4\n"
        f"[program:first]\ncommand = {command}\nstopwaitsecs = 2\nstartsecs = 0\n"
        f"[program:second]\ncommand = {command}\nstopwaitsecs = 2\nstartsecs = 0\ndepends_on = first\n"
    )
    eventually(lambda: one.text().count("up\n") == 2)
    one.signal(signal.SIGTERM)
    one.wait_text("stopping")
    pause(one, 5)
    assert one.wait() == 0
    assert one.text().count("stopped in peace") == 2
    text = one.text().replace("SIGKILL follows", "")  # what the start said of a wait that is cut
    assert "SIGKILL" not in text


def test_t1_a_program_that_says_ready_in_the_freeze_is_ready(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        f"[program:a]\ncommand = {program(tmp_path, SPEAKER)}\nready = notify\nready_timeout = 2\n"
        "startretries = 0\nstartsecs = 0\n"
    )
    one.wait_text("\nup\n")
    with frozen([one.pid]):  # the program runs, and its READY waits in our socket
        time.sleep(3)
    assert one.wait_state("a", "RUNNING", "FATAL")["state"] == "RUNNING"


def test_t1_a_program_becomes_ready_in_the_time_it_had(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        f"[program:a]\ncommand = {program(tmp_path, SPEAKER)}\nready = notify\nready_timeout = 2\n"
        "startretries = 0\nstartsecs = 0\n"
    )
    one.wait_text("\nup\n")
    pause(one, 3)
    assert one.wait_state("a", "RUNNING", "FATAL")["state"] == "RUNNING"


def test_t1_a_line_in_the_freeze_makes_ready(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        "[program:a]\ncommand = sh -c 'echo up; sleep 0.7; echo now; exec sleep 1000'\nready = log:^now\n"
        "ready_timeout = 2\nstartretries = 0\nstartsecs = 0\n"
    )
    one.wait_text("\nup\n")
    with frozen([one.pid]):
        time.sleep(3)
    assert one.wait_state("a", "RUNNING", "FATAL")["state"] == "RUNNING"


def test_t1_a_watchdog_does_not_count_the_freeze(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        f"[program:a]\ncommand = {program(tmp_path, SPEAKER)}\nready = notify\nwatchdog = 1\nstartsecs = 0\n"
    )
    before = one.wait_state("a", "RUNNING")["pid"]
    eventually(lambda: one.row("a")["healthy"] is True)
    pause(one, 2.5)
    eventually(lambda: one.row("a")["healthy"] is True)
    row = one.row("a")
    assert (row["state"], row["pid"], row["restarts"]) == ("RUNNING", before, 0)
    assert "watchdog ping" not in one.text()


def test_t1_a_check_that_runs_in_the_freeze_has_its_time(daemon: Make, tmp_path: Path) -> None:
    script = program(
        tmp_path, "import time\nprint('checking', flush=True)\nfor _ in range(30): time.sleep(0.02)\n"
    )
    one = daemon(
        "[program:a]\ncommand = sleep 1000\nstartsecs = 0\nhealthcheck_type = script\n"
        f"healthcheck_command = {script}\nhealthcheck_timeout = 2\nhealthcheck_retries = 1\n"
        "healthcheck_interval = 1000\n"
    )
    before = one.wait_state("a", "RUNNING")["pid"]
    eventually(lambda: any("program.py" in cmdline(pid) for pid in procfs.descendants(one.pid)))
    pause(one, 3)
    row = eventually(lambda: one.row("a")["healthy"] is not None and one.row("a"))
    assert (row["healthy"], row["state"], row["pid"]) == (True, "RUNNING", before)


def test_t1_the_command_before_a_stop_has_its_time(daemon: Make, tmp_path: Path) -> None:
    script = program(
        tmp_path,
        f"import time\nfor _ in range(30): time.sleep(0.02)\nopen({str(tmp_path / 'done')!r}, 'w')\n",
    )
    one = daemon(f"[program:a]\ncommand = sleep 1000\nstartsecs = 0\npre_stop = {script}\nstopwaitsecs = 3\n")
    one.wait_state("a", "RUNNING")
    thread, replies = asking(one, "stop", "a")
    eventually(lambda: any("program.py" in cmdline(pid) for pid in procfs.descendants(one.pid)))
    pause(one, 4)
    thread.join(20)
    assert replies[0]["status"] == "ok", replies
    assert (tmp_path / "done").exists()
    assert "was killed" not in one.text()


def test_t1_the_log_says_how_long_it_was(daemon: Make) -> None:
    one = daemon(
        "[program:a]\ncommand = sleep 1000\nhealthcheck_type = script\nhealthcheck_command = true\n"
        "healthcheck_interval = 0.5\n"
    )
    one.wait_state("a", "RUNNING")
    pause(one, 3)
    one.wait_text("did not run for")


def cmdline(pid: int) -> str:
    return procfs.read(f"/proc/{pid}/cmdline")
