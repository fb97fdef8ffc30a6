"""The whole daemon while its output goes nowhere: reaping, signals, health and the socket go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervice.control.client import Client
from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

FLOOD = "yes 123456789012345678901234567890"
BESIDE = """
[program:beside]
command = sleep 1000
stdout_logfile = NONE
stderr_logfile = NONE
startsecs = 0
backoff = 0.1
healthcheck_type = script
healthcheck_command = test -e {directory}/well
healthcheck_interval = 0.1
healthcheck_timeout = 5
healthcheck_retries = 1
healthcheck_action = none
"""


class Stalled(Daemon):
    """Its stdout is a pipe without a reader that reads."""

    def __init__(self, directory: Path, text: str) -> None:
        self.directory = directory
        self.config = directory / "supervice.conf"
        self.socket = directory / "s.sock"
        self.config.write_text(text)
        self.read_end, write_end = os.pipe()
        self.out = self.err = directory / "err"
        with self.err.open("ab") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "supervice.cli", "-c", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=err,
                start_new_session=True,
            )
        os.close(write_end)


@pytest.fixture
def stalled(tmp_path: Path) -> Iterator[Callable[[str], Stalled]]:
    made: list[Stalled] = []

    def make(text: str) -> Stalled:
        made.append(Stalled(tmp_path, text))
        eventually(lambda: made[-1].ask("status"), message="the daemon answers")
        return made[-1]

    yield make
    for one in made:
        os.close(one.read_end)
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def alive_and_well(one: Daemon, directory: Path) -> None:
    """A crash is answered, a signal is delivered, health is asked, the socket is quick."""
    (directory / "well").touch()
    pid = one.wait_state("beside", "RUNNING")["pid"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: one.row("beside")["pid"] not in (0, None, pid), message="a replacement")
    eventually(lambda: one.row("beside")["healthy"] is True)
    (directory / "well").unlink()
    eventually(lambda: one.row("beside")["healthy"] is False, message="health checks go on")
    began = time.monotonic()
    for _ in range(20):
        one.status()
    assert time.monotonic() - began < 10
    now = one.row("beside")["pid"]
    one.ask("signal", name="beside", signal="KILL")
    eventually(lambda: one.row("beside")["pid"] not in (0, None, now), message="the signal arrived")


@pytest.mark.parametrize("overflow", ["block", "drop"])
def test_our_stdout_is_not_read(stalled: Callable[[str], Stalled], tmp_path: Path, overflow: str) -> None:
    one = stalled(
        f"[supervice]\nsocket = {tmp_path}/s.sock\nlog_overflow = {overflow}\nshutdown_timeout = 10\n"
        f"[program:flood]\ncommand = {FLOOD}\nstartsecs = 0\n{BESIDE.format(directory=tmp_path)}"
    )
    if overflow == "drop":
        eventually(lambda: one.row("flood")["dropped_lines"] > 100_000, message="it drops and counts")
    alive_and_well(one, tmp_path)
    flood = one.row("flood")
    assert flood["state"] == "RUNNING"
    assert (flood["dropped_lines"] > 0) == (overflow == "drop")
    one.signal(signal.SIGTERM)
    assert one.wait(15) == 0, "the end waits for a reader"


def test_a_fifo_without_a_reader(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    one = daemon(
        f"[program:flood]\ncommand = {FLOOD}\nstartsecs = 0\nstdout_logfile = {tmp_path}/fifo\n"
        + BESIDE.format(directory=tmp_path)
    )
    alive_and_well(one, tmp_path)
    assert one.row("flood")["state"] == "RUNNING"


def test_the_log_directory_disappears_and_comes_back(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    """It needs no `reopen`."""
    logs = tmp_path / "logs"
    logs.mkdir()
    ticker = 'sh -c "while :; do echo tick; sleep 0.02; done"'
    one = daemon(
        f"[program:ticker]\ncommand = {ticker}\nstartsecs = 0\nstdout_logfile = {logs}/log\n"
        + BESIDE.format(directory=tmp_path)
    )
    pid = one.wait_state("ticker", "RUNNING")["pid"]
    eventually(lambda: (logs / "log").exists() and (logs / "log").stat().st_size)
    (logs / "log").unlink()
    logs.rmdir()
    one.wait_text("was removed and cannot be made again")
    alive_and_well(one, tmp_path)
    logs.mkdir()
    eventually(lambda: (logs / "log").exists() and b"tick\n" in (logs / "log").read_bytes(), 15)
    assert one.row("ticker")["pid"] == pid


@pytest.mark.parametrize("how", ["reopen", "USR2"])
def test_moved_files_are_opened_anew(daemon: Callable[..., Daemon], tmp_path: Path, how: str) -> None:
    """As logrotate does it; no line is lost on the way, and both the program's and our own log move."""
    count = 'sh -c "i=0; while :; do i=$((i+1)); echo $i; sleep 0.005; done"'
    one = daemon(
        f"[supervice]\nsocket = {tmp_path}/0/s.sock\nlogfile = {tmp_path}/own\nlog_backups = 2\n"
        f"[program:count]\ncommand = {count}\nstartsecs = 0\nstdout_logfile = {tmp_path}/log\n"
    )
    log, away = tmp_path / "log", tmp_path / "away"
    eventually(lambda: log.exists() and log.read_bytes().count(b"\n") > 5)
    log.rename(away)
    (tmp_path / "own").rename(tmp_path / "own-away")
    if how == "reopen":
        done = subprocess.run(
            [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket), "reopen"], capture_output=True
        )
        assert done.returncode == 0, done.stderr
    else:
        one.signal(signal.SIGUSR2)
    eventually(lambda: log.exists() and log.read_bytes().count(b"\n") > 5)
    one.ask("stop", "count")
    numbers = [int(line) for line in (away.read_bytes() + log.read_bytes()).split()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert b"count: " in (tmp_path / "own").read_bytes()


def test_fifty_followers_through_restarts_and_one_that_does_not_read(
    daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    """Each gets every line; the one that does not read loses only its own, and is told how many."""
    os.mkfifo(tmp_path / "go")
    (tmp_path / "talk.py").write_text(
        f"run, count = open('{tmp_path}/go').read().split()\n"
        "for n in range(int(count)): print(run, n, 'x' * 1000, flush=n % 50 == 0)\n"
    )
    one = daemon(
        f"[program:talk]\ncommand = {sys.executable} {tmp_path}/talk.py\nstdout_logfile = {tmp_path}/log\n"
        "autorestart = true\nstartsecs = 0\nbackoff = 0.1\nbackoff_max = 0.1\nstartretries = -1\n"
    )
    runs = [f"run{run} 1000" for run in range(5)]
    total = 5001

    def talk(run: str) -> None:
        (tmp_path / "go").write_text(run)
        name, count = run.split()
        last = f"{name} {int(count) - 1} ".encode()
        eventually(lambda: last in (tmp_path / "log").read_bytes()[-2000:], 30)

    talk("before 1")  # who has this line is known to follow
    outputs = [tmp_path / f"out{n}" for n in range(50)]
    ctl = [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket), "logs", "-f", "-n", "1", "talk"]
    followers = []
    with Client(str(one.socket)) as slow:
        slow.send({"command": "logs", "name": "talk", "follow": True, "lines": 1})
        try:
            for out in outputs:
                with out.open("wb") as file:
                    followers.append(subprocess.Popen(ctl, stdout=file))
            eventually(lambda: all(out.stat().st_size for out in outputs), 60, message="all of them follow")
            for run in runs:
                talk(run)
            eventually(lambda: [counted(out.read_bytes()) for out in outputs] == [total] * len(outputs), 60)
        finally:
            for follower in followers:
                follower.kill()
                follower.wait()
        told = seen = 0
        while told + seen < total:  # the program says nothing more
            frame = slow.receive(20)
            assert frame is not None
            told += frame.get("lost_lines", 0)
            seen += frame["data"].count("xxx\n")
        assert told > 0
        assert told + seen == total


def counted(said: bytes) -> int:
    """The lines that a follower has got or was told to have lost."""
    lost = sum(int(word.rpartition(b"[")[2]) for word in said.split(b" lines were too much")[:-1])
    return said.count(b"xxx\n") + lost
