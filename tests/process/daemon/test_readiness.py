"""Every way to become ready with a real child, and what becomes of those that do not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.paths import PROGRAMS, open_to_others
from tests.ports import free_port
from tests.process.harness.daemon import Daemon, alive

Make = Callable[..., Daemon]


def gate(flag: Path, then: str) -> str:
    """A shell that waits for the flag, does something, and stays."""
    return f"sh -c 'until test -e {flag}; do sleep 0.02; done; {then}; exec sleep 1000'"


@pytest.mark.parametrize("way", ["fd", "log", "log-stderr", "file", "tcp", "unix", "http", "notify", "check"])
def test_running_comes_with_readiness(daemon: Make, tmp_path: Path, way: str) -> None:
    flag, path, port = tmp_path / "flag", tmp_path / "made", free_port()
    path.touch()  # of an earlier run: not newer than the start
    server = f"exec python3 {PROGRAMS}/ready.py"
    ready, then = {
        "fd": ("fd:7", "echo >&7"),
        "log": (r"log:is \w+ up", "echo it is now up"),
        "log-stderr": ("log:^up$", "echo up >&2"),
        "file": (f"file:{path}", f"touch {path}"),
        "tcp": (f"tcp:localhost:{port}", f"{server} tcp {port}"),
        "unix": (f"unix:{tmp_path}/sock", f"{server} unix {tmp_path}/sock"),
        "http": (f"http://127.0.0.1:{port}/x", f"{server} http {port}"),
        "notify": ("notify", f"{server} notify READY=1"),
        "check": (f"check\nreadiness_type = script\nreadiness_command = test -e {flag}", ":"),
    }[way]
    one = daemon(
        f"[program:a]\ncommand = {gate(flag, then)}\nready = {ready}\nstartsecs = 0\n"
        "[program:b]\ncommand = sleep 1000\nstartsecs = 0\ndepends_on = a:ready\n"
    )
    row = one.row("a")
    assert (row["state"], row["ready"]) == ("STARTING", False)
    assert "not ready yet" in row["reason"]
    assert one.row("b")["waiting_for"] == ["a:ready"]
    flag.touch()
    row = one.wait_state("a", "RUNNING")
    assert row["ready"] is True
    assert row["restarts"] == 0
    one.wait_state("b", "RUNNING")


def test_startsecs_count_too(daemon: Make) -> None:
    one = daemon("[program:a]\ncommand = sh -c 'echo up; exec sleep 1000'\nready = log:up\nstartsecs = 1\n")
    eventually(lambda: "up" in one.text())
    row = one.wait_state("a", "RUNNING")
    assert row["uptime"] >= 1


@pytest.mark.parametrize("way", ["notify", "fd:3", "tcp:127.0.0.1:1", "log:never", "file:/no/such/file"])
def test_who_is_not_ready_in_time_has_failed_to_start(daemon: Make, way: str) -> None:
    one = daemon(
        f"[program:a]\ncommand = sleep 1000\nready = {way}\nready_timeout = 0.3\nstartsecs = 0\n"
        "startretries = 1\nbackoff = 0.1\n[program:b]\ncommand = sleep 1\ndepends_on = a:ready\n"
        "[program:c]\ncommand = sleep 1000\n"
    )
    row = one.wait_state("a", "FATAL")
    assert row["reason"] == "gave up after 2 failed starts: not ready within 0.3 s"
    assert row["restarts"] == 1
    eventually(lambda: "a:ready" in one.row("b")["reason"])


def test_a_start_waits_as_long_as_the_program_may_take(daemon: Make) -> None:
    one = daemon(
        "[program:a]\ncommand = sh -c 'sleep 6; echo up; exec sleep 1000'\nautostart = false\nready = log:up\n"
        "ready_timeout = 60\n"
    )
    assert one.ask("start", "a")["message"] == "Started a"


def test_the_answer_of_another_process_does_not_count(daemon: Make) -> None:
    """The port is taken: the program dies, though another one answers there (a process of ours is ready only while it lives)."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(50)
        port = sock.getsockname()[1]
        one = daemon(
            f"[program:a]\ncommand = python3 {PROGRAMS}/ready.py tcp {port}\nready = tcp:127.0.0.1:{port}\n"
            "startretries = 0\nstartsecs = 10\n[program:b]\ncommand = sleep 1000\n"
        )
        row = one.wait_state("a", "FATAL")
        assert row["ready"] is False
        assert "before it was up" in row["reason"]
    assert "a: running" not in one.text()


