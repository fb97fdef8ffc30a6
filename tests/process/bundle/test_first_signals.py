"""No signal is lost, whenever after its exec PID 1 gets it: it is held until there is a handler.

The kernel drops what comes between the exec and the first instruction, a tenth of a millisecond that no program has
in its hand: such a run is made again.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.paths import ROOT
from tests.process.harness.bundle import bundle_folder

FIRST_PROCESS = ROOT / "tests" / "process" / "harness" / "first_process.py"
TRACE_ME, SINGLE_STEP = 0, 9  # linux/ptrace.h
OFFSETS = 80
LONGEST = 100.0  # milliseconds: four times what a start takes on a machine that does nothing else

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="takes root and unshare"),
]


BEFORE_THE_FIRST_INSTRUCTION = 124


class Ended(NamedTuple):
    code: int
    said: str


@pytest.fixture(scope="session")
def supervice() -> str:
    return str(bundle_folder() / "bin" / "supervice")


def run(signum: int, after: float, *command: str) -> Ended:
    """How `command` ends as PID 1 that gets `signum`, `after` milliseconds after its exec."""
    helper = ["unshare", "--pid", sys.executable, "-I", "-S", str(FIRST_PROCESS), str(signum), str(after)]
    for _ in range(6):
        done = subprocess.run(
            [*helper, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=90,
            check=False,
        )
        if done.returncode != BEFORE_THE_FIRST_INSTRUCTION:
            break
    return Ended(done.returncode, done.stdout)


def configuration(folder: Path, command: str) -> str:
    path = folder / "supervice.conf"
    path.write_text(f"[supervice]\nsocket = none\n[program:a]\ncommand = {command}\nstartsecs = 0\n")
    return str(path)


def test_signals_are_blocked_by_the_first_instructions(supervice: str) -> None:
    """Stopped by a debugger after ten of them."""
    libc = ctypes.CDLL(None, use_errno=True)
    pid = os.fork()
    if pid == 0:
        libc.ptrace(TRACE_ME, 0, None, None)
        os.execv(supervice, [supervice, "--version"])
    try:
        assert os.WSTOPSIG(os.waitpid(pid, 0)[1]) == signal.SIGTRAP  # the exec
        for _ in range(10):
            assert libc.ptrace(SINGLE_STEP, pid, None, None) == 0, os.strerror(ctypes.get_errno())
            assert os.WIFSTOPPED(os.waitpid(pid, 0)[1])
        status = Path(f"/proc/{pid}/status").read_text()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    blocked = int(status.partition("SigBlk:\t")[2][:16], 16)
    # The first two cannot be blocked, and the debugger's own is not.
    open_to = sum(1 << number - 1 for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTRAP))
    assert blocked | open_to == (1 << 64) - 1


def test_no_signal_is_lost_in_single_command_mode(supervice: str) -> None:
    """Each is passed on, so the command is killed by it, and the exit code says by which."""
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
    wrong = {}
    for n in range(OFFSETS):
        signum, after = signals[n % len(signals)], n * LONGEST / OFFSETS
        ended = run(signum, after, supervice, "-c", "none", "--", "sleep", "1000")
        if ended.code != 128 + signum:
            wrong[signum.name, after] = ended
    assert wrong == {}


def test_no_stop_is_lost_with_a_configuration(supervice: str, tmp_path: Path) -> None:
    """The end is orderly and the code 0, also when nothing has been started yet."""
    path = configuration(tmp_path, "sleep 1000")
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
    wrong = {}
    for n in range(OFFSETS // 2):
        signum, after = signals[n % len(signals)], n * LONGEST / (OFFSETS // 2)
        ended = run(signum, after, supervice, "-c", path)
        if ended.code != 0:
            wrong[signum.name, after] = ended
    assert wrong == {}


def test_no_reload_is_lost(supervice: str, tmp_path: Path) -> None:
    """The program ends the container as soon as a reload is in the log."""
    log = tmp_path / "log"
    path = configuration(
        tmp_path, f"sh -c 'until grep -q -i reload {log}; do sleep 0.01; done; kill 1; exec sleep 1000'"
    )
    wrong = {}
    for n in range(20):
        log.write_text("")
        ended = run(signal.SIGHUP, n * 5.0, supervice, "-c", path, "-l", str(log))
        if ended.code != 0:
            wrong[n] = (ended, log.read_text())
    assert wrong == {}
