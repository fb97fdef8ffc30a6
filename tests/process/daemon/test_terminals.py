"""What the verbs of `supervicectl` show on a terminal: no line is longer than that is wide."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.process.harness.daemon import Daemon
from tests.process.harness.pseudo_terminal import on_a_terminal

TABLES = ("status", "boot", "graph", "health", "events", "schedule")
COLORS = re.compile(r"\x1b\[[0-9;]*m")
TEXT = """
[program:a-program-with-a-rather-long-name-for-a-narrow-terminal]
command = sleep 1000
startsecs = 0
numprocs = 3
process_name = %(program_name)s-%(process_num)d
[program:never-ready]
command = sleep 1000
ready = notify
[program:after]
command = sleep 1000
depends_on = never-ready:ready
[program:broken]
command = /usr/bin/a/rather/long/path/to/a/program-that-does-not-exist --with arguments
startretries = 0
[program:daily]
command = true
schedule = 0 3 * * *
"""


@pytest.fixture
def one(daemon: Callable[..., Daemon]) -> Daemon:
    it = daemon(TEXT)
    it.wait_state("broken", "FATAL")
    it.wait_state("never-ready", "STARTING")
    return it


def test_no_line_of_a_table_is_wrapped(one: Daemon) -> None:
    for width in (20, 60, 80, 160):
        for verb in TABLES:
            text, code = on_a_terminal(width, "-s", str(one.socket), verb)
            assert code in (0, 1), text
            lines = COLORS.sub("", text).splitlines()
            assert lines, verb
            assert max(map(len, lines)) <= width, f"{verb} at {width}:\n{text}"


def test_wide_cuts_nothing_and_a_plain_locale_gets_dots(one: Daemon) -> None:
    socket = str(one.socket)
    cut = on_a_terminal(60, "-s", socket, "status")[0]
    assert "…" in cut
    assert "\x1b[31mFATAL" in cut
    assert "WAITING" in cut
    wide = on_a_terminal(60, "-s", socket, "status", "-o", "wide")[0]
    assert "…" not in wide
    assert "program-that-does-not-exist" in wide
    plain = {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "NO_COLOR": "1"}
    text = on_a_terminal(60, "-s", socket, "status", env=plain)[0]
    assert "..." in text
    assert "\x1b" not in text
    assert text.isascii()
    forced = subprocess.run(
        [sys.executable, "-m", "supervice.cli.ctl", "-s", socket, "status"],
        env={**os.environ, "FORCE_COLOR": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert "\x1b[31mFATAL" in forced.stdout


STUBBORN = "[program:web]\ncommand = sh -c 'trap \"\" TERM; while :; do sleep 0.05; done'\nstartsecs = 0\nstopwaitsecs = 3\n"


def test_a_slow_stop_says_on_a_terminal_who_is_waited_for(daemon: Callable[..., Daemon]) -> None:
    one = daemon(STUBBORN)
    one.wait_state("web", "RUNNING")
    text, code = on_a_terminal(60, "-s", str(one.socket), "stop", "web")
    assert code == 0
    assert "waiting for web (STOPPING; SIGKILL in 2." in text
    assert text.endswith("\x1b[KStopped web\n")
    assert all(len(piece) < 60 for piece in COLORS.sub("", text).replace("\x1b[K", "").split("\r"))
    # not where no person looks
    one.ask("start", "web")
    quick, _ = on_a_terminal(60, "-s", str(one.socket), "start", "web")
    assert quick == "web is already running\n"
