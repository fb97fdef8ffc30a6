"""What `reopen` says, and where the daemon says what its own log does not take."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

Make = Callable[..., Daemon]


def test_t9_reopen_says_what_could_not_be_opened(daemon: Make, tmp_path: Path) -> None:
    """It said "reopened", with 0, and the daemon's log, on the same disk, said nothing anywhere else."""
    logs = tmp_path / "logs"
    logs.mkdir()
    one = daemon(
        f"[supervice]\nsocket = {tmp_path}/0/s.sock\nlogfile = {logs}/daemon.log\n"
        f"[program:web]\ncommand = sleep 1000\nstartsecs = 0\nstdout_logfile = {logs}/web.log\n"
        f"[program:fine]\ncommand = sleep 1000\nstartsecs = 0\nstdout_logfile = {tmp_path}/fine.log\n"
    )
    for name in ("web", "fine"):
        one.wait_state(name, "RUNNING")
    reopen = [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket), "reopen"]
    done = subprocess.run(reopen, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert one.ask("reopen") == {"status": "ok", "message": "Log files reopened", "failed": []}
    logs.rename(tmp_path / "moved")
    reply = one.ask("reopen")
    assert reply["status"] == "error"
    assert {row["path"]: row["reason"] for row in reply["failed"]} == {
        f"{logs}/daemon.log": "No such file or directory",
        f"{logs}/web.log": "No such file or directory",
    }
    done = subprocess.run(reopen, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"{logs}/web.log: No such file or directory" in done.stderr
    (tmp_path / "moved").rename(logs)
    assert one.ask("reopen")["status"] == "ok"


def test_t9_what_the_daemons_own_log_does_not_take_goes_to_stderr(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        f"[supervice]\nsocket = {tmp_path}/0/s.sock\nlogfile = /dev/full\n[program:web]\ncommand = sleep 1000\nstartsecs = 0\n"
    )
    one.wait_state("web", "RUNNING")
    eventually(lambda: "web: running" in one.err.read_text(), message=one.text())
    assert "/dev/full: No space left on device: output is being lost" in one.err.read_text()
