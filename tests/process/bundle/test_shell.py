"""The line editor of `supervicectl shell` in the bundle: keys, completion, history, on a real terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.process.harness.bundle import bundle_folder
from tests.process.harness.daemon import Daemon

pytestmark = pytest.mark.timeout(1600)

PROMPT = "supervice> "


class Terminal:
    """A shell on a terminal of its own, which is its controlling one."""

    def __init__(self, socket: Path, home: Path) -> None:
        self._fd, slave = pty.openpty()
        self.seen = ""
        command = [str(bundle_folder() / "bin/supervicectl"), "-s", str(socket), "shell"]
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "HOME": str(home), "TERM": "dumb"},
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)

    def write(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def wait_for(self, text: str, timeout: float = 20) -> str:
        """Until `text` was shown; what was shown since the last time, up to it."""
        until = time.monotonic() + timeout
        while text not in self.seen:
            left = until - time.monotonic()
            assert left > 0, f"not shown: {text!r}; shown: {self.seen!r}"
            if select.select([self._fd], [], [], left)[0]:
                self.seen += os.read(self._fd, 4096).decode(errors="replace")
        before, found, self.seen = self.seen.partition(text)
        return before + found

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._fd)


def _take_terminal() -> None:
    # What runs the tests in the background has them ignore it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminal(daemon: Callable[..., Daemon], tmp_path: Path) -> Iterator[Terminal]:
    one = daemon("[program:web]\ncommand = sleep 100\nstartsecs = 0\n[program:worker]\ncommand = sleep 100\n")
    made = Terminal(one.socket, tmp_path)
    made.wait_for(PROMPT)
    yield made
    made.close()


def test_a_line_is_edited(terminal: Terminal) -> None:
    """`pis wb` becomes `pid web` by way of the arrows, home, end and delete."""
    terminal.write("pis wb\x1b[De")
    terminal.write("\x1b[H\x1b[C\x1b[C\x1b[3~d\x05\r")
    terminal.wait_for("pid web")
    terminal.wait_for("\r\n")
    assert terminal.wait_for("\r\n").strip().isdecimal()


def test_words_are_completed(terminal: Terminal) -> None:
    terminal.write("sign\t")
    terminal.wait_for("signal ")
    terminal.write("\x15pid w\t")  # two names begin with it
    shown = terminal.wait_for("worker")
    assert "web" in shown
    terminal.write("e\t\r")
    terminal.wait_for("pid web")
    terminal.wait_for("\r\n")
    assert terminal.wait_for("\r\n").strip().isdecimal()


def test_lines_are_remembered(terminal: Terminal, tmp_path: Path) -> None:
    """In the next shell too."""
    terminal.write("pid web\r")
    terminal.wait_for(f"\n\r{PROMPT}")
    terminal.write("\x1b[A")
    terminal.wait_for("pid web")
    terminal.write("\x17\x17exit\r")
    assert terminal.process.wait(20) == 0
    assert (tmp_path / ".supervicectl_history").read_text() == "pid web\nexit\n"


def test_an_interrupt_throws_the_line_away(terminal: Terminal) -> None:
    terminal.write("shutdown")
    terminal.wait_for("shutdown")
    terminal.write("\x03")
    terminal.wait_for(PROMPT)
    terminal.write("version\r")
    terminal.wait_for("supervice ")
    terminal.wait_for(PROMPT)
    terminal.write("\x04")
    assert terminal.process.wait(20) == 0


def test_a_long_line_stays_in_its_row(terminal: Terminal) -> None:
    """Of a terminal of 80 columns the end is shown, and nothing wraps."""
    terminal.write("x" * 200 + "y")
    shown = terminal.wait_for("xy")
    assert max(len(row) for row in shown.replace("\x1b[K", "").split("\r")) < 80
    terminal.process.send_signal(signal.SIGKILL)


def test_a_table_is_cut_to_the_terminal(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    """The mark of what is cut is not ASCII, and the bundle has no `unicodedata` to ask for its columns."""
    daemon_of_one = daemon(
        "[program:web]\ncommand = sh -c 'exit 7'\nstartretries = 0\n[program:b]\ncommand = sleep 100\n"
    )
    made = Terminal(daemon_of_one.socket, tmp_path)
    try:
        made.wait_for(PROMPT)
        made.write("wait --timeout 20 web\r")
        made.wait_for("FATAL")
        made.write("status\r")
        assert "Traceback" not in made.wait_for("…")
    finally:
        made.close()


def test_help_says_what_a_verb_does() -> None:
    """The bundle loses docstrings, except where they are pages of help."""
    command = [str(bundle_folder() / "bin/supervicectl"), "help"]
    for verb, words in (
        ("logs", "Shows the last output"),
        ("exec", "Runs COMMAND"),
        ("stop", "Stops processes"),
    ):
        assert (
            words
            in subprocess.run([*command, verb], capture_output=True, text=True, timeout=60, check=True).stdout
        )
