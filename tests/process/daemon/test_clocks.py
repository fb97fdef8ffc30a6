"""Clocks that are not the machine's: libfaketime's, and one in a time namespace."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

Make = Callable[..., Daemon]
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
faked = pytest.mark.skipif(LIBRARY is None, reason="needs libfaketime (Debian's package of that name)")


def at(utc: str) -> dict[str, str]:
    """The environment of a daemon whose wall clock begins there, and whose other clock is the machine's."""
    return {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME": f"@{utc}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "TZ": "UTC",
    }


def program(name: str, schedule: str) -> str:
    return (
        f"[program:{name}]\ncommand = echo {name} ran\n"
        f"schedule = {schedule}\nschedule_timezone = Europe/Berlin\n"
    )


@faked
def test_what_the_clock_skips_runs_at_once_after_the_gap(daemon: Make) -> None:
    """At 02:00 it was 03:00 in Berlin; by real time nothing is made up."""
    text = program("fixed", "30 2 * * *") + program("hourly", "0 * * * *") + program("star", "*/20 2 * * *")
    one = daemon(text, env=at("2026-03-29 00:59:55"))
    rows = {row["name"]: row for row in one.ask("schedule")["schedules"]}
    assert rows["fixed"]["next_local"][0] == "2026-03-29 03:00 CEST"
    one.wait_text("fixed ran")
    one.wait_text("hourly ran")
    rows = {row["name"]: row for row in one.ask("schedule")["schedules"]}
    assert rows["fixed"]["next_local"][0] == "2026-03-30 02:30 CEST"
    assert rows["star"]["next_local"][0] == "2026-03-30 02:00 CEST"
    assert "star ran" not in one.text()


@faked
def test_a_repeated_hour_runs_a_fixed_time_once(daemon: Make) -> None:
    """At 03:00 it was 02:00 again in Berlin."""
    text = program("fixed", "0 2 * * *") + program("hourly", "0 * * * *")
    one = daemon(text, env=at("2026-10-25 00:59:55"))
    one.wait_text("hourly ran")
    assert "fixed ran" not in one.text()
    (row,) = one.ask("schedule", "fixed")["schedules"]
    assert row["next_local"][0] == "2026-10-26 02:00 CET"


@faked
def test_a_leap_day(daemon: Make) -> None:
    one = daemon(program("leap", "0 1 29 2 *"), env=at("2028-02-28 23:59:55"))
    one.wait_text("leap ran")
    (row,) = one.ask("schedule", "leap")["schedules"]
    assert row["next_local"][0] == "2032-02-29 01:00 CET"


@faked
def test_a_log_is_rotated_at_midnight(daemon: Make, tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    talks = "sh -c 'n=0; while :; do n=$((n+1)); echo $n; sleep 0.05; done'"
    one = daemon(
        f"[program:web]\ncommand = {talks}\nstdout_logfile = {log}\n"
        "stdout_logfile_rotate = daily\nstdout_logfile_suffix = date\n",
        env=at("2030-06-30 23:59:56"),
    )
    old = tmp_path / "web.log.2030-06-30"
    eventually(lambda: old.exists() and log.stat().st_size > 10, 30, message="rotated, and written to")
    one.ask("stop", "web")
    lines = [int(line) for path in (old, log) for line in path.read_text().splitlines()]
    assert lines == list(range(1, len(lines) + 1))
    assert sorted(path.name for path in tmp_path.glob("web.log*")) == ["web.log", "web.log.2030-06-30"]


def in_a_time_namespace() -> tuple[str, ...]:
    unshare = shutil.which("unshare")
    prefix = (str(unshare), "--time", "--monotonic", "1000000000", "--boottime", "1000000000", "--fork")
    if unshare is None or subprocess.run([*prefix, "true"], capture_output=True).returncode:
        return ()
    return (*prefix, "--kill-child")


@pytest.mark.skipif(os.getuid() != 0 or not in_a_time_namespace(), reason="no time namespaces here")
def test_a_machine_that_has_been_up_for_thirty_years(daemon: Make) -> None:
    """A time namespace: the two clocks have nothing in common."""
    text = "[program:tick]\ncommand = echo tick ran\nschedule = every 1s\n" + program("cron", "* * * * *")
    one = daemon(text, prefix=in_a_time_namespace())
    eventually(lambda: one.text().count("tick ran") >= 3, message="it runs each second")
    (row,) = one.ask("schedule", "cron")["schedules"]
    assert 0 < row["next_at"] - time.time() <= 60
    one.ask("shutdown")
    assert one.wait() == 0
