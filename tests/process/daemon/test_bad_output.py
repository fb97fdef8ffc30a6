"""`supervicectl` where its output cannot go, or cannot be shown: one line, an exit code, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon
from tests.process.harness.pseudo_terminal import on_a_terminal

Make = Callable[..., Daemon]
VERBS = (
    "status",
    "health",
    "events",
    "boot",
    "graph",
    "why a",
    "logs",
    "logs -n 1 --grep x",
    "--help",
    "help logs",
)


def shell(one: Daemon, verb: str, redirect: str) -> subprocess.CompletedProcess[str]:
    command = f"{sys.executable} -m supervice.cli.ctl -s {one.socket} {verb} {redirect}"
    if verb.startswith(("--help", "help")):
        command = f"{sys.executable} -m supervice.cli.ctl {verb} {redirect}"
    return subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def one(daemon: Make) -> Daemon:
    it = daemon("[program:a]\ncommand = sh -c 'echo dépôt x; sleep 1000'\n")
    eventually(lambda: it.ask("logs", "a")["logs"])
    it.wait_state("a", "RUNNING")
    return it


@pytest.mark.parametrize("verb", VERBS)
def test_a_full_or_closed_stdout_is_one_line_and_exit_code_1(one: Daemon, verb: str) -> None:
    for redirect in (">/dev/full", ">&-"):
        result = shell(one, verb, redirect)
        assert (result.returncode, result.stdout) == (1, ""), result.stderr
        assert result.stderr.startswith("supervicectl: stdout: ")
        assert result.stderr.count("\n") == 1
    assert shell(one, verb, ">/dev/full 2>&1").returncode == 1
    assert shell(one, verb, ">&- 2>&- <&-").returncode == 1


@pytest.mark.parametrize("verb", VERBS)
def test_a_closed_pipe_says_nothing(one: Daemon, verb: str) -> None:
    result = shell(one, verb, "| true")
    assert result.stderr == ""


def test_a_plain_locale_an_unknown_terminal_and_twenty_columns(one: Daemon) -> None:
    env = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "TERM": "no-such-terminal"}
    for verb in VERBS:
        words = verb.split()
        text, code = on_a_terminal(
            20, *(["-s", str(one.socket)] if "help" not in verb else []), *words, env=env
        )
        assert code == 0, text
        assert "Traceback" not in text
    assert "d\\xe9p\\xf4t" in on_a_terminal(20, "-s", str(one.socket), "logs", "a", env=env)[0]


def test_an_interrupt_ends_what_waits(one: Daemon) -> None:
    for verb in (("wait", "--for", "exited", "a"), ("logs", "-f"), ("events", "-f")):
        process = subprocess.Popen(
            [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket), *verb],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        folder = f"/proc/{process.pid}/fd"

        def asks(folder: str = folder) -> bool:
            return any("socket:" in os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder))

        eventually(asks)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 130
        assert said.strip() == ""