def test_the_descriptor_arrives_alone_also_as_another_user(daemon: Make, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to switch the user")
    note = tmp_path / "fds"
    note.touch()
    note.chmod(0o666)
    open_to_others(tmp_path)
    look = tmp_path / "look"  # a shell of its own: a pipe or a redirection would be one more descriptor
    look.write_text(f"ls /proc/$1/fd > {note}")
    one = daemon(
        f"[program:a]\ncommand = sh -c 'sh {look} $$; echo >&5; exec sleep 1000'\nready = fd:5\n"
        f"user = nobody\nstartsecs = 0\n"
    )
    row = one.wait_state("a", "RUNNING")
    assert note.read_text().split() == ["0", "1", "2", "5"]
    # and nothing of it stays here: the second run opens what the first has closed
    before = sorted(os.listdir(f"/proc/{one.pid}/fd"))
    for _ in range(3):
        one.ask("restart", "a")
    assert one.row("a")["pid"] != row["pid"]
    eventually(lambda: len(os.listdir(f"/proc/{one.pid}/fd")) <= len(before) + 1)


def test_a_line_of_the_last_run_does_not_count(daemon: Make, tmp_path: Path) -> None:
    """A grandchild of the run before still writes: it speaks for a program that is gone."""
    note, talker = tmp_path / "pid", tmp_path / "talker"
    talker.write_text(f"echo $$ > {note}; while sleep 0.05; do echo up; done")
    one = daemon(
        f"[program:a]\ncommand = sh -c 'setsid sh {talker} & exec sleep 1000'\nready = log:up\nstartsecs = 0\n"
        "killasgroup = false\n"  # or the stop of the reload would reach it
    )
    one.wait_state("a", "RUNNING")
    first = int(note.read_text())
    one.rewrite(
        "[program:a]\ncommand = sleep 1000\nready = log:up\nready_timeout = 0.5\nstartretries = 0\nkillasgroup = false\n"
        "[program:b]\ncommand = sleep 1000\n"
    )
    one.ask("reload")
    row = one.wait_state("a", "FATAL")
    assert "not ready within" in row["reason"]
    assert alive(first)


def test_readiness_comes_and_goes_and_restarts_nothing(daemon: Make, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    one = daemon(
        f"[program:a]\ncommand = sleep 1000\nstartsecs = 0\nreadiness_type = script\n"
        f"readiness_command = sh -c 'test -e {flag} || {{ echo the flag is down; exit 1; }}'\nreadiness_interval = 0.1\n"
        "readiness_retries = 2\nreadiness_start_period = 0\n"
        "[program:b]\ncommand = sleep 1000\nstartsecs = 0\ndepends_on = a:ready\n"
    )
    pid = one.wait_state("a", "RUNNING")["pid"]
    row = eventually(lambda: (row := one.row("a"))["ready_message"] and row)
    assert row["ready"] is False
    assert "the flag is down" in row["ready_message"]
    assert row["reason"].startswith("not ready: ")
    assert one.row("b")["state"] == "STOPPED"
    assert one.ask("health", kind="ready")["healthy"] is False
    flag.touch()
    one.ask("wait", "a", **{"for": "ready", "timeout": 10})
    other = one.wait_state("b", "RUNNING")["pid"]
    assert one.ask("health", kind="ready")["healthy"] is True
    flag.unlink()
    eventually(lambda: one.row("a")["ready"] is False)
    flag.touch()
    eventually(lambda: one.row("a")["ready"] is True)
    assert (one.row("a")["pid"], one.row("b")["pid"]) == (pid, other)
    assert one.row("a")["healthy"] is None


def test_restart_limit(daemon: Make) -> None:
    one = daemon(
        "[program:a]\ncommand = sh -c 'exit 3'\nstartsecs = 0\nbackoff = 0.01\nrestart_limit = 3/60s\n"
        "[program:b]\ncommand = sleep 1000\n"
    )
    row = one.wait_state("a", "FATAL")
    assert row["reason"] == "more than 3 restarts in 60 s: exit code 3"
    assert row["restarts"] == 3


def test_pre_stop_comes_before_the_signal(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "note"
    command = f"sh -c 'trap \"echo term >> {note}; exit 0\" TERM; while :; do sleep 0.05; done'"
    one = daemon(
        f"[program:a]\ncommand = {command}\nstartsecs = 0\npre_stop = sh -c 'echo before $MAINPID >> {note}'\n"
        f"[program:slow]\ncommand = sleep 1000\nstartsecs = 0\nstopwaitsecs = 1\npre_stop = sleep 500\n"
        f"[program:bad]\ncommand = sleep 1000\nstartsecs = 0\npre_stop = /no/such/program\n"
    )
    pid = one.wait_state("a", "RUNNING")["pid"]
    one.ask("stop", "a")
    assert note.read_text().split() == ["before", str(pid), "term"]
    one.ask("stop", "slow")
    one.wait_text("slow: pre_stop was running and was killed")
    assert one.row("slow")["signal"] == 15
    one.ask("stop", "bad")
    one.wait_text("bad: pre_stop cannot run")


@pytest.mark.parametrize("last", ["!", ""])
def test_a4_no_line_of_a_program_holds_the_daemon(daemon: Make, last: str) -> None:
    """32 times an a made `re` try 2^32 ways; and many of them in one line or many lines take their time only."""
    lines = f"print('a' * 32 + '!'); print('a' * 60_000 + '!'); print(('a' * 50 + '!\\n') * 20_000 + 'a' * 9 + '{last}')"
    one = daemon(
        f'[program:a]\ncommand = python3 -uc "import time; {lines}; time.sleep(1000)"\nready = log:^(a+)+$\n'
        "startsecs = 0\n[program:b]\ncommand = sleep 1000\n"
    )
    one.wait_text(f"\n{'a' * 9}{last}\n")  # all of it has been read
    assert one.row("b")["state"] in ("STARTING", "RUNNING")
    if not last:
        one.wait_state("a", "RUNNING")
    assert one.row("a")["state"] == ("STARTING" if last else "RUNNING")
    one.signal(15)
    assert one.wait() == 0


def test_b7_an_expression_that_cannot_be_used_is_a_problem_like_any_other(tmp_path: Path) -> None:
    file = tmp_path / "supervice.conf"
    nested = "(" * 5000 + "a" + ")" * 5000
    file.write_text(
        f"[supervice]\n[program:a]\ncommand = x\nready = log:{nested}\n"
        "[program:b]\ncommand = x\nready = log:(?=a)b\n"
    )
    argv = [sys.executable, "-m", "supervice.cli", "check", str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 2
    assert "Traceback" not in said
    assert f"{file}:4" in said
    assert "longer than 4096 characters, write a shorter one" in said
    assert "(?=...), cannot be matched in bounded time; write it without" in said
