"""The daemon with real children: how programs are stopped, and what they leave behind."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.paths import ROOT
from tests.process.harness.daemon import Daemon, alive

Make = Callable[..., Daemon]


def test_s1_a_long_wait_takes_nothing_from_the_others(daemon: Make, tmp_path: Path) -> None:
    """A database that flushes for a second is not killed because another program may take an hour."""
    flushed = tmp_path / "flushed"
    one = daemon(
        f"[program:db]\ncommand = sh -c 'trap \"sleep 1; echo yes > {flushed}; exit 0\" TERM; echo up; while :; do sleep 0.05; done'\n"
        "priority = 5\nstartsecs = 0\n"
        "[program:horizon]\ncommand = sleep 1000\npriority = 3\nstopwaitsecs = 3600\nstartsecs = 0\n",
        "--shutdown-timeout",
        "12",
    )
    one.wait_text("up\n")
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    assert flushed.read_text() == "yes\n"


def test_s1_a_wait_that_is_cut_is_said_at_the_stop(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        "[program:deaf]\ncommand = sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.05; done'\n"
        "stopwaitsecs = 100\nstartsecs = 0\n",
        "--shutdown-timeout",
        "2",
    )
    one.wait_text("up\n")
    one.signal(signal.SIGTERM)
    one.wait()
    assert (
        "the stop of deaf (100 s) is cut to 1.7 s, so that everything fits shutdown_timeout = 2 s"
        in one.text()
    )


DAEMON = f"{sys.executable} {ROOT}/tests/programs/background.py"

KEEPS = "[program:keeps]\ncommand = sleep 1000\n"


def pids(text: str, word: str) -> list[int]:
    return [int(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{word} ")]


def test_a_crash_before_its_turn_to_be_stopped_is_no_stop(daemon: Make) -> None:
    """Issue 17: the program was started again at once, and "Stopped db" was said while it ran."""
    one = daemon(
        "[program:db]\ncommand = sh -c 'trap \"sleep 0.7; exit\" TERM; while :; do sleep 0.05; done'\nstartsecs = 0\n"
        "[program:web]\ncommand = sh -c 'trap \"\" TERM; while :; do sleep 0.05; done'\nstartsecs = 0\n"
        "stopwaitsecs = 1\ndepends_on = db:started\n[program:other]\ncommand = sleep 1000\nstartsecs = 0\n"
    )
    for name in ("db", "web"):
        one.wait_state(name, "RUNNING")
    first = one.row("db")["pid"]
    replies: list[dict[str, Any]] = []
    stop = threading.Thread(target=lambda: replies.append(one.ask("stop", "db", "web")))
    stop.start()
    one.wait_state("web", "STOPPING")
    os.kill(first, signal.SIGKILL)
    eventually(lambda: one.row("db")["pid"] not in (first, None))
    assert one.row("web")["state"] == "STOPPING"
    stop.join()
    assert replies[0]["status"] == "ok", replies
    assert {row["name"]: row["state"] for row in replies[0]["results"]} == {"db": "STOPPED", "web": "STOPPED"}
    assert one.row("db")["pid"] is None


def test_s2_what_goes_into_the_background_is_never_killed_by_a_race(daemon: Make) -> None:
    one = daemon(
        f"[program:d]\ncommand = {DAEMON}\nstartsecs = 0\nautorestart = false\nnumprocs = 12\n{KEEPS}"
    )
    eventually(lambda: len(pids(one.text(), "daemon")) == 12, 30, message="twelve daemons")
    eventually(lambda: [r["state"] for r in one.status().values()].count("EXITED") == 12)
    assert all(map(alive, pids(one.text(), "daemon")))
    assert "got TERM" not in one.text()


def test_s2_a_replacement_waits_for_a_moment(daemon: Make) -> None:
    """The child of a server that goes into the background has its moment, although it is started again."""
    one = daemon(f"[program:d]\ncommand = {DAEMON} slow\nstartsecs = 0\nbackoff = 60\n")
    first = eventually(lambda: pids(one.text(), "daemon"))[0]
    eventually(lambda: one.row("d")["restarts"] >= 1)
    assert alive(first)
    assert "got TERM" not in one.text()


def test_s3_what_is_left_where_no_replacement_is_due_lives_on(daemon: Make) -> None:
    one = daemon(
        "[program:a]\ncommand = sh -c 'sleep 4321 & echo left $!'\nautorestart = false\nstartsecs = 0\n"
        f"{KEEPS}"
    )
    left = eventually(lambda: pids(one.text(), "left"))[0]
    one.wait_state("a", "EXITED")
    assert alive(left)
    # On a busy machine it is still the shell that has not become sleep.
    text = one.wait_text(f"(pid {left}) running: it went into the background")
    assert re.search(rf"a: ended with exit code 0 and left (sleep|sh) \(pid {left}\) running", text)
    assert "run it in the foreground: the last command with exec and without &" in one.text()
    reply = one.ask("stop", "a")
    assert (reply["status"], reply["message"]) == ("ok", "Stopped what a had left behind")
    assert not alive(left)
    assert one.row("a")["state"] == "STOPPED"
    assert one.ask("stop", "a")["message"] == "a is already stopped"


def test_s3_it_ends_with_the_container(daemon: Make) -> None:
    one = daemon(f"[program:a]\ncommand = sh -c 'sleep 4321 & echo left $!'\ntype = oneshot\n{KEEPS}")
    left = eventually(lambda: pids(one.text(), "left"))[0]
    one.wait_state("a", "EXITED")
    assert alive(left)
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    assert not alive(left)


def test_s3_a_restart_stops_what_was_left_first(daemon: Make) -> None:
    one = daemon(f"[program:a]\ncommand = sh -c 'sleep 4321 & echo left $!'\ntype = oneshot\n{KEEPS}")
    first = eventually(lambda: pids(one.text(), "left"))[0]
    one.wait_state("a", "EXITED")
    assert one.ask("restart", "a")["status"] == "ok"
    second = eventually(lambda: pids(one.text(), "left")[1:])[0]
    assert (alive(first), alive(second)) == (False, True)


def test_b9_stopped_is_not_said_while_what_called_setsid_lives(daemon: Make) -> None:
    one = daemon(f"[program:a]\ncommand = {DAEMON} stays\nstartsecs = 0\n[program:b]\ncommand = sleep 1000\n")
    escaped = eventually(lambda: pids(one.text(), "daemon"))[0]
    leader = one.row("a")["pid"]
    assert os.getsid(escaped) == escaped != leader
    assert one.ask("stop", "a")["message"] == "Stopped a"
    assert not alive(escaped)
    assert "got TERM" in one.text()
    assert alive(one.row("b")["pid"])


def test_b9_what_ignores_its_signal_is_killed_with_the_program(daemon: Make) -> None:
    one = daemon(f"[program:a]\ncommand = {DAEMON} stays deaf\nstartsecs = 0\nstopwaitsecs = 1\n")
    escaped = eventually(lambda: pids(one.text(), "daemon"))[0]
    assert one.ask("stop", "a")["message"] == "Stopped a"
    assert not alive(escaped)


def test_b9_a_crash_loop_is_stopped_with_all_that_its_runs_have_left(daemon: Make, tmp_path: Path) -> None:
    """Its ends are not looked at each time; a stop between two runs looks."""
    left = (
        f"f=$(mktemp -p {tmp_path}); {DAEMON} stays >$f & until grep daemon $f; do sleep 0.02; done; exit 1"
    )
    one = daemon(
        f"[program:a]\ncommand = sh -c '{left}'\nstartsecs = 0\nexitcodes = 0\n"
        f"killasgroup = true\nstartretries = 2\nbackoff = 0.1\n{KEEPS}"
    )
    one.wait_state("a", "BACKOFF", "FATAL")
    escaped = eventually(lambda: pids(one.text(), "daemon"))
    one.ask("stop", "a")
    assert not any(map(alive, [*escaped, *pids(one.text(), "daemon")]))


@pytest.mark.parametrize("kind", ["group", "session"])
@pytest.mark.parametrize("how", ["stop", "shutdown"])
def test_what_forks_faster_than_it_is_counted_is_stopped(
    daemon: Make, tmp_path: Path, kind: str, how: str
) -> None:
    """A chain of forks that ignores TERM, below the program or left behind by it."""
    fifo = tmp_path / "lives"
    os.mkfifo(fifo)
    lives = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    chain = f"{sys.executable} -I -S {ROOT}/tests/programs/chain.py {kind} 25"
    one = daemon(
        f"[program:a]\ncommand = sh -c '{chain} > {fifo} & sleep 1000'\nstopwaitsecs = 1\nstartsecs = 0\n{KEEPS}"
    )
    try:
        eventually(lambda: read_some(lives), message="the chain runs")
        if how == "stop":
            assert one.ask("stop", "a")["message"] == "Stopped a"
        else:
            one.signal(signal.SIGTERM)
            assert one.wait() == 0
        assert has_ended(lives), one.text()
        assert "still there" not in one.text()
    finally:
        os.close(lives)


def read_some(fd: int) -> bytes:
    try:
        return os.read(fd, 100)
    except BlockingIOError:
        return b""


def has_ended(fd: int) -> bool:
    """Returns whether no process has the other end any more."""
    try:
        return os.read(fd, 100) == b""
    except BlockingIOError:
        return False


def test_d6_a_server_that_goes_into_the_background_is_told_how_not_to(daemon: Make, tmp_path: Path) -> None:
    server = tmp_path / "nginx"
    server.write_text(f"#!/bin/sh\nexec {DAEMON}\n")
    server.chmod(0o755)
    one = daemon(f"[program:web]\ncommand = {server}\nbackoff = 60\n")
    text = one.wait_text("it went into the background")
    (pid,) = eventually(lambda: pids(one.text(), "daemon"))
    assert f"(pid {pid}) running" in text
    assert f"run it in the foreground: {server} -g 'daemon off;'" in text
    assert alive(pid)
    assert one.ask("stop", "web")["status"] == "ok"  # it only waits for its retry
    assert not alive(pid)
