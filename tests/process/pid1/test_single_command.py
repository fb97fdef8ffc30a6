"""Single-command mode, and a command beside a configuration, with real processes and a real terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon, alive
from tests.procfs import state

Make = Callable[..., Daemon]
BASE = [sys.executable, "-m", "supervice.cli"]
SINGLE = [*BASE, "-c", "none"]
# Writes the name of every signal that it gets to the file in argv[1]; ends by KILL or after 60 s.
LISTENER = """
import os, signal, sys, time
def note(n, f):
    with open(sys.argv[1], "a") as out: out.write(f"{n}\\n")
for n in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    signal.signal(n, note)
with open(sys.argv[1], "a") as out: out.write("up\\n")
for _ in range(6000): time.sleep(0.01)
"""


def run(*argv: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*SINGLE, *argv], capture_output=True, timeout=30, check=False, **more)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    made: list[subprocess.Popen[bytes]] = []

    def make(*argv: str, **more: Any) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([*SINGLE, *argv], **more)
        made.append(process)
        return process

    yield make
    for process in made:
        process.kill()
        process.wait()


@pytest.fixture
def listener(tmp_path: Path) -> tuple[str, Path]:
    program = tmp_path / "listener.py"
    program.write_text(LISTENER)
    return str(program), tmp_path / "signals"


@pytest.mark.parametrize(
    ("command", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -SEGV $$", 139)]
)
def test_the_exit_code_is_the_commands(command: str, code: int) -> None:
    done = run("--", "sh", "-c", command)
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


def test_what_cannot_be_executed(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("x")
    assert run("/no/such").returncode == 127
    done = run("no-such-command")
    assert done.returncode == 127
    assert done.stderr.startswith(b"supervice: command 'no-such-command' not found")
    assert done.stderr.count(b"\n") == 1
    assert run(str(plain)).returncode == 126


def test_streams_are_transparent(tmp_path: Path) -> None:
    data = os.urandom(300_000)
    done = run("--", "sh", "-c", "cat; echo err >&2", input=data)
    assert done.stdout == data
    assert done.stderr == b"err\n"


def test_option_parsing_stops_at_the_command() -> None:
    assert run("sh", "-c", "echo $0 $1", "-c", "--help").stdout == b"-c --help\n"
    assert run("--", "printf", "%s", "check").stdout == b"check"
    done = run("--no-such-option", "x")
    assert done.returncode == 2
    assert b"--no-such-option" in done.stderr


def test_the_directory_is_the_commands_and_not_ours(
    tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    assert run("pwd", cwd=tmp_path).stdout == f"{tmp_path}\n".encode()
    one = start("sleep", "100", cwd=tmp_path)
    eventually(lambda: os.readlink(f"/proc/{one.pid}/cwd") == "/")


def test_every_signal_is_passed_on(
    listener: tuple[str, Path], start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    program, note = listener
    one = start(sys.executable, program, str(note))
    eventually(lambda: note.read_text() == "up\n")
    stops = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
    signals = sorted(signal.valid_signals() - stops - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD})

    def noted(signum: int) -> bool:
        return str(int(signum)) in note.read_text().split()

    for signum in signals:
        one.send_signal(signum)
        eventually(partial(noted, signum), message=str(signum))
    assert sorted(map(int, note.read_text().split()[1:])) == sorted(map(int, signals))


def test_signals_are_rewritten_and_dropped(
    listener: tuple[str, Path], start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    program, note = listener
    one = start("--rewrite", "TERM:QUIT", "--rewrite", "1:0", sys.executable, program, str(note))
    eventually(lambda: note.read_text() == "up\n")
    one.send_signal(signal.SIGHUP)
    one.send_signal(signal.SIGTERM)
    eventually(lambda: note.read_text().split() == ["up", "3"])


def test_options_come_from_the_environment_too(
    listener: tuple[str, Path], start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    program, note = listener
    one = start(sys.executable, program, str(note), env={**os.environ, "SUPERVICE_REWRITE": "15:3 1:0"})
    eventually(lambda: note.read_text() == "up\n")
    one.send_signal(signal.SIGTERM)
    eventually(lambda: note.read_text().split() == ["up", "3"])
    done = run("sh", "-c", "exit 9", env={**os.environ, "SUPERVICE_EXIT_CODE_OK": "9"})
    assert done.returncode == 0


def test_group_and_single_child(
    tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]], listener: tuple[str, Path]
) -> None:
    program, note = listener
    grandchild = tmp_path / "grandchild"
    command = f"{sys.executable} {program} {grandchild} & exec {sys.executable} {program} {note}"
    for options, both in (([], True), (["--single-child"], False)):
        for path in (note, grandchild):
            path.unlink(missing_ok=True)
        one = start(*options, "sh", "-c", command)
        eventually(lambda: note.read_text() == "up\n" and grandchild.read_text() == "up\n")
        one.send_signal(signal.SIGUSR1)
        eventually(lambda: note.read_text().split() == ["up", "10"])
        if both:
            eventually(lambda: grandchild.read_text().split() == ["up", "10"])
        else:
            one.send_signal(signal.SIGUSR2)
            eventually(lambda: note.read_text().split() == ["up", "10", "12"])
            assert grandchild.read_text() == "up\n"
            (pid,) = Path(f"/proc/{one.pid}/task/{one.pid}/children").read_text().split()
            os.killpg(int(pid), signal.SIGKILL)  # it has a group of its own all the same


def test_stop_signals_of_a_terminal_suspend_both(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    one = start("sleep", "100")
    child = int(eventually(lambda: Path(f"/proc/{one.pid}/task/{one.pid}/children").read_text().strip()))
    eventually(lambda: os.readlink(f"/proc/{one.pid}/cwd") == "/")
    one.send_signal(signal.SIGTSTP)
    eventually(lambda: (state(child), state(one.pid)) == ("T", "T"))
    one.send_signal(signal.SIGCONT)
    eventually(lambda: (state(child), state(one.pid)) == ("S", "S"))


@pytest.mark.parametrize("signum", [signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU])
def test_stop_signals_reach_a_single_child_as_they_are(
    signum: int, tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """dumb-init's rule: what its child is to make of them is the child's business, then we are suspended."""
    note = tmp_path / "note"
    code = f"import signal, sys; signal.signal({int(signum)}, lambda n, _: open(sys.argv[1], 'a').write(str(n)));"
    code += "open(sys.argv[1], 'w').write('up ')\nwhile True: signal.pause()"
    one = start("--single-child", sys.executable, "-c", code, str(note))
    eventually(lambda: note.read_text() == "up ")
    one.send_signal(signum)
    eventually(lambda: note.read_text() == f"up {int(signum)}")
    eventually(lambda: state(one.pid) == "T")
    one.send_signal(signal.SIGCONT)
    eventually(lambda: state(one.pid) == "S")
    one.terminate()
    assert one.wait(20) == 128 + signal.SIGTERM


def test_what_the_command_leaves_is_stopped(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    done = run(
        "sh",
        "-c",
        f"sleep 1000 & echo $! >> {note}; setsid sleep 1000 & echo $! >> {note}; sleep 0.2; exit 3",
    )
    assert done.returncode == 3
    assert not any(alive(int(pid)) for pid in note.read_text().split())


def test_single_child_leaves_them_alone(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    assert run("--single-child", "sh", "-c", f"sleep 1000 >/dev/null 2>&1 & echo $! > {note}").returncode == 0
    pid = int(note.read_text())
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_the_clock_starts_with_term(
    start: Callable[..., subprocess.Popen[bytes]], listener: tuple[str, Path]
) -> None:
    program, note = listener
    one = start("--shutdown-timeout", "0.5", sys.executable, program, str(note))
    eventually(lambda: note.read_text() == "up\n")
    one.send_signal(signal.SIGTERM)
    assert one.wait(10) == 137
    assert note.read_text().split() == ["up", "15"]


def test_orphans_are_collected_with_a_warning_if_asked() -> None:
    done = run("--warn-on-reap", "sh", "-c", "(sleep 0.2 &) ; sleep 0.6")
    assert done.returncode == 0
    assert b"reaped an orphan" in done.stderr
    assert run("sh", "-c", "(sleep 0.1 &) ; sleep 0.3").stderr == b""


def test_the_parent_death_signal_reaches_supervice(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    inner = " ".join(SINGLE)
    parent = subprocess.Popen(
        ["sh", "-c", f"{inner} --parent-death-signal TERM sleep 1000 & echo $! > {note}; wait"]
    )
    pid = int(eventually(lambda: note.exists() and note.read_text().strip()))
    child = int(eventually(lambda: Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()))
    eventually(lambda: os.readlink(f"/proc/{pid}/cwd") == "/")
    parent.kill()
    parent.wait()
    eventually(lambda: not alive(pid) and not alive(child))


# -- a terminal --------------------------------------------------------------------------------------------


class Terminal:
    """A process with a terminal of its own as controlling terminal, as `docker run -t` makes one."""

    def __init__(self, *argv: str) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(argv[0], argv)
        self.seen = b""

    def until(self, text: bytes, timeout: float = 10) -> bytes:
        deadline = time.monotonic() + timeout
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{text!r} not in {self.seen!r}"
            self.seen += os.read(self.fd, 65536)
        return self.seen

    def type(self, text: bytes) -> None:
        os.write(self.fd, text)

    def kill(self) -> int:
        """Kills the command, not supervice."""
        (child,) = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
        return self.wait()

    def wait(self) -> int:
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def test_a_shell_has_job_control() -> None:
    term = Terminal(*SINGLE, "bash", "--norc", "-i")
    term.type(b"PS1='ready:'; sleep 1000 &\n")
    term.until(b"[1] ")
    term.type(b"jobs; kill %1; wait; echo do''ne\n")
    seen = term.until(b"done\r\n")
    assert b"no job control" not in seen
    assert b"Running" in seen
    term.type(b"exit 3\n")
    assert term.wait() == 3


def test_ctrl_c_arrives_exactly_once_and_nothing_else_does(listener: tuple[str, Path]) -> None:
    program, note = listener
    term = Terminal(*SINGLE, sys.executable, program, str(note))
    eventually(lambda: note.read_text() == "up\n")
    term.type(b"\x03")
    eventually(lambda: note.read_text().split() == ["up", "2"])
    os.kill(term.pid, signal.SIGUSR1)  # what comes after it shows that no second one is on its way
    eventually(lambda: note.read_text().split() == ["up", "2", "10"])
    assert term.kill() == 137


def test_the_size_of_the_window_is_passed_on(listener: tuple[str, Path]) -> None:
    import fcntl
    import struct
    import termios

    program, note = listener
    term = Terminal(*SINGLE, sys.executable, program, str(note))
    eventually(lambda: note.read_text() == "up\n")
    fcntl.ioctl(term.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 44, 0, 0))
    eventually(lambda: note.read_text().split() == ["up", "28"])
    assert term.kill() == 137


def test_the_terminal_is_given_back() -> None:
    term = Terminal("/bin/bash", "--norc", "-i")
    term.type(b"PS1='ready:'\n")
    term.type(" ".join([*SINGLE, "sh", "-c", "'read x; echo got $x'"]).encode() + b"\n")
    term.type(b"something\n")
    term.until(b"got something\r\n")
    term.type(b"echo the shell is ba''ck; exit 4\n")
    term.until(b"the shell is back\r\n")
    assert term.wait() == 4


# -- a command beside a configuration -----------------------------------------------------------------------


def test_programs_first_then_the_command_whose_code_counts(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "order"
    one = daemon(
        f"[program:a]\ncommand = sh -c 'echo a >> {note}; exec sleep 1000'\nstartsecs = 0.3\n",
        "--",
        "sh",
        "-c",
        f"echo main >> {note}; exit 5",
        wait=False,
    )
    assert one.wait() == 5
    assert note.read_text().split() == ["a", "main"]


def test_main_is_restarted_without_ending_the_container(daemon: Make) -> None:
    one = daemon("[program:a]\ncommand = sleep 1000\nstartsecs = 0\n", "--", "sleep", "500")
    first = one.wait_state("main", "RUNNING")["pid"]
    assert one.ask("restart", "main")["status"] == "ok"
    assert one.row("main")["pid"] != first
    one.rewrite("[program:b]\ncommand = sleep 1000\nstartsecs = 0\n")
    one.ask("reload")
    assert set(one.status()) == {"b", "main"}
    os.kill(one.row("main")["pid"], signal.SIGKILL)
    assert one.wait() == 137


def test_the_command_is_stopped_with_the_signal_that_we_got(daemon: Make, listener: tuple[str, Path]) -> None:
    program, note = listener
    one = daemon(
        "[program:a]\ncommand = sleep 1000\nstartsecs = 0\n", "--", sys.executable, program, str(note)
    )
    eventually(lambda: note.exists() and note.read_text() == "up\n")
    one.signal(signal.SIGUSR2)
    eventually(lambda: note.read_text().split() == ["up", "12"])
    one.signal(signal.SIGQUIT)
    eventually(lambda: note.read_text().split() == ["up", "12", "3"])
    one.signal(signal.SIGTERM)
    assert one.wait() == 143


def test_a_second_main_is_a_configuration_error(daemon: Make) -> None:
    one = daemon("[program:main]\ncommand = sleep 1\n", "--", "true", wait=False)
    assert one.wait() == 2
    assert "main" in one.text()


def test_an_empty_configuration_does_not_disturb_a_command(daemon: Make) -> None:
    one = daemon("", "--", "echo", "hello", wait=False)
    assert one.wait() == 0
    assert one.text() == "hello\n"


def test_verbosity_and_options_that_change_nothing() -> None:
    done = run("-vv", "--group", "--subreaper", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    assert b"ended with status 3" in done.stderr
    assert run("--group", "--single-child", "true").returncode == 2
