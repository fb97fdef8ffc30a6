"""What a reload makes of each setting in `[supervice]`: applied while all runs on, or named as not applied."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

Make = Callable[..., Daemon]
# Says a line for every one that is asked of it through a FIFO.
ECHO = "command = sh -c 'while :; do read line <{fifo} && echo $line; done'\nstartsecs = 0\n"


class Reloaded:
    """A daemon with one program that says what it is told, and a reload with other settings."""

    def __init__(self, daemon: Make, tmp_path: Path, settings: str = "", program: str = "") -> None:
        self.fifo = tmp_path / "fifo"
        os.mkfifo(self.fifo)
        self.program = f"[program:echo]\n{ECHO.format(fifo=self.fifo)}"
        self.one = daemon(settings + self.program + program)
        self.pid = self.one.wait_state("echo", "RUNNING")["pid"]

    def reload(self, settings: str, program: str = "") -> dict[str, Any]:
        self.one.rewrite(settings + self.program + program)
        return self.one.ask("reload")

    def untouched(self, reply: dict[str, Any]) -> None:
        assert reply["status"] == "ok", (reply, self.one.text())
        assert [reply[key] for key in ("added", "removed", "changed", "restart_required")] == [[]] * 4
        assert self.one.row("echo")["pid"] == self.pid

    def say(self, line: str) -> None:
        self.fifo.write_text(line + "\n")


def test_log_format(daemon: Make, tmp_path: Path) -> None:
    it = Reloaded(daemon, tmp_path)
    it.say("first")
    it.one.wait_text("\nfirst\n")
    it.untouched(it.reload("log_format = json\n"))
    it.say("second")
    it.one.wait_text('"message":"second"')
    eventually(lambda: json.loads(it.one.out.read_text().splitlines()[-1]))  # our own lines too
    it.untouched(it.reload("log_format = prefix\n"))
    it.say("third")
    it.one.wait_text("echo | third\n")
    it.untouched(it.reload("", "log_format = json\n"))  # of the program alone
    it.say("fourth")
    it.one.wait_text('"message":"fourth"')


def test_log_buffer(daemon: Make, tmp_path: Path) -> None:
    it = Reloaded(daemon, tmp_path)

    for number in range(20):
        it.say(f"line{number:02}")
        it.one.wait_text(f"line{number:02}")
    assert "00" in str(it.one.ask("logs", "echo", lines=100))
    it.untouched(it.reload("log_buffer = 64\n"))
    kept = str(it.one.ask("logs", "echo", lines=100))
    assert "line00" not in kept
    assert "line19" in kept
    it.untouched(it.reload("log_buffer = 0\n"))
    it.say("nobody keeps it")
    it.one.wait_text("nobody keeps it")
    assert "line19" not in str(it.one.ask("logs", "echo", lines=100))


def test_log_overflow(daemon: Make, tmp_path: Path) -> None:
    """A program that waits for a reader who does not read goes on as soon as lines may be dropped."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    done = tmp_path / "done"
    flood = (
        f'[program:flood]\ncommand = sh -c \'head -c 8000000 /dev/zero | tr "\\000" "\\n"; touch {done};'
        f" exec sleep 1000'\nstdout_logfile = {pipe}\nstartsecs = 0\n"
    )
    try:
        it = Reloaded(daemon, tmp_path, program=flood)
        flooding = it.one.wait_state("flood", "RUNNING")["pid"]
        assert not done.exists()
        reply = it.reload("log_overflow = drop\n", flood)
        it.untouched(reply)
        eventually(done.exists)
        assert it.one.row("flood")["pid"] == flooding
        assert it.one.row("flood")["dropped_lines"] > 0
    finally:
        os.close(reader)


def test_the_daemon_s_own_log(daemon: Make, tmp_path: Path) -> None:
    it = Reloaded(daemon, tmp_path)
    log = tmp_path / "daemon.log"
    log.write_text("an earlier run\n" * 290)
    it.untouched(it.reload(f"logfile = {log}\n"))
    assert "reloaded" in log.read_text()
    before = it.one.text()
    it.untouched(it.reload(f"logfile = {log}\nlog_maxbytes = 4KB\nlog_backups = 1\n"))
    for _ in range(3):
        it.one.ask("restart", "echo")
    eventually((tmp_path / "daemon.log.1").exists)
    it.pid = it.one.row("echo")["pid"]
    assert it.one.text() == before
    it.untouched(it.reload("logfile = /no/where/x.log\n"))  # the old one is kept, and says so
    # one of them has no name for a moment while the log is rotated
    eventually(lambda: "/no/where/x.log" in log.read_text() + (tmp_path / "daemon.log.1").read_text())
    it.untouched(it.reload("loglevel = debug\n"))
    it.one.wait_text("reloaded")
    fds = [os.readlink(f"/proc/{it.one.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{it.one.pid}/fd")]
    assert str(log) not in fds


def test_log_files_of_a_program(daemon: Make, tmp_path: Path) -> None:
    it = Reloaded(daemon, tmp_path)
    log = tmp_path / "echo.log"
    it.program += f"stdout_logfile = {log}\nstdout_logfile_maxbytes = 4KB\n"
    it.untouched(it.reload(""))
    it.say("into the file")
    eventually(lambda: log.read_text() == "into the file\n")
    assert "into the file" not in it.one.out.read_text()
    it.program += "stderr_logfile = NONE\n"
    it.untouched(it.reload(""))
    it.program = it.program.replace("stderr_logfile = NONE", "redirect_stderr = true")
    assert it.reload("")["changed"] == ["echo"]  # it has other descriptors then


