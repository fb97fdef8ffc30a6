"""`docker run IMAGE COMMAND`: what people use tini and dumb-init for, and the same beside a configuration."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.container.helpers import Box, eventually
from tests.container.images import LABEL, SESSION

# Says `got N` for each signal, and `up` once it would.
LISTENER = """
import os, signal, sys, time
def note(number, _frame):
    os.write(1, f"got {number}\\n".encode())
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    signal.signal(number, note)
os.write(1, b"up\\n")
while True:
    time.sleep(1000)
"""
LISTEN = ["python3", "-c", LISTENER]
SLEEPER = "[supervice]\n[program:a]\ncommand = sleep 1000\nstartsecs = 0\n"
GRACE = 5  # seconds for what the command leaves behind


def docker_run(
    image: str, *words: str, data: bytes = b"", options: tuple[str, ...] = ()
) -> tuple[int, bytes, bytes]:
    """`docker run -i` as one types it: exit code, stdout, stderr."""
    command = ["docker", "run", "--rm", "-i", "--network=none", f"--label={LABEL}={SESSION}", *options, image]
    done = subprocess.run([*command, *words], input=data, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def got(box: Box) -> list[int]:
    return [int(number) for number in re.findall(r"^got (\d+)", box.logs(), re.M)]


def got_last(box: Box, number: int) -> bool:
    return got(box)[-1:] == [number]


def got_usr1(box: Box, count: int) -> bool:
    return got(box).count(10) == count


def said_up(box: Box, count: int) -> bool:
    return box.logs().count("up\n") == count


# -- transparent -----------------------------------------------------------------------------------------------


def test_every_byte_passes_and_none_is_added(image_for: Callable[[str], str], base: str) -> None:
    data = os.urandom(1_000_000)
    code, out, err = docker_run(image_for(base), "sh", "-c", "cat; echo said >&2", data=data)
    assert (code, out == data, err) == (0, True, b"said\n")


@pytest.mark.parametrize(
    ("command", "code"),
    [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -SEGV $$", 139), ("kill -KILL $$", 137)],
)
def test_the_exit_code_is_the_commands_and_nothing_is_said(
    run: Callable[..., Box], command: str, code: int
) -> None:
    box = run(["sh", "-c", command])
    assert box.wait() == code
    assert box.logs() == ""


@pytest.mark.parametrize(
    ("word", "code", "reason"),
    [
        ("/no/such", 127, "/no/such not found"),
        ("no-such-command", 127, "'no-such-command' not found in PATH"),
        ("/etc/passwd", 126, "/etc/passwd is not executable"),
        ("/tmp", 126, "/tmp is not executable"),
    ],
)
def test_what_cannot_be_executed_is_said_in_one_line(
    run: Callable[..., Box], word: str, code: int, reason: str
) -> None:
    box = run([word])
    assert box.wait() == code
    assert re.fullmatch(rf"supervice: .*{re.escape(reason)}.*\n", box.logs())
    assert box.logs(stdout=True, stderr=False) == ""


def test_options_are_ours_only_before_the_command(image: str) -> None:
    assert docker_run(image, "echo", "--version", "-c", "x")[:2] == (0, b"--version -c x\n")
    assert docker_run(image, "--", "echo", "check")[:2] == (0, b"check\n")
    assert docker_run(image, "--exit-code-ok", "9", "sh", "-c", "exit 9") == (0, b"", b"")
    code, _, err = docker_run(image, "--no-such-option", "echo")
    assert code == 2
    assert b"--no-such-option" in err


def test_the_command_is_no_pid_1_and_we_are(run: Callable[..., Box]) -> None:
    box = run(["sh", "-c", "echo $$ $PPID $PWD; exec sleep 1000"], working_dir="/usr")
    (pid, parent, where) = eventually(lambda: box.logs().split())
    assert (parent, where) == ("1", "/usr")
    assert box.exec("cat", "/proc/1/comm").output.startswith("supervice")
    assert box.exec("readlink", "/proc/1/cwd").output == "/\n"
    assert box.exec("cat", f"/proc/{pid}/comm").output == "sleep\n"


# -- signals ---------------------------------------------------------------------------------------------------


def test_docker_stop_is_immediate(
    run: Callable[..., Box], image_for: Callable[[str], str], base: str
) -> None:
    box = run(["sh", "-c", "echo up; exec sleep 1000"], image=image_for(base))
    box.wait_log("up\n")
    begun = time.monotonic()
    assert box.stop(30) == 143
    assert time.monotonic() - begun < 9, "the ten seconds of a patience"
    assert box.logs() == "up\n"


def test_each_signal_arrives_as_it_was_sent(run: Callable[..., Box]) -> None:
    box = run(LISTEN)
    box.wait_log("up\n")
    sent = {"USR1": 10, "HUP": 1, "WINCH": 28, "RTMIN+3": 37, "TERM": 15, "INT": 2, "QUIT": 3, "CONT": 18}
    for name, number in sent.items():
        box.kill(f"SIG{name}" if "+" not in name else number)
        eventually(partial(got_last, box, number), message=f"{name} alone")
    # TERM ends nothing by itself, nor does a second one: it is the command's to decide.
    box.kill("TERM")
    eventually(lambda: got(box) == [*sent.values(), 15])
    assert box.alive()


def test_a_signal_reaches_the_whole_group_or_the_child_alone(run: Callable[..., Box]) -> None:
    command = ["sh", "-c", 'python3 -c "$0" & exec python3 -c "$0"', LISTENER]
    group, child = run(command), run(["--single-child", *command])
    for box, count in ((group, 2), (child, 1)):
        eventually(partial(said_up, box, 2))
        box.kill("USR1")
        box.kill("USR2") if count == 2 else None
        eventually(partial(got_usr1, box, count))
    child.kill("USR2")  # what comes after it shows that no second USR1 is on its way
    eventually(lambda: got(child) == [10, 12])


def test_signals_are_rewritten_and_dropped_by_a_variable(run: Callable[..., Box]) -> None:
    box = run(LISTEN, environment={"SUPERVICE_REWRITE": "15:3 HUP:0 usr1:USR2"})
    box.wait_log("up\n")
    for name in ("HUP", "USR1", "TERM"):
        box.kill(name)
        time.sleep(0)
    eventually(lambda: sorted(got(box)) == [3, 12])
    box.kill("WINCH")
    eventually(lambda: sorted(got(box)) == [3, 12, 28])


def test_the_stop_signal_of_the_image_is_passed_on(run: Callable[..., Box]) -> None:
    box = run(
        ["sh", "-c", "trap 'echo quit; exit 5' QUIT; echo up; while :; do sleep 0.02; done"],
        stop_signal="SIGQUIT",
    )
    box.wait_log("up\n")
    assert box.stop(20) == 5
    assert "quit\n" in box.logs()


def test_a_clock_can_be_set(run: Callable[..., Box]) -> None:
    box = run(LISTEN, environment={"SUPERVICE_SHUTDOWN_TIMEOUT": "0.5"})
    box.wait_log("up\n")
    begun = time.monotonic()
    assert box.stop(60) == 137
    assert time.monotonic() - begun < 30
    assert got(box) == [15]


# -- what is left behind ---------------------------------------------------------------------------------------

STRAY = "trap 'echo {name} got TERM; {last}' TERM; echo {name} up; while :; do sleep 0.02; done"


def until_told(*strays: str) -> list[str]:
    """A command that starts `strays` and ends with code 3 when /tmp/go is there."""
    lines = [f'setsid sh -c "{stray}" &' for stray in strays]
    return ["sh", "-c", "\n".join([*lines, "while [ ! -e /tmp/go ]; do sleep 0.02; done; exit 3"])]


def test_what_is_left_is_stopped_also_what_docker_exec_left(run: Callable[..., Box]) -> None:
    box = run(until_told(STRAY.format(name="daemon", last="exit")))
    stray = STRAY.format(name="guest", last="exit")
    box.container.exec_run(["sh", "-c", f"exec >/proc/1/fd/1; {stray}"], detach=True)
    box.wait_log("daemon up")
    box.wait_log("guest up")
    begun = time.monotonic()
    box.put("/tmp/go", "")
    assert box.wait() == 3
    assert time.monotonic() - begun < GRACE
    log = box.logs()
    assert "daemon got TERM\n" in log
    assert "guest got TERM\n" in log


def test_what_does_not_want_to_go_is_killed_after_a_grace(run: Callable[..., Box]) -> None:
    box = run(until_told(STRAY.format(name="stubborn", last=":")))
    box.wait_log("stubborn up")
    begun = time.monotonic()
    box.put("/tmp/go", "")
    assert box.wait() == 3
    assert GRACE - 1 < time.monotonic() - begun < GRACE + 4
    assert box.logs().count("stubborn got TERM\n") == 1


def test_orphans_are_collected_while_the_command_runs(run: Callable[..., Box]) -> None:
    box = run(["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do (sleep 0.1 &); done; echo up; exec sleep 1000"])
    box.wait_log("up\n")
    sleeps = 'cat /proc/[0-9]*/comm | grep -c "^sleep"'
    eventually(lambda: box.exec("sh", "-c", sleeps).output == "1\n", message="the orphans are gone")
    assert box.zombies() == []


# -- a terminal ------------------------------------------------------------------------------------------------


class Terminal:
    """`docker run -it`, as a person at a terminal has it."""

    def __init__(self, image: str, *words: str, options: tuple[str, ...] = ()) -> None:
        self.name = f"supervice-test-{uuid.uuid4().hex[:12]}"
        command = [
            "docker",
            "run",
            "-it",
            "--name",
            self.name,
            "--network=none",
            f"--label={LABEL}={SESSION}",
        ]
        command += [*options, image, *words]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "dumb"
            os.execvp(command[0], command)
        self.seen = b""

    def until(self, text: bytes, timeout: float = 30) -> bytes:
        """What was seen up to and with `text`; it is looked for in what came after the last one."""
        deadline = time.monotonic() + timeout
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{text!r} not in {self.seen!r}"
            self.seen += os.read(self.fd, 65536)
        before, _, self.seen = self.seen.partition(text)
        return before + text

    def type(self, text: bytes) -> None:
        os.write(self.fd, text)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def docker(self, *words: str) -> str:
        done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=30, check=True)
        return done.stdout

    def in_front(self, command: str) -> None:
        """Until the command is running in the foreground of the terminal."""

        def there() -> bool:
            return bool(
                re.search(
                    rf"^\d+ +\S*\+ +{command}$", self.docker("top", self.name, "-eo", "pid,stat,args"), re.M
                )
            )

        eventually(there, message=f"{command} in the foreground")

    def wait(self) -> int:
        """The rest is read; the exit code of the client, which is the container's."""
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            if not data:
                break
            self.seen += data
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        subprocess.run(["docker", "rm", "-f", self.name], capture_output=True, timeout=60, check=False)
        if self.pid:
            self.wait()
        os.close(self.fd)


