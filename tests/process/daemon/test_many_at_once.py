"""Hundreds of programs that are due in the same moment: no turn of the loop is long, and others are answered (T7).

The guard of the ring (tests/process/conftest.py) fails these when one turn takes more than 100 ms of CPU.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests import procfs
from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

Make = Callable[..., Daemon]
MANY = 400
PROGRAMS = (
    f"[program:p]\ncommand = sleep 1000\nnumprocs = {MANY}\nstartsecs = 0\nstdout_logfile = NONE\n"
    "stderr_logfile = NONE\n[program:other]\ncommand = sleep 1000\n"
)


def children(one: Daemon) -> set[int]:
    return {pid for pid, (parent, state) in procfs.family().items() if parent == one.pid and state != "Z"}


@contextmanager
def asked_all_the_time(one: Daemon) -> Iterator[list[float]]:
    """Another client asks for the status of one program again and again; how long each answer took."""
    took: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.01):
            began = time.monotonic()
            one.ask("status", "other")
            took.append(time.monotonic() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield took
    finally:
        over.set()
        thread.join()


def test_t7_restart_of_all(daemon: Make) -> None:
    one = daemon(PROGRAMS)
    eventually(lambda: len(children(one)) == MANY + 1, timeout=60)
    before = children(one)
    with asked_all_the_time(one) as took:
        reply = one.ask("restart", "all")
    assert reply["status"] == "ok"
    eventually(lambda: len(children(one) - before) == MANY + 1, timeout=60)
    assert len(took) > 3, took  # as long as it lasted


def test_t7_all_are_killed_at_once(daemon: Make) -> None:
    """Each that is reaped is respawned at once."""
    one = daemon(PROGRAMS)
    eventually(lambda: len(children(one)) == MANY + 1, timeout=60)
    before = children(one)
    with asked_all_the_time(one) as took:
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(children(one) - before) == MANY + 1, timeout=60)
    assert len(took) > 3, took


def test_t7_the_same_backoff_of_all_is_over_at_once(daemon: Make) -> None:
    one = daemon(
        f"[program:p]\ncommand = false\nnumprocs = {MANY}\nbackoff = 1\nstartretries = 2\n"
        "[program:other]\ncommand = sleep 1000\n"
    )
    eventually(lambda: one.ask("status", "p:00")["processes"][0]["state"] == "FATAL", timeout=60)


def test_t7_a_stop_and_a_start_of_all(daemon: Make) -> None:
    one = daemon(PROGRAMS)
    eventually(lambda: len(children(one)) == MANY + 1, timeout=60)
    assert one.ask("stop", "all")["status"] == "ok"
    assert children(one) == set()
    assert one.ask("start", "all")["status"] == "ok"
    one.signal(signal.SIGTERM)
    one.signal(signal.SIGINT)  # and now all at once
    one.wait(60)
