"""`supervicectl attach`: typed on a terminal, from a pipe, by several at once; and the terminal afterwards."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supervice.control.client import Client
from tests import procfs
from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

Make = Callable[..., Daemon]
CAT = "[program:cat]\ncommand = cat\nstartsecs = 0\nstdin = pipe\n"
READER = (
    "[program:reader]\nstdin = pipe\nstartsecs = 0\ncommand = sh -c '"
    'printf "name: "; while read -r line; do echo "<$line>"; printf "name: "; done; echo the end; sleep 1000\'\n'
)


def words(one: Daemon, *args: str) -> list[str]:
    return [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket), "attach", *args]


def attach(one: Daemon, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(words(one, *args), capture_output=True, timeout=60, input=stdin)


class Terminal:
    """A client on a terminal of its own."""

    def __init__(self, one: Daemon, *args: str) -> None:
        self.ours, theirs = pty.openpty()
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.client = subprocess.Popen(
            words(one, *args), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        self.text = b""

    def type(self, text: bytes) -> None:
        os.write(self.ours, text)

    def look(self) -> bytes:
        while select.select([self.ours], (), (), 0)[0]:
            self.text += os.read(self.ours, 65536)
        return self.text

    def shows(self, text: bytes) -> None:
        eventually(lambda: text in self.look(), 15, message=f"{text!r} on the terminal")

    def is_set(self) -> bool:
        return bool(termios.tcgetattr(self.theirs) != self.before)

    def ends(self) -> int:
        eventually(lambda: self.client.poll() is not None or (self.look() and False), 15, message="it ends")
        self.look()
        return int(self.client.returncode)

    def close(self) -> None:
        if self.client.poll() is None:
            self.client.kill()
        self.client.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def make(one: Daemon, *args: str) -> Terminal:
        made.append(Terminal(one, *args))
        eventually(lambda: made[-1].is_set() or made[-1].client.poll() is not None, 15)
        return made[-1]

    yield make
    for one in made:
        one.close()


# -- a terminal ------------------------------------------------------------------------------------------


def test_what_is_typed_goes_to_the_program_and_its_output_comes(daemon: Make, terminal: Any) -> None:
    one = daemon(READER)
    eventually(lambda: "name: " in one.text())
    user = terminal(one, "reader")
    user.shows(b"name: ")  # what it asked before we came
    user.type(b"Ade\x7fa\n")  # the kernel's line editing goes on
    user.shows(b"<Ada>")
    user.type(b"\x10\x11")
    assert user.ends() == 0
    assert not user.is_set()
    assert one.row("reader")["state"] == "RUNNING"
    one.wait_text("<Ada>")


def test_a_first_key_alone_is_passed_on(daemon: Make, terminal: Any) -> None:
    one = daemon(CAT)
    user = terminal(one, "cat")
    user.type(b"\x10")
    eventually(lambda: "\x10" in one.text())
    user.type(b"\x10more\n")
    eventually(lambda: "\x10\x10more\n" in one.text())
    user.type(b"\x10")
    user.type(b"\x11")
    assert user.ends() == 0


@pytest.mark.parametrize(
    ("keys", "typed"),
    [("ctrl-a,d", b"\x01d"), ("ctrl-x,ctrl-y,ctrl-z", b"\x18\x19\x1a"), ("ctrl-c", b"\x03")],
)
def test_other_keys(daemon: Make, terminal: Any, keys: str, typed: bytes) -> None:
    one = daemon(CAT)
    user = terminal(one, "--detach-keys", keys, "cat")
    user.type(b"a\x10line\n")
    eventually(lambda: "a\x10line\n" in one.text())
    user.type(typed)
    assert user.ends() == 0
    assert not user.is_set()


@pytest.mark.parametrize(
    ("signum", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGQUIT, 131)],
)
def test_the_terminal_is_given_back_when_a_signal_ends_the_client(
    daemon: Make, terminal: Any, signum: int, code: int
) -> None:
    one = daemon(CAT)
    user = terminal(one, "cat")
    assert user.is_set()
    user.client.send_signal(signum)
    assert user.ends() == code
    assert not user.is_set()
    assert one.row("cat")["state"] == "RUNNING"


def test_the_terminal_is_given_back_while_the_client_is_stopped(daemon: Make, terminal: Any) -> None:
    one = daemon(CAT)
    user = terminal(one, "cat")
    user.client.send_signal(signal.SIGTSTP)
    eventually(lambda: procfs.state(user.client.pid) == "T")
    assert not user.is_set()
    user.client.send_signal(signal.SIGCONT)
    eventually(user.is_set)
    user.type(b"a line\n")
    eventually(lambda: "a line\n" in one.text())
    user.type(b"\x10\x11")
    assert user.ends() == 0
    assert not user.is_set()
    assert [e["name"] for e in one.ask("events")["events"] if e["type"] == "ATTACH"] == ["cat"]


def test_the_terminal_is_given_back_when_the_daemon_is_killed(daemon: Make, terminal: Any) -> None:
    one = daemon(CAT)
    user = terminal(one, "cat")
    pid = one.wait_state("cat", "RUNNING")["pid"]
    one.process.kill()
    one.process.wait()
    assert user.ends() == 4
    assert not user.is_set()
    assert b"supervicectl: the daemon has ended" in user.text
    eventually(lambda: not Path(f"/proc/{pid}").exists())  # its input has ended


def test_the_end_of_input_on_a_terminal_leaves_the_program(daemon: Make, terminal: Any) -> None:
    one = daemon(READER)
    user = terminal(one, "reader")
    user.type(b"\x04")
    assert user.ends() == 0
    assert not user.is_set()
    assert attach(one, "reader", stdin=b"still open\n").returncode == 0
    one.wait_text("<still open>")
    assert "the end" not in one.text()


def test_a_program_that_does_not_read_holds_back_only_who_types(daemon: Make, terminal: Any) -> None:
    deaf = "[program:deaf]\ncommand = sleep 1000\nstartsecs = 0\nstdin = pipe\n"
    one = daemon(deaf + CAT)
    with subprocess.Popen(words(one, "deaf"), stdin=subprocess.PIPE) as client:
        try:
            assert client.stdin is not None
            os.set_blocking(client.stdin.fileno(), False)

            def is_full() -> bool:
                assert client.stdin is not None
                try:
                    os.write(client.stdin.fileno(), b"x" * 65536)
                except BlockingIOError:
                    return client.poll() is None
                return False

            eventually(is_full, 20)
            user = terminal(one, "deaf")
            user.type(b"and I\n")
            assert attach(one, "cat", stdin=b"a line\n").stdout == b"a line\n"
            assert one.row("deaf")["state"] == "RUNNING"
            user.type(b"\x10\x11")  # who waits can leave
            assert user.ends() == 0
        finally:
            client.kill()


# -- a pipe ----------------------------------------------------------------------------------------------


def test_the_end_of_a_pipe_leaves_the_input_open(daemon: Make) -> None:
    one = daemon(READER)
    for word in ("one", "two"):
        done = attach(one, "reader", stdin=f"{word}\n".encode())
        assert (done.returncode, done.stderr) == (0, b"")
        assert f"<{word}>\n".encode() in done.stdout
    assert "the end" not in one.text()
    done = attach(one, "--eof", "reader", stdin=b"three")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"the end\n" in done.stdout
    done = attach(one, "reader", stdin=b"four\n")
    assert (done.returncode, done.stderr) == (1, b"supervicectl: reader: has closed its standard input\n")


def test_every_byte_arrives(daemon: Make, tmp_path: Path) -> None:
    sent = bytes(range(256)) * 5000
    file = tmp_path / "got"
    one = daemon(f"[program:tee]\ncommand = sh -c 'cat > {file}'\nstartsecs = 0\nstdin = pipe\n")
    assert attach(one, "tee", stdin=sent).returncode == 0
    eventually(lambda: file.read_bytes() == sent)


def test_several_are_attached_and_stay_over_a_restart(daemon: Make, terminal: Any) -> None:
    one = daemon(CAT)
    first, second = terminal(one, "cat"), terminal(one, "cat")
    first.type(b"from the first\n")
    second.shows(b"from the first")
    one.ask("restart", "cat")
    one.wait_state("cat", "RUNNING")
    second.type(b"from the second\n")
    first.shows(b"from the second")
    for user in (first, second):
        user.type(b"\x10\x11")
        assert user.ends() == 0


# -- what cannot be --------------------------------------------------------------------------------------


def test_what_cannot_be_attached_to_is_said(daemon: Make) -> None:
    one = daemon(CAT + "[program:null]\ncommand = sleep 1000\nstartsecs = 0\n[program:off]\ncommand = cat\n"
                 "autostart = false\nstdin = pipe\n")  # fmt: skip
    for args, said in (
        (["null"], "null: its standard input is not a pipe; write stdin = pipe in its section"),
        (["nope"], "Process not found: nope"),
        (["all"], "attach takes one process; name one of cat, null, off"),
        (["--detach-keys", "", "cat"], "--detach-keys: not a key; write ctrl-p,ctrl-q"),
    ):
        done = attach(one, *args)
        assert done.returncode in (1, 2)
        assert said in done.stderr.decode()
    done = attach(one, "off", stdin=b"x\n")
    assert (done.returncode, done.stderr) == (1, b"supervicectl: off: does not run\n")


def test_a_client_hears_that_its_program_is_removed(daemon: Make, terminal: Any) -> None:
    one = daemon(CAT + READER)
    user = terminal(one, "cat")
    one.rewrite(READER)
    one.ask("reload")
    assert user.ends() == 1
    assert not user.is_set()
    assert b"cat: is not supervised any more" in user.text


def test_garbage_costs_nothing(daemon: Make) -> None:
    one = daemon(CAT)
    for request in (
        {"command": "attach", "name": "cat"},
        {"command": "input", "name": "cat", "data": "\u20ac"},
        {"command": "input", "name": "cat", "data": 7},
        {"command": "input", "name": "cat", "data": "x", "eof": "yes"},
        {"command": "input"},
        {"command": "input", "name": "nope", "data": "x"},
    ):
        with Client(str(one.socket)) as client:
            assert client.ask(request, 10)["status"] == "error"
    with Client(str(one.socket)) as client:
        client.send({"command": "attach", "name": "cat", "follow": True})
        assert client.ask({"command": "status"}, 10)["status"] == "ok"  # the first frame
    assert attach(one, "cat", stdin=b"still there\n").stdout == b"still there\n"