def test_what_was_discarded_has_no_pipe_to_lead_elsewhere(daemon: Make, tmp_path: Path) -> None:
    it = Reloaded(daemon, tmp_path, program="stdout_logfile = NONE\n")
    assert it.reload("")["changed"] == ["echo"]
    it.say("heard")
    it.one.wait_text("heard")


def test_what_is_asked_for_at_its_time(daemon: Make, tmp_path: Path) -> None:
    """shutdown_timeout, exit_when_idle, on_fatal and termination_log are looked at when they count."""
    it = Reloaded(daemon, tmp_path)
    note = tmp_path / "termination"
    stubborn = "[program:bad]\ncommand = /no/such\nstartretries = 0\nautostart = false\n"
    it.one.rewrite(
        f"shutdown_timeout = 1\nexit_when_idle = false\non_fatal = shutdown\ntermination_log = {note}\n"
        + it.program
        + stubborn
    )
    assert it.one.ask("reload")["added"] == ["bad"]
    it.one.ask("start", "bad")
    assert it.one.wait() == 127
    assert "bad" in note.read_text()


def test_exit_when_idle(daemon: Make) -> None:
    text = "[program:a]\ncommand = true\nautorestart = false\nstartsecs = 0\n"
    one = daemon("exit_when_idle = false\n" + text)
    one.wait_state("a", "EXITED")
    one.rewrite(text)
    one.ask("reload")
    assert one.wait() == 0


def environ(pid: int) -> bytes:
    """It is empty for a moment after the exec has begun."""
    return eventually(lambda: Path(f"/proc/{pid}/environ").read_bytes())


def test_the_environment_changes_those_who_see_it(daemon: Make) -> None:
    programs = (
        "[program:sees]\ncommand = sleep 1000\nstartsecs = 0\n"
        "[program:own]\ncommand = sleep 1000\nstartsecs = 0\nenvironment = A=own\n"
    )
    one = daemon("environment = A=1,B=1\n" + programs)
    before = {name: one.wait_state(name, "RUNNING")["pid"] for name in ("sees", "own")}
    one.rewrite("environment = A=2,B=1\n" + programs)
    assert one.ask("reload")["changed"] == ["sees"]
    pid = one.wait_state("sees", "RUNNING")["pid"]
    assert b"\0A=2\0" in b"\0" + environ(pid)
    assert one.row("own")["pid"] == before["own"]
    one.rewrite("environment = A=2\n" + programs)
    assert one.ask("reload")["changed"] == ["own", "sees"]
    pid = one.wait_state("own", "RUNNING")["pid"]
    variables = environ(pid).split(b"\0")
    assert b"A=own" in variables
    assert f"SUPERVICE_SOCKET={one.socket}".encode() in variables
    assert not [one for one in variables if one.startswith(b"B=")]


def test_env_file_and_umask_of_all(daemon: Make, tmp_path: Path) -> None:
    made = tmp_path / "made"
    programs = (
        f"[program:a]\ncommand = sh -c 'umask >{made}; exec sleep 1000'\nstartsecs = 0\n"
        "[program:own]\ncommand = sleep 1000\nstartsecs = 0\numask = 077\n"
    )
    one = daemon(programs)
    one.wait_state("a", "RUNNING")
    own = one.wait_state("own", "RUNNING")["pid"]
    first = eventually(made.read_text)
    one.rewrite("umask = 0137\n" + programs)
    assert one.ask("reload")["changed"] == ["a"]
    eventually(lambda: made.read_text() == "0137\n")
    one.rewrite(programs)
    assert one.ask("reload")["changed"] == ["a"]
    eventually(lambda: made.read_text() == first)  # what we were started with
    assert one.row("own")["pid"] == own
    file = tmp_path / "all.env"
    file.write_text("FROM_FILE=yes\n")
    one.rewrite(f"env_file = {file}\n" + programs)
    assert one.ask("reload")["changed"] == ["a", "own"]
    pid = one.wait_state("own", "RUNNING")["pid"]
    eventually(lambda: b"FROM_FILE=yes\0" in Path(f"/proc/{pid}/environ").read_bytes())
    assert one.ask("reload")["changed"] == []


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("socket_mode = 0660", "socket_mode"),
        ("socket_group = root", "socket_group"),
        ("pidfile = /tmp/not-made.pid", "pidfile"),
        ("user = root", "user"),
        ("minfds = 10", "minfds"),
        ("minprocs = 10", "minprocs"),
    ],
)
def test_what_needs_a_new_start_is_named(daemon: Make, tmp_path: Path, setting: str, name: str) -> None:
    it = Reloaded(daemon, tmp_path)
    reply = it.reload(setting + "\n")
    assert reply["restart_required"] == [name]
    assert it.one.row("echo")["pid"] == it.pid
    assert not Path("/tmp/not-made.pid").exists()


def test_another_socket_needs_a_new_start(daemon: Make, tmp_path: Path) -> None:
    it = Reloaded(daemon, tmp_path)
    it.one.config.write_text(f"[supervice]\nsocket = {tmp_path}/other.sock\n{it.program}")
    assert it.one.ask("reload")["restart_required"] == ["socket"]