@pytest.fixture
def terminal(image: str) -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def make(*words: str, **options: tuple[str, ...]) -> Terminal:
        made.append(Terminal(image, *words, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_shell_has_job_control(terminal: Callable[..., Terminal]) -> None:
    term = terminal("bash", "--norc")
    term.type(b"PS1=; echo read''y\n")
    greeting = term.until(b"ready\r\n")
    assert b"no job control" not in greeting
    assert b"cannot set terminal" not in greeting
    term.type(b"sleep 1000 & jobs\n")
    term.until(b"Running")
    # Ctrl-Z stops a job in the foreground and the shell goes on; Ctrl-C ends one.
    term.type(b"sleep 2000\n")
    term.in_front("sleep 2000")
    term.type(b"\x1a")
    term.until(b"Stopped")
    term.type(b"fg\n")
    term.in_front("sleep 2000")
    term.type(b"\x03")
    term.until(b"^C")
    term.type(b"echo co''de $?\n")
    term.until(b"code 130\r\n")
    term.type(b"kill %1; exit 3\n")
    assert term.wait() == 3


def test_ctrl_c_arrives_once_and_nothing_else_does(terminal: Callable[..., Terminal]) -> None:
    term = terminal(*LISTEN)
    term.until(b"up\r\n")
    term.type(b"\x03")
    seen = term.until(b"got 2\r\n")
    term.docker("kill", "-s", "USR1", term.name)  # shows that no second one is on its way
    seen += term.until(b"got 10\r\n")
    # The client tells the size of the window, once or twice; no HUP, no CONT, no second INT.
    signals = re.findall(rb"got (\d+)", seen)
    assert [number for number in signals if number != b"28"] == [b"2", b"10"]
    term.docker("kill", "-s", "KILL", term.name)
    assert term.wait() == 137


def test_a_new_size_of_the_window_is_passed_on(terminal: Callable[..., Terminal]) -> None:
    term = terminal("bash", "--norc", "-c", "trap 'stty size' WINCH; echo up; while :; do sleep 0.05; done")
    term.until(b"up\r\n")
    term.resize(33, 44)
    term.until(b"33 44\r\n")
    term.docker("kill", "-s", "KILL", term.name)
    assert term.wait() == 137


def test_the_terminal_is_given_back(terminal: Callable[..., Terminal]) -> None:
    """A shell in the container starts supervice like any other command, and reads on afterwards."""
    term = terminal("bash", "--norc")
    term.type(b"PS1=; echo read''y\n")
    term.until(b"ready\r\n")
    term.type(b"supervice -c none sh -c 'read x; echo got $x; exit 6'\n")
    term.type(b"something\n")
    term.until(b"got something\r\n")
    term.type(b"echo co''de $?\n")
    term.until(b"code 6\r\n")
    term.type(b"supervice -c none sleep 1000\n")
    term.in_front("sleep 1000")
    term.type(b"\x03")
    term.until(b"^C")
    term.type(b"echo co''de $?\n")
    term.until(b"code 130\r\n")
    term.type(b"exit\n")
    assert term.wait() == 0


def test_the_terminal_is_given_back_to_who_would_not_take_it(terminal: Callable[..., Terminal]) -> None:
    """A script, which has no job control: it would be stopped at its next read."""
    term = terminal("sh", "-c", "supervice -c none true; echo read''y; read x; echo got $x")
    term.until(b"ready\r\n")
    term.type(b"something\n")
    term.until(b"got something\r\n")
    assert term.wait() == 0


def test_a_hang_up_is_passed_on(terminal: Callable[..., Terminal]) -> None:
    term = terminal("bash", "--norc", "-c", "trap 'exit 9' HUP; echo up; while :; do sleep 0.05; done")
    term.until(b"up\r\n")
    term.docker("kill", "-s", "HUP", term.name)
    assert term.wait() == 9


# -- a command beside a configuration --------------------------------------------------------------------------


def test_the_programs_come_first_and_the_commands_code_counts(run: Callable[..., Box]) -> None:
    config = "[supervice]\n[program:a]\ncommand = sh -c 'echo a; exec sleep 1000'\nstartsecs = 0.5\n"
    box = run(["sh", "-c", "supervicectl status a; echo main; exit 5"], config=config)
    assert box.wait() == 5
    log = box.logs()
    assert re.search(r"^a\n(?:.*\n)*.*RUNNING.*\n(?:.*\n)*main\n", log, re.M)
    assert "main program main ended with code 5" in log.splitlines()[-1]


def test_the_command_has_our_streams_and_they_are_not_touched(image: str, tmp_path: Path) -> None:
    config = tmp_path / "quiet.conf"
    config.write_text(SLEEPER.replace("[supervice]", "[supervice]\nlogfile = /tmp/log"))
    config.chmod(0o644)
    data = os.urandom(300_000)
    mount = (f"--volume={config}:/etc/supervice/supervice.conf:ro",)
    code, out, err = docker_run(image, "sh", "-c", "cat; echo said >&2; exit 4", data=data, options=mount)
    assert (code, out == data) == (4, True)
    assert err == b"said\n"


def test_the_command_is_restarted_without_an_end(run: Callable[..., Box]) -> None:
    box = run(["sh", "-c", "echo main $$; exec sleep 1000"], config=SLEEPER, wait=True)
    before = box.status()
    assert set(before) == {"a", "main"}
    box.ctl("restart", "main")
    after = box.wait_state("a", "main")
    assert after["main"]["pid"] != before["main"]["pid"]
    assert after["a"]["pid"] == before["a"]["pid"]
    assert box.logs().count("main ") >= 2
    box.exec("sh", "-c", f"kill -KILL {after['main']['pid']}", check=True)
    assert box.wait() == 137


@pytest.mark.parametrize(("name", "number"), [("SIGTERM", 15), ("SIGQUIT", 3), ("SIGINT", 2)])
def test_the_command_gets_the_stop_signal_as_it_came(run: Callable[..., Box], name: str, number: int) -> None:
    trap = f"trap 'echo main got {number}; exit 6' {number}; echo up; while :; do sleep 0.02; done"
    box = run(["sh", "-c", trap], config=SLEEPER, stop_signal=name)
    box.wait_log("up\n")
    assert box.stop(20) == 6
    log = box.logs()
    assert log.count(f"main got {number}\n") == 1
    # The command goes first, then what it stood on.
    assert log.index("main got") < log.index("a: stopped")


def test_other_signals_go_to_the_command_alone(run: Callable[..., Box]) -> None:
    box = run(LISTEN, config=SLEEPER)
    box.wait_log("up\n")
    pid = box.pid("a")
    for name, number in (("USR1", 10), ("WINCH", 28), ("USR2", 12)):
        box.kill(name)
        eventually(partial(got_last, box, number))
    box.kill(37)
    eventually(lambda: got(box) == [10, 28, 12, 37])
    assert box.pid("a") == pid
    box.kill("TERM")
    eventually(lambda: 15 in got(box))
    box.kill("INT")  # a second one is about us: it ends at once; TERM again at once would be the first
    assert box.wait() == 130


def test_a_shell_on_a_terminal_beside_programs(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    config = tmp_path / "a.conf"
    config.write_text(SLEEPER)
    config.chmod(0o644)
    term = terminal("bash", "--norc", options=(f"--volume={config}:/etc/supervice/supervice.conf:ro",))
    term.type(b"PS1=; echo read''y\n")
    assert b"no job control" not in term.until(b"ready\r\n")
    term.type(b"supervicectl status main; echo co''de $?\n")
    assert b"RUNNING" in term.until(b"code 0\r\n")
    term.type(b"sleep 2000\n")
    term.in_front("sleep 2000")
    term.type(b"\x03")
    term.until(b"^C")
    term.type(b"echo co''de $?\n")
    term.until(b"code 130\r\n")
    term.type(b"exit 3\n")
    assert term.wait() == 3
