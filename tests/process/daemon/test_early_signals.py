"""Signals that come before we are up: held from the first line of ours that runs, and acted on (R1, K11)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import procfs
from tests.eventually import eventually

CLI = [sys.executable, "-m", "supervice.cli"]


def sent_before(signum: int) -> Callable[[], None]:
    """A signal that waits, blocked, when the program begins: what comes in the first milliseconds."""

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signum,))
        os.kill(os.getpid(), signum)

    return prepare


def configured(directory: Path, more: str = "") -> list[str]:
    file = directory / "supervice.conf"
    file.write_text(
        f"[supervice]\nsocket = none\n[program:a]\ncommand = sh -c 'touch {directory}/spawned; exec sleep 1000'\n{more}"
    )
    return [*CLI, "-c", str(file)]


def ran(argv: list[str], signum: int) -> tuple[int, str]:
    done = subprocess.run(
        argv, preexec_fn=sent_before(signum), capture_output=True, text=True, timeout=20, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_k11_nothing_is_spawned_once_a_stop_signal_is_pending(tmp_path: Path, signum: int) -> None:
    code, said = ran(configured(tmp_path), signum)
    assert code == 0, said
    assert f"{signal.Signals(signum).name} received" in said
    assert "STARTING" not in said
    assert not (tmp_path / "spawned").exists()


def test_k11_nor_is_the_command_beside_a_configuration(tmp_path: Path) -> None:
    argv = configured(tmp_path)
    code, said = ran([*argv, "--", "touch", f"{tmp_path}/spawned"], signal.SIGTERM)
    assert code == 0, said
    assert not (tmp_path / "spawned").exists()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_k11_nor_is_a_single_command(tmp_path: Path, signum: int) -> None:
    """The code is what the command would have ended with."""
    code, said = ran([*CLI, "-c", "none", "--", "touch", f"{tmp_path}/spawned"], signum)
    assert (code, said) == (128 + signum, "")
    assert not (tmp_path / "spawned").exists()


def test_k11_a_stop_signal_that_is_dropped_starts_the_command(tmp_path: Path) -> None:
    argv = [*CLI, "-c", "none", "--rewrite", "TERM:0", "--", "touch", f"{tmp_path}/spawned"]
    assert ran(argv, signal.SIGTERM) == (0, "")
    assert (tmp_path / "spawned").exists()


def test_r1_another_signal_that_waits_reaches_the_single_command() -> None:
    code, _ = ran([*CLI, "-c", "none", "--", "sleep", "1000"], signal.SIGUSR1)
    assert code == 128 + signal.SIGUSR1


def test_r1_a_hangup_that_waits_is_a_reload(tmp_path: Path) -> None:
    argv = configured(tmp_path, "[program:b]\ncommand = sleep 0.5\nstartsecs = 0\nmain = true\n")
    code, said = ran(argv, signal.SIGHUP)
    assert code == 0, said
    assert "SIGHUP received" in said


AS_PID1 = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


def await_term_blocked(parent: int) -> int:
    """The pid of PID 1 of the namespace, from the moment on in which it holds TERM."""
    first = eventually(lambda: procfs.descendants(parent), interval=0.0005)[0]
    # `unshare` blocks TERM too, before it forks and until its child has begun.
    eventually(lambda: procfs.executable(first).startswith("python") and holds_term(first), interval=0.0002)
    return first


def await_cpu(pid: int, seconds: float) -> None:
    """Until the process has had so much CPU time, or sleeps."""
    eventually(lambda: procfs.cpu_seconds(pid) >= seconds or procfs.state(pid) == "S", interval=0.0002)


@pytest.mark.parametrize("mode", ["single", "configured"])
def test_r1_what_comes_after_the_first_line_is_held(tmp_path: Path, mode: str) -> None:
    """As PID 1 of a namespace, at the first moment in which TERM is blocked, and a little later each time."""
    if os.geteuid() != 0 or subprocess.run([*AS_PID1, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a namespace of its own needs root")
    argv = [*CLI, "-c", "none", "--", "sleep", "1000"] if mode == "single" else configured(tmp_path)
    for later in (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05):
        with subprocess.Popen([*AS_PID1, *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            try:
                first = await_term_blocked(process.pid)
                await_cpu(first, procfs.cpu_seconds(first) + later)
                os.kill(first, signal.SIGTERM)
                said, _ = process.communicate(timeout=20)
            finally:
                process.kill()
            assert process.returncode == (143 if mode == "single" else 0), (later, said)


def holds_term(pid: int) -> bool:
    """Whether it blocks TERM or has a handler."""
    mask = 0
    for line in procfs.read(f"/proc/{pid}/status").splitlines():
        if line.startswith(("SigBlk:", "SigCgt:")):
            mask |= int(line.split()[1], 16)
    return bool(mask >> (signal.SIGTERM - 1) & 1)


def test_r1_nothing_of_ours_is_loaded_before_signals_are_blocked() -> None:
    """What the script of pip and the image calls; each module more is time in which signals are lost."""
    code = (
        "import sys; before = set(sys.modules); import supervice.cli.main; print(*set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-ISc", f"{PATH}\n{code}"], capture_output=True, text=True, check=True
    )
    loaded: set[Any] = {*done.stdout.split()}
    assert loaded <= {"__future__", "supervice", "supervice.cli", "supervice.cli.main"}


PATH = f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})"
