"""Log files that are rotated by hand and by time: a real daemon, and `supervicectl rotate`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

Make = Callable[..., Daemon]
TALKS = "sh -c 'echo one; exec sleep 1000'"
UTC = {"TZ": "UTC"}


def rotate(one: Daemon, *names: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket), "rotate", *names]
    return subprocess.run(command, capture_output=True, text=True)


def today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


def test_rotate_now(daemon: Make, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    one = daemon(
        f"[supervice]\nsocket = {tmp_path}/0/s.sock\nlogfile = {logs}/daemon\n"
        f"[program:web]\ncommand = {TALKS}\nstdout_logfile = {logs}/web\nstderr_logfile = {logs}/web.err\n"
        f"stdout_logfile_suffix = date\n"
        f"[program:other]\ncommand = {TALKS}\n",
        env=UTC,
    )
    eventually(lambda: (logs / "web").read_text() == "one\n", message="it logs")
    one.wait_state("web", "RUNNING")
    done = rotate(one, "web")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{logs}/web is rotated\n{logs}/web.err is empty\n"
    assert (logs / "web").read_text() == ""
    assert [path.read_text() for path in logs.glob("web.20*")] == ["one\n"]
    assert next(logs.glob("web.20*")).name in (f"web.{today()}", f"web.{day_before()}")
    done = rotate(one, "other")
    assert done.returncode == 1
    assert done.stderr == "supervicectl: no log file to rotate: none of this output goes to a file now\n"
    done = rotate(one)
    assert done.stdout == f"{logs}/daemon is rotated\n{logs}/web is empty\n{logs}/web.err is empty\n"
    assert "web: running" in (logs / "daemon.1").read_text()
    one.process.terminate()
    assert one.wait() == 0
    assert "stopped" in (logs / "daemon").read_text()


def day_before() -> str:
    """Midnight may come in the middle of the test."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))


def test_a_file_of_yesterday_is_rotated_at_the_start_and_a_reload_takes_rotation_away(
    daemon: Make, tmp_path: Path
) -> None:
    log = tmp_path / "web.log"
    log.write_text("old\n")
    long_ago = time.time() - 3 * 86400
    os.utime(log, (long_ago, long_ago))
    program = f"[program:web]\ncommand = {TALKS}\nstdout_logfile = {log}\n"
    by_time = "stdout_logfile_rotate = daily\nstdout_logfile_suffix = date\n"
    one = daemon(program + by_time, env={**UTC, "PYTHONPROFILEIMPORTTIME": "1"})
    date = time.strftime("%Y-%m-%d", time.gmtime(long_ago))
    old = tmp_path / f"web.log.{date}"
    eventually(lambda: old.exists() and old.read_text() == "old\n", message="rotated at its start")
    eventually(lambda: log.read_text() == "one\n", message="it logs")
    assert "supervice.output.timed_rotation" in one.text()
    one.rewrite(program)
    assert one.ask("reload")["status"] == "ok"
    rotate(one, "web")
    assert (tmp_path / "web.log.1").read_text() == "one\n", "the names are those of the new configuration"


def test_who_rotates_by_size_loads_nothing_of_it(daemon: Make, tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    one = daemon(
        f"[program:web]\ncommand = {TALKS}\nstdout_logfile = {log}\n",
        env={"PYTHONPROFILEIMPORTTIME": "1"},
    )
    eventually(lambda: log.exists() and log.read_text() == "one\n", message="it logs")
    assert rotate(one, "web").returncode == 0
    loaded = re.findall(r"(supervice[.]\S+)$", one.err.read_text(), re.M)
    assert "supervice.output.file_rotation" in loaded
    assert not [name for name in loaded if "schedules" in name or "timed" in name or "dated" in name]
