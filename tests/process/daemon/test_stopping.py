"""The daemon with real children: how programs are stopped, and what they leave behind."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from tests.process.harness.daemon import Daemon

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
    assert "deaf 100 s to stop: not more than 1.7 s, so that all fits shutdown_timeout = 2 s" in one.text()
