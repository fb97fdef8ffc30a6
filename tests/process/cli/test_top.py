"""`supervicectl top` and `status -w` on real terminals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Callable

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon
from tests.process.harness.terminal import on_terminal, read_until, set_size

CONFIG = (
    "[program:web]\ncommand = sh -c 'echo hello from web; exec sleep 1000'\nstartsecs = 0\n"
    "[program:db]\ncommand = sleep 1000\nstartsecs = 0\n"
)


def words(one: Daemon, *args: str) -> list[str]:
    return [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket), *args]


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_the_screen_and_its_end(daemon: Callable[..., Daemon]) -> None:
    one = daemon(CONFIG)
    with on_terminal(words(one, "top", "-d", "200ms", "-s", "name"), 24, 80) as (pid, fd):
        text = read_until(fd, "q quit")
        assert text.startswith("\x1b[?1049h")
        assert "2 processes, 2 running" in text
        assert text.index("db ") < text.index("web ")
        assert "+" in text  # some columns are hidden
        read_until(fd, "q quit")  # again, by itself
        os.write(fd, b"q")
        read_until(fd, "\x1b[?1049l")
        assert ended(pid) == 0
        assert termios.tcgetattr(fd)[3] & termios.ICANON


def test_keys_act_on_the_chosen_process_and_ask_first(daemon: Callable[..., Daemon]) -> None:
    one = daemon(CONFIG)
    first = one.wait_state("web", "RUNNING")["pid"]
    with on_terminal(words(one, "top", "-d", "200ms", "-s", "name")) as (pid, fd):
        read_until(fd, "q quit")
        os.write(fd, b"\x1b[B")  # down, from db to web
        os.write(fd, b"k")
        read_until(fd, "stop web? (y/n)")
        os.write(fd, b"n")
        os.write(fd, b"r")
        read_until(fd, "restart web? (y/n)")
        assert one.row("web")["pid"] == first
        os.write(fd, b"y")
        read_until(fd, "Restarted web")
        assert one.row("web")["pid"] not in (None, first)
        os.write(fd, b"k")
        read_until(fd, "stop web? (y/n)")
        os.write(fd, b"y")
        read_until(fd, "Stopped web")
        assert one.row("web")["state"] == "STOPPED"
        os.write(fd, b"l")
        read_until(fd, "hello from web")
        os.write(fd, b"x")
        os.write(fd, b"h")
        read_until(fd, "choose a process")
        os.write(fd, b"hs")
        read_until(fd, "by cpu")
        os.write(fd, b"\x03")  # Ctrl-C
        read_until(fd, "\x1b[?1049l")
        assert ended(pid) == 0


def test_a_window_that_grows(daemon: Callable[..., Daemon]) -> None:
    one = daemon(CONFIG)
    with on_terminal(words(one, "top", "-d", "1000s"), 24, 40) as (pid, fd):
        read_until(fd, "q quit")
        set_size(fd, 40, 200)
        text = read_until(fd, "RESTARTS")
        assert text.count("\r\n") >= 2
        os.write(fd, b"q")
        assert ended(pid) == 0


@pytest.mark.parametrize("term", ["", "no-such-terminal", "dumb"])
def test_an_unknown_terminal_is_a_vt100(daemon: Callable[..., Daemon], term: str) -> None:
    one = daemon(CONFIG)
    with on_terminal(words(one, "top"), TERM=term, PYTHONIOENCODING="ascii") as (pid, fd):
        text = read_until(fd, "q quit")
        assert "?1049" not in text
        assert "\x1b[2J\x1b[H" in text
        assert text.isascii()
        os.write(fd, b"q")
        assert ended(pid) == 0


def test_a_closed_terminal_ends_it_and_nothing_else(daemon: Callable[..., Daemon]) -> None:
    one = daemon(CONFIG)
    web = one.wait_state("web", "RUNNING")["pid"]
    with on_terminal(words(one, "top", "-d", "100ms")) as (pid, fd):
        read_until(fd, "q quit")
    assert ended(pid) in (0, -signal.SIGHUP)
    assert one.row("web")["pid"] == web


def test_without_a_terminal_it_says_what_to_write(daemon: Callable[..., Daemon]) -> None:
    one = daemon(CONFIG)
    done = subprocess.run(
        words(one, "top"), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "top needs a terminal" in done.stderr


def test_a_daemon_that_is_away_is_said_and_looked_for_again(daemon: Callable[..., Daemon]) -> None:
    one = daemon(CONFIG)
    with on_terminal(words(one, "top", "-d", "100ms")) as (pid, fd):
        read_until(fd, "q quit")
        one.signal(signal.SIGTERM)
        one.wait()
        read_until(fd, "not running")
        again = Daemon(one.directory, CONFIG)
        try:
            read_until(fd, "\nq quit")
        finally:
            again.signal(signal.SIGTERM)
            again.wait()
        os.write(fd, b"q")
        assert ended(pid) == 0


def test_status_again_and_again(daemon: Callable[..., Daemon]) -> None:
    one = daemon(CONFIG)
    with on_terminal(words(one, "status", "-w", "-d", "100ms")) as (pid, fd):
        read_until(fd, "MEMORY")
        read_until(fd, "A\x1b[J")  # back to where the table began
        os.write(fd, b"\x03")
        assert ended(pid) == 130
    piped = subprocess.Popen(words(one, "status", "-w", "-d", "100ms"), stdout=subprocess.PIPE, text=True)
    assert piped.stdout is not None
    lines = [piped.stdout.readline() for _ in range(8)]
    piped.kill()
    piped.wait()
    piped.stdout.close()
    assert "\x1b" not in "".join(lines)
    eventually(lambda: sum("NAME" in line for line in lines) >= 1)
