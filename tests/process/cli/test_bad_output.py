"""`supervice` on a stdout that is closed, full or cannot show a character: one line and 1, no traceback."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "supervice.cli"]
CONFIGURATION = "[supervice]\n[program:a]\ncommand = true | t\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{HORIZONTAL ELLIPSIS}\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "x.conf"
    path.write_text(CONFIGURATION)
    return path


def run(
    *words: str | Path, stdout: int | None = subprocess.PIPE, **env: str
) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if k not in ("LANG", "LC_ALL", "FORCE_COLOR")}
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        env={**environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
        timeout=60,
    )


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["check"], ["check", "--explain"], ["check", "--format=json"]]
)
def test_a_full_or_closed_stdout(config: Path, words: list[str]) -> None:
    if words[0] == "check":
        words = [*words, str(config)]
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        done = run(*words, stdout=full)
    finally:
        os.close(full)
    assert (done.returncode, done.stderr) == (1, "supervice: stdout: No space left on device\n")
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run(*words, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "supervice: stdout: Broken pipe\n")
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, *words], stderr=subprocess.PIPE, text=True, timeout=60
    )
    assert (closed.returncode, closed.stderr) == (1, "supervice: stdout is closed\n")


@pytest.mark.parametrize("words", [["check"], ["check", "--explain"]])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_locale_that_cannot_show_it(config: Path, words: list[str], encoding: str) -> None:
    done = run(*words, config, PYTHONIOENCODING=encoding, LC_ALL="C")
    assert (done.returncode, done.stderr) == (0, "")
    assert "true | t" in done.stdout


@pytest.mark.parametrize("word", ["chekc", "chek", "validate"])
def test_a_slip_of_the_finger_points_at_check(config: Path, word: str) -> None:
    for words in ([word], ["-c", str(config), word]):
        done = run(*words)
        assert done.returncode == 2
        assert done.stderr == (
            f"supervice: there is no program '{word}'; write supervice check FILE; see supervice --help\n"
        )


def test_a_verb_of_supervicectl_points_there(config: Path) -> None:
    for words, verb in ((["status"], "status"), (["-c", str(config), "restart", "a"], "restart")):
        done = run(*words)
        assert done.returncode == 2
        assert done.stderr == (
            f"supervice: there is no program '{verb}'; write supervicectl {verb}; see supervice --help\n"
        )


def test_a_command_beside_a_main_program_says_what_to_write(config: Path) -> None:
    config.write_text("[program:web]\ncommand = sleep 1000\nmain = true\n")
    done = run("-c", config, "true")
    assert (done.returncode, done.stderr) == (
        2,
        "supervice: [program:web] is the main program already; remove main = true, or write -c none to run the "
        "command alone\n",
    )
    config.write_text("[program:main]\ncommand = sleep 1000\n")
    assert "rename it" in run("-c", config, "true").stderr


def test_a_program_of_that_name_is_run(tmp_path: Path) -> None:
    program = tmp_path / "validate"
    program.write_text("#!/bin/sh\necho it runs\n")
    program.chmod(0o755)
    done = run("-c", "none", "validate", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert (done.returncode, done.stdout) == (0, "it runs\n")


def test_errors_are_counted_and_nothing_was_started(config: Path) -> None:
    config.write_text("[supervice]\n[program:a]\ncommand = true\nx = 1\ny = 2\n")
    done = run("-c", config)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"{config}:4: [program:a]: unknown option 'x'; remove it",
        f"{config}:5: [program:a]: unknown option 'y'; remove it",
        f"supervice: 2 errors, nothing was started; to look at it again: supervice check {config}",
    ]


def test_nothing_to_run_says_what_to_write(tmp_path: Path) -> None:
    done = subprocess.run(
        COMMAND,
        cwd="/var/empty" if Path("/var/empty").is_dir() else tmp_path,
        env={**os.environ, "PYTHONPATH": os.getcwd(), "SUPERVICE_CONFIG": "none"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(
        "supervice: nothing to run: there is no configuration and no COMMAND; write one to"
    )


@pytest.mark.parametrize("term", ["xterm", "dumb", "no-such-terminal", ""])
def test_a_terminal_of_twenty_columns(config: Path, term: str) -> None:
    for words in (["check", str(config)], ["check", "--explain", str(config)], ["--help"], ["chekc"]):
        code, shown = on_terminal(words, term)
        assert code == (2 if words == ["chekc"] else 0)
        assert b"Traceback" not in shown
        if words[0] == "check":
            assert (b"\x1b[33mwarning\x1b[0m" in shown) is (term != "dumb")


def on_terminal(words: list[str], term: str) -> tuple[int, bytes]:
    """The exit code, and what a terminal of 20 columns is shown."""
    ours, theirs = os.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 5, 20, 0, 0))
    environ = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "NO_COLOR")}
    with subprocess.Popen(
        [*COMMAND, *words], env={**environ, "TERM": term}, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # the last writer has closed its end
                break
            if not data:
                break
            shown += data
        os.close(ours)
        return process.wait(60), shown
