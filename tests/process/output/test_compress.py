"""Compressed log files with real helpers: every line counted, through kills, reloads and the end."""

from __future__ import annotations

import gzip
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.eventually import eventually
from tests.paths import PROGRAMS
from tests.process.harness.daemon import Daemon
from tests.procfs import state

LINES = PROGRAMS / "lines.py"


def options(path: Path, maxbytes: int, backups: int = 60, compress: bool = True) -> str:
    return (
        f"stdout_logfile = {path}\nstdout_logfile_maxbytes = {maxbytes}\nstdout_logfile_backups = {backups}\n"
        f"stdout_logfile_compress = {str(compress).lower()}\n"
    )


TORN = -1


def program(path: Path, count: int, maxbytes: int = 50_000, **more: object) -> str:
    return (
        f"[program:web]\ncommand = {sys.executable} {LINES} web {count} 100 --hold\n"
        f"{options(path, maxbytes, **more)}"  # type: ignore[arg-type]
    )


def numbers(path: Path, *, unfinished: bool = False) -> list[int]:
    """Of the lines in all files, oldest first; a torn line is an error.

    `unfinished`: not for the last one of a daemon that was killed.
    """

    def age(p: Path) -> int:
        return -int(p.name.removesuffix(".gz").rpartition(".")[2]) if p != path else 0

    found: list[int] = []
    for name in sorted((p for p in path.parent.iterdir() if p.suffix != ".tmp"), key=age):
        data = name.read_bytes()
        for line in (gzip.decompress(data) if name.suffix == ".gz" else data).split(b"\n")[:-1]:
            if found and found[-1] == TORN:
                assert int(line.split()[1]) == 0, (name, line)
            if unfinished and len(line) < 99:
                found.append(TORN)
                continue
            assert len(line) == 99, (name, line)
            found.append(int(line.split()[1]))
    return found


def plain(path: Path) -> list[str]:
    return [p.name for p in path.parent.iterdir() if p != path and p.suffix != ".gz"]


def children(daemon: Daemon) -> list[int]:
    return [int(kid) for kid in Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()]


def helpers(daemon: Daemon) -> list[int]:
    """Children of the daemon that run no program."""
    found: list[int] = []
    for kid in children(daemon):
        try:
            if b"compressobj" in Path(f"/proc/{kid}/cmdline").read_bytes():
                found.append(kid)
        except OSError:
            pass  # it has ended meanwhile
    return found


def count(path: Path) -> int:
    return sum(one.suffix != ".tmp" for one in path.parent.iterdir())


def test_all_lines_are_in_the_compressed_files(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    path = tmp_path / "logs" / "log"
    path.parent.mkdir()
    one = daemon(program(path, 20_000))
    eventually(lambda: path.exists() and not plain(path) and len(list(path.parent.iterdir())) > 39, 30)
    assert numbers(path) == list(range(20_000))
    one.wait_state("web", "RUNNING")
    assert helpers(one) == []


def far_enough(daemon: Daemon, path: Path, before: int) -> bool:
    more = count(path) - before
    return more > 8 or (more > 1 and bool(helpers(daemon)))


def stopped(pid: int) -> None:
    eventually(lambda: state(pid) == "T")


def test_the_daemon_is_killed_again_and_again(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    """With a program that writes on: each daemon begins where the last one ended, whatever it was at."""
    path = tmp_path / "logs" / "log"
    path.parent.mkdir()
    for _ in range(6):
        before = count(path)
        one = daemon(program(path, 4000, 20_000, backups=200))
        # It has rotated, so the first line of this run is there, and compresses or has gone on for a while.
        eventually(partial(far_enough, one, path, before), 20)
        one.signal(signal.SIGSTOP)
        stopped(one.pid)  # killed in the middle of a write, it would tear a line
        kids = children(one)
        one.process.kill()
        one.process.wait()
        for kid in kids:
            os.kill(kid, signal.SIGKILL)
    begun = 0
    previous = -1
    for number in numbers(path, unfinished=True):
        if number == 0:
            begun += 1
        elif number != TORN:
            assert number == previous + 1, f"lines are missing between {previous} and {number}"
        previous = number
    assert begun == 6


def test_the_end_waits_for_no_helper_and_blames_no_program(
    daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    path = tmp_path / "logs" / "log"
    path.parent.mkdir()
    one = daemon(program(path, 400_000, 12_000_000))
    eventually(lambda: helpers(one), 30)
    one.signal(signal.SIGTERM)
    assert one.wait(10) == 0
    assert "left behind" not in one.text()
    assert "compressed" not in one.text()
    assert not list(path.parent.glob("*.tmp"))
    found = numbers(path)
    assert found == list(range(len(found)))


def test_switched_on_by_a_reload(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    path = tmp_path / "logs" / "log"
    path.parent.mkdir()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    text = f"[program:web]\ncommand = /bin/sh -c 'while :; do read x < {fifo} && cat /etc/passwd; done'\n"
    one = daemon(text + options(path, 5000, compress=False))
    one.wait_state("web", "RUNNING")
    pid = one.row("web")["pid"]

    def more() -> bool:
        fifo.write_text("x\n")
        return True

    eventually(lambda: more() and "log.2" in plain(path), 20)
    one.rewrite(text + options(path, 5000))
    assert one.ask("reload")["status"] == "ok"
    assert one.row("web")["pid"] == pid
    eventually(lambda: more() and (path.parent / "log.3.gz").exists(), 20)
    eventually(lambda: not [name for name in plain(path) if not name.endswith(".tmp")], 20)


def test_the_daemons_own_log(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    log = tmp_path / "own" / "log"
    log.parent.mkdir()
    one = daemon(
        f"[supervice]\nsocket = {tmp_path}/0/s.sock\nlogfile = {log}\nlog_maxbytes = 4KB\nlog_compress = true\n"
        "exit_when_idle = false\n[program:web]\ncommand = /bin/true\nstartsecs = 0\nautorestart = false\n"
    )

    def more() -> bool:
        return bool(one.ask("restart", "web"))

    eventually(lambda: more() and (log.parent / "log.2.gz").exists(), 60)
    assert b"web: " in gzip.decompress((log.parent / "log.2.gz").read_bytes())
