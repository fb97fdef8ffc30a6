"""Programs with a schedule in a real daemon: what runs, what is said, and what the end of a run leads to."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon
from tests.procfs import voluntary_switches

Make = Callable[..., Daemon]
SOCKET = "exit_when_idle = true\n"


def schedule(daemon: Daemon, name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = daemon.ask("schedule", name)["schedules"]
    assert len(rows) == 1
    return rows[0]


def runs(daemon: Daemon, word: str) -> int:
    return len(re.findall(rf"(?m)^{word}$", daemon.text()))


def test_a_program_runs_at_its_times_as_a_oneshot(daemon: Make) -> None:
    one = daemon("[program:tick]\ncommand = echo ticked\nschedule = every 1s\n")
    row = one.row("tick")
    assert row["state"] == "STOPPED"
    assert re.fullmatch(r"next at [\d:]+ \(in [01] s\)", row["schedule"])
    eventually(lambda: runs(one, "ticked") >= 3)
    row = one.wait_state("tick", "EXITED")
    assert row["exitcode"] == 0
    assert row["schedule"].startswith("next at ")
    said = schedule(one, "tick")
    assert said["succeeded"] >= 2
    assert (said["failed"], said["skipped"]) == (False, 0)
    # A busy machine holds the daemon up for more than a second now and then; it says so.
    assert (said["missed"] > 0) == ("missed" in one.text())
    assert said["words"] == ["every 1 s"]
    assert len(said["next"]) == 5
    assert one.ask("schedule")["schedules"][0]["name"] == "tick"
    types = [event["type"] for event in one.ask("events")["events"]]
    assert types.count("SCHEDULE_SUCCESS") >= 2
    assert types.index("SCHEDULE_START") < types.index("SCHEDULE_SUCCESS")


def test_it_counts_as_will_run_again(daemon: Make) -> None:
    """`exit_when_idle` does not end a container that only waits for a time."""
    one = daemon(
        "[program:job]\ncommand = echo done\nschedule = @reboot\n    0 0 1 1 *\n[program:other]\ncommand = true\nstartsecs = 0\nautorestart = false\n"
    )
    one.wait_state("other", "EXITED")
    row = one.wait_state("job", "EXITED")
    assert "next at" in row["schedule"]
    assert one.process.poll() is None


def test_a_container_of_reboot_jobs_ends_with_them(daemon: Make) -> None:
    one = daemon("[program:job]\ncommand = echo done\nschedule = @reboot\n")
    assert one.wait() == 0
    assert runs(one, "done") == 1


def test_a_failed_run_is_exited_and_the_schedule_goes_on(daemon: Make, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    one = daemon(
        f"[program:job]\ncommand = sh -c 'test -e {flag}'\nschedule = every 1s\n[program:web]\ncommand = sleep 600\nstartsecs = 0\n"
    )
    eventually(lambda: schedule(one, "job")["failures"] >= 2)
    row = one.wait_state("job", "EXITED")
    assert row["exitcode"] == 1
    assert one.ask("health")["healthy"] is True, "for the container it does not count"
    named = one.ask("health", "job")
    assert named["healthy"] is False
    assert named["processes"][0]["message"] == "the last run failed: exit code 1"
    why = one.ask("why", "job")
    assert why["schedule"]["last_failure"]
    assert [exit_["exitcode"] for exit_ in why["exits"]][-1] == 1
    one.wait_text("job: the run failed (exit code 1); next ")
    flag.touch()
    eventually(lambda: one.ask("health", "job")["healthy"] is True, message="until one succeeds")


def test_a_critical_program_whose_run_failed_ends_the_container(daemon: Make) -> None:
    one = daemon(
        "[program:job]\ncommand = sh -c 'exit 7'\nschedule = every 1s\ncritical = true\n[program:web]\ncommand = sleep 600\n"
    )
    assert one.wait() == 7
    assert "critical program job failed" in one.text()


def test_retries_come_before_a_critical_program_has_failed(daemon: Make) -> None:
    one = daemon(
        "[program:job]\ncommand = sh -c 'echo tried; exit 7'\nschedule = @reboot\n    0 0 1 1 *\n"
        "schedule_retries = 2\nbackoff = 200ms\ncritical = true\n[program:web]\ncommand = sleep 600\n"
    )
    assert one.wait() == 7
    assert runs(one, "tried") == 3
    assert "job: attempt 1 of 3 failed: exit code 7; tries again in 0.2 s" in one.text()


def test_a_binary_that_is_not_there_is_a_failed_run(daemon: Make) -> None:
    one = daemon("[program:job]\ncommand = /no/such/binary\nschedule = every 1s\n")
    row = one.wait_state("job", "EXITED")
    assert row["exitcode"] == 127
    assert "next at" in row["schedule"]


def test_an_overlap_is_skipped_and_said_once(daemon: Make, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    one = daemon(f"[program:job]\ncommand = sh -c 'read x <{fifo}'\nschedule = every 1s\n")
    eventually(lambda: schedule(one, "job")["skipped"] >= 2)
    fifo.write_text("\n")
    text = one.wait_text("times were skipped")
    assert len(re.findall("still runs: the time of", text)) == 1
    assert re.search(r"job: the run is over after \d+ s: \d+ times were skipped", text)


def test_overlap_restart_stops_the_run(daemon: Make) -> None:
    one = daemon(
        "[program:job]\ncommand = sh -c 'echo begun; exec sleep 600'\nschedule = every 1s\nschedule_overlap = restart\n"
    )
    eventually(lambda: runs(one, "begun") >= 3)
    said = schedule(one, "job")
    assert said["failures"] >= 1
    assert said["reason"] == "still ran at its next time (schedule_overlap = restart)"


def test_a_timeout_stops_the_run_and_it_has_failed(daemon: Make) -> None:
    one = daemon(
        "[program:job]\ncommand = sleep 600\nschedule = @reboot\n    0 0 1 1 *\nschedule_timeout = 500ms\n"
    )
    row = one.wait_state("job", "EXITED")
    assert row["reason"] == "took longer than 0.5 s (schedule_timeout)"
    assert row["signal"] == signal.SIGTERM
    assert schedule(one, "job")["failed"] is True


def test_start_runs_it_now_and_stop_holds_it(daemon: Make) -> None:
    one = daemon("[program:job]\ncommand = sleep 600\nschedule = 0 0 1 1 *\n")
    reply = one.ask("start", "job")
    assert reply["status"] == "ok"
    assert re.fullmatch(r"Started job; it runs, pid \d+", reply["results"][0]["message"])
    one.ask("stop", "job")
    row = one.wait_state("job", "STOPPED")
    assert row["schedule"] == "its schedule is held until the next start"
    said = schedule(one, "job")
    assert (said["held"], said["next"], said["failed"], said["failures"]) == (True, [], False, 0)
    one.ask("start", "job", timeout=1)
    assert schedule(one, "job")["held"] is False


def test_a_stop_between_two_runs_holds_it_too(daemon: Make) -> None:
    one = daemon("[program:job]\ncommand = echo ran\nschedule = every 1s\n")
    one.wait_state("job", "EXITED")
    one.ask("stop", "job")
    before = runs(one, "ran")
    time_left = one.ask("schedule", "job")["schedules"][0]
    assert time_left["held"] is True
    deadline = time.monotonic() + 2.5
    eventually(lambda: time.monotonic() > deadline)
    assert runs(one, "ran") == before
    one.ask("start", "job")
    eventually(lambda: runs(one, "ran") >= before + 2)


def test_what_it_depends_on_is_asked_at_each_run(daemon: Make) -> None:
    one = daemon(
        "[program:db]\ncommand = sleep 600\nstartsecs = 0\nautorestart = false\n"
        "[program:job]\ncommand = echo ran\nschedule = every 1s\ndepends_on = db\n"
    )
    eventually(lambda: runs(one, "ran") >= 1)
    one.ask("stop", "db")
    count = runs(one, "ran")
    row = eventually(lambda: (row := one.row("job"))["waiting_for"] and row)
    assert row is not None
    assert row["waiting_for"] == ["db:started"]
    one.ask("start", "db")
    eventually(lambda: runs(one, "ran") > count)


def test_a_dependency_that_failed_for_good_misses_the_run(daemon: Make) -> None:
    one = daemon(
        "[program:db]\ncommand = false\nstartretries = 0\n"
        "[program:job]\ncommand = echo ran\nschedule = every 1s\ndepends_on = db\n[program:web]\ncommand = sleep 600\n"
    )
    eventually(lambda: schedule(one, "job")["missed"] >= 2)
    assert "job: the run is missed: needs db:started, but db is FATAL" in one.text()
    assert schedule(one, "job")["failures"] == 0


def test_a_reload_leaves_a_run_alone_and_the_next_has_the_new_settings(daemon: Make) -> None:
    text = "[program:job]\ncommand = sh -c 'echo {0}; exec sleep 600'\nschedule = @reboot\n    0 0 1 1 *\nenvironment = A={0}\n"
    one = daemon(text.format("old"))
    pid = one.wait_state("job", "STARTING")["pid"]
    one.rewrite(text.format("new").replace("0 0 1 1 *", "every 1s") + "schedule_overlap = queue\n")
    reply = one.ask("reload")
    assert [reply[key] for key in ("added", "removed", "changed")] == [[], [], []]
    assert one.row("job")["pid"] == pid
    assert schedule(one, "job")["schedule"] == ["@reboot", "every 1s"]
    assert one.ask("reload")["message"] == "No changes detected"
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: runs(one, "new") == 1)


def test_a_reload_adds_removes_and_turns_programs_into_scheduled_ones(daemon: Make) -> None:
    one = daemon(
        "[program:web]\ncommand = sleep 600\nstartsecs = 0\n[program:job]\ncommand = sleep 600\nstartsecs = 0\n"
    )
    one.wait_state("job", "RUNNING")
    one.rewrite(
        "[program:web]\ncommand = sleep 600\nstartsecs = 0\n[program:job]\ncommand = echo ran\nschedule = every 1s\n"
    )
    assert one.ask("reload")["changed"] == ["job"]
    eventually(lambda: runs(one, "ran") >= 2)
    one.rewrite("[program:web]\ncommand = sleep 600\nstartsecs = 0\n")
    assert one.ask("reload")["removed"] == ["job"]
    assert one.ask("schedule")["schedules"] == []
    one.rewrite(
        "[program:web]\ncommand = sleep 600\nstartsecs = 0\n[program:new]\ncommand = echo new\nschedule = every 1s\n"
    )
    one.ask("reload")
    eventually(lambda: runs(one, "new") >= 1)


def test_only_a_removed_programs_run_is_stopped(daemon: Make) -> None:
    one = daemon(
        "[program:web]\ncommand = sleep 600\nstartsecs = 0\n[program:job]\ncommand = sleep 600\nschedule = @reboot\n"
    )
    one.wait_state("job", "STARTING")
    one.rewrite("[program:web]\ncommand = sleep 600\nstartsecs = 0\n")
    assert one.ask("reload")["removed"] == ["job"]
    assert list(one.status()) == ["web"]


def test_at_shutdown_a_run_is_stopped_and_has_not_failed(daemon: Make) -> None:
    one = daemon("[program:job]\ncommand = sleep 600\nschedule = every 1s\ncritical = true\n")
    one.wait_state("job", "STARTING")
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    assert "the run failed" not in one.text()


def test_autostart_false_holds_it_until_it_is_started(daemon: Make) -> None:
    one = daemon(
        "[program:job]\ncommand = echo ran\nschedule = every 1s\nautostart = false\n[program:web]\ncommand = sleep 600\n"
    )
    assert one.row("job")["schedule"] == "its schedule is held until the next start"
    one.ask("start", "job")
    eventually(lambda: runs(one, "ran") >= 2)


def test_a_stamp_makes_up_what_came_meanwhile_once(daemon: Make, tmp_path: Path) -> None:
    stamp = tmp_path / "stamp"
    text = f"[program:job]\ncommand = echo ran\nschedule = 0 * * * *\nschedule_stamp = {stamp}\n"
    first = daemon(text)
    eventually(stamp.exists, message="the first start writes one")
    assert runs(first, "ran") == 0
    first.signal(signal.SIGTERM)
    first.wait()
    stamp.write_text(f"{time.time() - 5 * 3600}\n")
    second = daemon(text)
    second.wait_text("\nran\n")
    second.wait_text("is made up now")
    row = schedule(second, "job")
    assert row["missed"] == 4
    assert float(stamp.read_text().split()[0]) == time.time() // 3600 * 3600


@pytest.mark.parametrize("content", ["yesterday", "", "\0" * 1000])
def test_a_stamp_that_is_none_is_said_and_nothing_is_made_up(
    daemon: Make, tmp_path: Path, content: str
) -> None:
    stamp = tmp_path / "stamp"
    stamp.write_text(content)
    one = daemon(f"[program:job]\ncommand = echo ran\nschedule = 0 * * * *\nschedule_stamp = {stamp}\n")
    one.wait_text("is not a stamp; remove it, or write seconds since 1970 (date +%s); nothing is made up")
    assert runs(one, "ran") == 0


def test_a_stamp_that_cannot_be_written_is_said_once(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        f"[program:job]\ncommand = echo ran\nschedule = every 1s\nschedule_stamp = {tmp_path}/none/stamp\n"
    )
    eventually(lambda: runs(one, "ran") >= 3)
    assert one.text().count("cannot be written: No such file or directory") == 1


def test_notify_is_told_of_each_run(daemon: Make, tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = tmp_path / "notify"
    script.write_text(
        "#!/bin/sh\n"
        f'echo "$SUPERVICE_EVENT $SUPERVICE_PROGRAM code=$SUPERVICE_CODE reason=$SUPERVICE_REASON $(cat)" >>{told}\n'
    )
    script.chmod(0o755)
    one = daemon(
        f"[program:job]\ncommand = sh -c 'echo first; echo last; exit 3'\nschedule = @reboot\n    0 0 1 1 *\nschedule_notify = {script}\n"
    )
    eventually(lambda: told.exists() and "failure" in told.read_text())
    start, failure = told.read_text().split("failure ")
    assert start.strip() == "start job code= reason="
    assert failure == "job code=3 reason=exit code 3 first\nlast\n"
    assert one.row("job")["state"] == "EXITED"


def test_a_notification_that_fails_is_said_and_changes_nothing(daemon: Make) -> None:
    one = daemon(
        "[program:job]\ncommand = echo ran\nschedule = every 1s\nschedule_notify = sh -c 'echo no route; exit 7'\n"
    )
    one.wait_text("job: schedule_notify (start) failed: exit code 7: no route")
    eventually(lambda: runs(one, "ran") >= 2)


def test_hundreds_of_schedules_are_one_timer(daemon: Make) -> None:
    """Nothing but the timer of the nearest time wakes the daemon."""
    programs = "".join(f"[program:job{n}]\ncommand = true\nschedule = {n % 60} 0 1 1 *\n" for n in range(300))
    one = daemon(programs)
    assert len(one.ask("schedule")["schedules"]) == 300
    before = voluntary_switches(one.pid)
    deadline = time.monotonic() + 3
    eventually(lambda: time.monotonic() > deadline)
    assert voluntary_switches(one.pid) - before <= 2
