"""The daemon with real children: lifetime, truthful answers, stopping, exit codes."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon, alive
from tests.procfs import sleeps

Make = Callable[..., Daemon]
SLEEP = "command = sleep 1000\nstartsecs = 0\n"


def written(path: Path) -> str:
    return str(eventually(lambda: path.exists() and path.read_text().endswith("\n") and path.read_text()))


def test_programs_run_and_status_tells(daemon: Make) -> None:
    one = daemon("[program:a]\ncommand = sleep 1000\n[program:b]\ncommand = sleep 1000\nautostart = false\n")
    row = one.wait_state("a", "RUNNING")
    assert alive(row["pid"])
    assert row["uptime"] >= 1
    assert row["group"] == "a"
    assert one.row("b")["state"] == "STOPPED"
    assert one.ask("pid")["pid"] == one.pid


def test_running_is_said_only_after_startsecs(daemon: Make) -> None:
    one = daemon("[program:a]\ncommand = sleep 1000\nstartsecs = 60\n")
    assert one.row("a")["state"] == "STARTING"


def test_a_percent_sign_in_a_command_is_a_percent_sign(daemon: Make) -> None:
    one = daemon("[program:a]\ncommand = sh -c 'echo 100% %s %d; exec sleep 100'\nstartsecs = 0\n")
    one.wait_text("100% %s %d\n")


def test_a_crash_is_followed_by_a_replacement(daemon: Make) -> None:
    one = daemon(f"[program:a]\n{SLEEP}")
    first = one.wait_state("a", "RUNNING")["pid"]
    os.kill(first, signal.SIGKILL)
    second = eventually(lambda: one.row("a")["pid"] not in (None, first) and one.row("a")["pid"])
    assert alive(second)
    assert one.row("a")["restarts"] == 1


def test_a_missing_command_is_retried_then_fatal_with_its_reason(daemon: Make) -> None:
    one = daemon(
        f"[program:a]\ncommand = /no/such/thing\nstartretries = 1\nbackoff = 0.05\n[program:b]\n{SLEEP}"
    )
    row = one.wait_state("a", "FATAL")
    assert row["reason"].startswith("gave up after 2 failed starts: ")
    assert row["reason"].endswith("/no/such/thing not found")
    assert row["exitcode"] == 127


def test_a_transient_spawn_error_heals(daemon: Make, tmp_path: Path) -> None:
    late = tmp_path / "late"
    one = daemon(f"[program:a]\n{SLEEP}directory = {late}\nbackoff = 0.1\nstartretries = -1\n")
    row = one.wait_state("a", "BACKOFF")
    assert f"directory {late}" in row["reason"]
    late.mkdir()
    one.wait_state("a", "RUNNING")


def test_an_unknown_user_at_start_time_is_a_configuration_error(daemon: Make) -> None:
    one = daemon(f"[program:a]\n{SLEEP}user = nobody-of-that-name\n", wait=False)
    assert one.wait() == 2
    assert f"{one.config}:6: " in one.text()


def test_start_of_a_fatal_process_tells_the_truth(daemon: Make, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    one = daemon(f"[program:a]\ncommand = {tool}\nstartretries = 0\nstartsecs = 0\n[program:b]\n{SLEEP}")
    one.wait_state("a", "FATAL")
    reply = one.ask("start", "a")
    assert reply["status"] == "error"
    assert "did not reach RUNNING (state: FATAL)" in reply["message"]
    tool.write_text("#!/bin/sh\nexec sleep 1000\n")
    tool.chmod(0o755)
    reply = one.ask("start", "a")
    assert reply == {
        "status": "ok",
        "message": "Started a",
        "results": [{"name": "a", "ok": True, "message": "Started a", "state": "RUNNING"}],
    }


def test_start_does_not_claim_what_never_ran(daemon: Make) -> None:
    one = daemon("[program:a]\ncommand = sh -c 'exit 4'\nautostart = false\nstartretries = 0\n")
    reply = one.ask("start", "a")
    assert reply["status"] == "error"
    assert "exit code 4" in reply["message"]


def test_start_says_what_it_waits_for_when_the_time_is_up(daemon: Make) -> None:
    one = daemon("[program:a]\ncommand = sleep 1000\nautostart = false\nstartsecs = 60\n")
    reply = one.ask("start", "a", timeout=0.1)
    assert reply["status"] == "error"
    assert "state: STARTING" in reply["message"]


def test_start_of_the_running_and_stop_of_the_stopped_are_done_already(daemon: Make) -> None:
    one = daemon(f"[program:a]\n{SLEEP}")
    one.wait_state("a", "RUNNING")
    assert one.ask("start", "a")["message"] == "a is already running"
    assert one.ask("stop", "a")["message"] == "Stopped a"
    assert one.ask("stop", "a")["message"] == "a is already stopped"
    assert one.row("a")["state"] == "STOPPED"


def test_a_stop_wins_over_backoff_and_stays(daemon: Make) -> None:
    one = daemon(
        "[program:a]\ncommand = sh -c 'exit 1'\nbackoff = 0.2\nstartretries = -1\nbackoff_factor = 1\n"
    )
    one.wait_state("a", "BACKOFF")
    assert one.ask("stop", "a")["status"] == "ok"
    since = time.monotonic()
    while time.monotonic() - since < 0.6:  # three times the backoff in which it would have come back
        assert one.row("a")["state"] == "STOPPED"


def test_a_stop_lands_while_starting(daemon: Make) -> None:
    one = daemon("[program:a]\ncommand = sleep 1000\nstartsecs = 60\n")
    pid = one.wait_state("a", "STARTING")["pid"]
    assert one.ask("stop", "a")["message"] == "Stopped a"
    assert not alive(pid)


def test_stop_reaches_grandchildren(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    one = daemon(f"[program:a]\ncommand = sh -c 'sleep 1000 & echo $! > {note}; wait'\nstartsecs = 0\n")
    grandchild = int(written(note))
    assert alive(grandchild)
    one.ask("stop", "a")
    eventually(lambda: not alive(grandchild))


def test_a_program_that_ignores_its_stop_signal_is_killed(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "up"
    one = daemon(
        f"[program:a]\ncommand = sh -c 'trap \"\" TERM; echo up > {note}; while :; do sleep 0.05; done'\n"
        "startsecs = 0\nstopwaitsecs = 0.3\n"
    )
    written(note)
    reply = one.ask("stop", "a")
    assert reply["message"] == "Stopped a"
    assert one.row("a")["signal"] == 9


def test_a_ladder_of_stop_signals(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "signals"
    script = (
        f'trap "echo TERM >> {note}" TERM; trap "echo QUIT >> {note}; exit 0" QUIT; echo up >> {note}; '
        "while :; do sleep 0.05; done"
    )
    one = daemon(
        f"[program:a]\ncommand = sh -c '{script}'\nstartsecs = 0\nstopsignal = TERM:0.3 QUIT:5 KILL\n"
    )
    written(note)
    one.ask("stop", "a")
    assert note.read_text().split() == ["up", "TERM", "QUIT"]


def test_what_a_dead_leader_leaves_is_stopped_before_its_replacement(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "pids"
    one = daemon(f"[program:a]\ncommand = sh -c 'sleep 1000 & echo $! >> {note}; wait'\nstartsecs = 0\n")
    worker = int(written(note))
    leader = one.wait_state("a", "RUNNING")["pid"]
    os.kill(leader, signal.SIGKILL)
    eventually(lambda: len(note.read_text().split()) == 2)
    assert not alive(worker)


def test_killasgroup_false_leaves_the_group_alone(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "pids"
    one = daemon(
        f"[program:a]\ncommand = sh -c 'sleep 1000 & echo $! >> {note}; wait'\nstartsecs = 0\n"
        "stopasgroup = false\nkillasgroup = false\n"
    )
    worker = int(written(note))
    os.kill(one.wait_state("a", "RUNNING")["pid"], signal.SIGKILL)
    eventually(lambda: len(note.read_text().split()) == 2)
    assert alive(worker)


def test_term_ends_everything_with_code_0(daemon: Make) -> None:
    one = daemon(f"[program:a]\n{SLEEP}[program:b]\n{SLEEP}")
    pids = [one.wait_state(name, "RUNNING")["pid"] for name in "ab"]
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    assert not any(alive(pid) for pid in pids)
    assert not one.socket.exists()


def test_priority_is_the_order_of_stopping_backwards(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "order"
    text = ""
    for name, priority in (("db", 1), ("app", 2), ("web", 3)):
        script = f'trap "echo {name} >> {note}; exit 0" TERM; echo {name}-up; while :; do sleep 0.02; done'
        text += f"[program:{name}]\ncommand = sh -c '{script}'\nstartsecs = 0\npriority = {priority}\n"
    one = daemon(text)
    for name in ("db", "app", "web"):
        one.wait_text(f"{name}-up")
    one.signal(signal.SIGTERM)
    one.wait()
    assert note.read_text().split() == ["web", "app", "db"]


def test_a_second_signal_kills_at_once(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        "[program:a]\ncommand = sh -c 'trap \"\" TERM; echo trapped; while :; do sleep 0.05; done'\nstartsecs = 0\n"
        "stopwaitsecs = 60\n"
    )
    one.wait_text("trapped")  # "up" stands in the warning's "supervice.conf"
    one.signal(signal.SIGTERM)
    one.wait_text("shutting down")
    assert one.force(timeout=5) == 143


def test_a_signal_that_comes_twice_at_once_is_one(daemon: Make) -> None:
    """`timeout` signals its command and then its group, which are both us."""
    one = daemon(
        '[program:a]\ncommand = sh -c \'trap "sleep 0.3; echo flushed; exit 0" TERM; echo trapped; '
        "while :; do sleep 0.05; done'\nstartsecs = 0\n"
    )
    one.wait_text("trapped")
    one.signal(signal.SIGTERM)
    os.killpg(one.pid, signal.SIGTERM)
    assert one.wait() == 0
    assert "flushed" in one.text()
    assert "killing everything" not in one.text()


def test_the_whole_stop_fits_the_shutdown_timeout(daemon: Make) -> None:
    stubborn = "command = sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.05; done'\nstartsecs = 0\nstopwaitsecs = 60\n"
    one = daemon(
        f"[program:a]\n{stubborn}priority = 1\n[program:b]\n{stubborn}priority = 2\n",
        "--shutdown-timeout",
        "3",
    )
    eventually(lambda: one.text().count("up\n") == 2)
    begin = time.monotonic()
    one.signal(signal.SIGTERM)
    one.wait()
    assert time.monotonic() - begin < 6, "three seconds for each"


def test_status_answers_and_start_is_refused_during_shutdown(daemon: Make) -> None:
    one = daemon(
        "[program:a]\ncommand = sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.05; done'\nstartsecs = 0\n"
        f"stopwaitsecs = 3\n[program:b]\nautostart = false\n{SLEEP}"
    )
    one.wait_text("\nup\n")
    one.signal(signal.SIGTERM)
    one.wait_state("a", "STOPPING")
    assert one.ask("start", "b")["code"] == "SHUTTING_DOWN"
    assert one.ask("restart", "a")["code"] == "SHUTTING_DOWN"
    one.wait_text("waiting for a (STOPPING, pid ")
    one.signal(signal.SIGTERM)
    one.wait()


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        (["exit 0"], 0),
        (["exit 7"], 7),
        (["kill -SEGV $$"], 139),
        (["sleep 0.3; exit 5", "exit 4"], 4),
        (["exit 0", "exit 0"], 0),
    ],
)
def test_nothing_left_to_do_ends_with_the_code_of_the_first_failure(
    daemon: Make, commands: list[str], code: int
) -> None:
    text = "".join(
        f"[program:p{n}]\ncommand = sh -c '{command}'\nautorestart = false\nstartsecs = 0\n"
        for n, command in enumerate(commands)
    )
    assert daemon(text, wait=False).wait() == code


def test_a_critical_program_ends_the_container(daemon: Make) -> None:
    one = daemon(
        f"[program:a]\n{SLEEP}[program:b]\ncommand = sh -c 'sleep 0.2; exit 9'\ncritical = true\n"
        "autorestart = false\nstartsecs = 0\n",
        wait=False,
    )
    assert one.wait() == 9


def test_a_fatal_program_at_the_time_of_a_stop_makes_it_a_failure(daemon: Make) -> None:
    one = daemon(f"[program:a]\n{SLEEP}[program:b]\ncommand = /no/such\nstartretries = 0\n")
    one.wait_state("b", "FATAL")
    one.signal(signal.SIGTERM)
    assert one.wait() == 127


def test_an_operators_stop_does_not_end_the_container(daemon: Make) -> None:
    one = daemon(f"[program:a]\n{SLEEP}")
    one.wait_state("a", "RUNNING")
    one.ask("stop", "a")
    assert one.row("a")["state"] == "STOPPED"
    assert one.process.poll() is None


def test_leftovers_that_called_setsid_are_stopped(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    one = daemon(
        f"[program:a]\ncommand = sh -c 'setsid sh -c \"echo \\$\\$ > {note}; exec sleep 1000\" & sleep 1000'\n"
        "startsecs = 0\n"
    )
    stray = int(written(note))
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    assert not alive(stray)
    assert "left behind" in one.text()


def test_orphans_come_to_us_and_are_collected(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    one = daemon(
        f"[program:a]\ncommand = sh -c '(setsid sh -c \"echo \\$\\$ > {note}; sleep 0.3\" &); exec sleep 1000'\n"
        "startsecs = 0\n"
    )
    orphan = int(written(note))
    eventually(lambda: f"PPid:\t{one.pid}" in Path(f"/proc/{orphan}/status").read_text())
    eventually(lambda: not Path(f"/proc/{orphan}").exists())
    assert one.row("a")["state"] == "RUNNING"
    assert one.row("a")["restarts"] == 0


def test_a_program_gets_a_clean_start(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "note"
    script = (
        "import os,signal,sys;"
        "print(os.readlink('/proc/self/fd/0'), sorted(int(n) for n in os.listdir('/proc/self/fd'))[:4],"
        "os.getsid(0)==os.getpid()==os.getpgrp(),"
        "[hex(int(l.split()[1],16)&~0x180000000) for l in open('/proc/self/status') if l[:6] in ('SigIgn','SigBlk')],"
        f"os.getcwd(), os.environ['SUPERVICE_SOCKET'], os.environ['X'], file=open('{note}','w'))"
    )
    program = tmp_path / "look.py"
    program.write_text(script)
    one = daemon(
        f"[program:a]\ncommand = /usr/bin/env -i X=1 true\nautostart = false\n"
        f'[program:b]\ncommand = python3 -S {program}\nenvironment = X="a b"\nautorestart = false\nstartsecs = 0\n'
    )
    line = written(note)
    # 3 is the listing of /proc/self/fd itself; 32 and 33 belong to the C library; python ignores PIPE and XFSZ (0x1001000) of its own accord
    assert line == (f"/dev/null [0, 1, 2, 3] True ['0x0', '0x1001000'] {one.directory} {one.socket} a b\n")


def test_numprocs_and_groups(daemon: Make) -> None:
    one = daemon(
        "[program:w]\ncommand = sh -c 'echo num %(process_num)s; exec sleep 1000'\nnumprocs = 3\nstartsecs = 0\n"
        f"[program:a]\n{SLEEP}[program:b]\n{SLEEP}[group:g]\nprograms = a,b\n"
    )
    for name in ("w:00", "w:01", "w:02", "a", "b"):
        one.wait_state(name, "RUNNING")
    for number in ("00", "01", "02"):
        one.wait_text(f"num {number}\n")
    assert one.ask("stopgroup", "g")["status"] == "ok"
    assert {name: row["state"] for name, row in one.status().items()} == {
        "w:00": "RUNNING",
        "w:01": "RUNNING",
        "w:02": "RUNNING",
        "a": "STOPPED",
        "b": "STOPPED",
    }
    assert one.ask("startgroup", "g")["status"] == "ok"
    assert one.ask("stop", "w:*")["status"] == "ok"
    assert one.ask("stop", "g:a")["status"] == "ok"
    assert one.row("b")["state"] == "RUNNING"
    assert one.ask("stop", "w")["code"] == "NOT_FOUND"
    assert one.ask("startgroup", "nope")["message"] == "Group not found: nope; the groups are g, w"
    assert one.ask("start", "all")["status"] == "ok"


@pytest.mark.skipif(os.geteuid() != 0, reason="switching users needs root")
def test_a_program_runs_as_its_user(daemon: Make) -> None:
    one = daemon(
        "[program:a]\ncommand = sh -c 'echo $(id -u):$(id -g):$HOME:$USER; exec sleep 1000'\nuser = nobody\n"
        "startsecs = 0\n[program:b]\ncommand = sh -c 'echo $(id -u):$(id -g):$(id -G):$HOME; exec sleep 1000'\n"
        "user = 12345:23456\nstartsecs = 0\n"
    )
    one.wait_text("65534:65534:/nonexistent:nobody\n")
    one.wait_text("12345:23456:23456:/\n")


def test_directory_and_umask(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        f"[program:a]\ncommand = sh -c 'pwd; umask; exec sleep 1000'\ndirectory = {tmp_path}\numask = 027\n"
        "startsecs = 0\n"
    )
    one.wait_text(f"{tmp_path}\n0027\n")
    assert os.readlink(f"/proc/{one.pid}/cwd") == "/"


def test_signal_reaches_the_group(daemon: Make) -> None:
    one = daemon(
        "[program:a]\ncommand = sh -c 'trap \"echo got-usr1\" USR1; echo up; while :; do sleep 0.05; done'\n"
        "startsecs = 0\nautorestart = false\n"
    )
    one.wait_text("\nup\n")
    assert one.ask("signal", "a", signal="USR1")["status"] == "ok"
    one.wait_text("got-usr1")
    assert one.ask("signal", "a", signal="NOPE")["code"] == "INVALID_REQUEST"


def test_forwarded_signals_are_rewritten(daemon: Make) -> None:
    one = daemon(
        "[program:a]\ncommand = sh -c 'trap \"echo got-hup\" HUP; echo up; while :; do sleep 0.05; done'\n"
        "startsecs = 0\nforward_signals = USR1:HUP\n"
    )
    one.wait_text("\nup\n")
    one.signal(signal.SIGUSR1)
    one.wait_text("got-hup")


def test_restart_waits_for_the_replacement(daemon: Make) -> None:
    one = daemon("[program:a]\ncommand = sleep 1000\nstartsecs = 0.3\n")
    first = one.wait_state("a", "RUNNING")["pid"]
    assert one.ask("restart", "a")["message"] == "Restarted a"
    second = one.row("a")
    assert second["state"] == "RUNNING"
    assert second["pid"] != first
    one.ask("restart", "a", force=True)
    assert one.row("a")["pid"] != second["pid"]


def test_a_slow_stop_does_not_hold_up_another_command(daemon: Make, tmp_path: Path) -> None:
    import threading

    enough = tmp_path / "enough"
    one = daemon(
        f"[program:slow]\ncommand = sh -c 'trap \"\" TERM; echo up; until test -e {enough}; do sleep 0.05; done'\n"
        f"startsecs = 0\nstopwaitsecs = 60\n[program:fast]\n{SLEEP}"
    )
    one.wait_text("\nup\n")
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(one.ask("stop", "slow")["message"]))
    thread.start()
    one.wait_state("slow", "STOPPING")
    assert one.ask("restart", "fast")["status"] == "ok"
    assert not answers
    enough.touch()
    thread.join()
    assert answers == ["Stopped slow"]


def test_a_hundred_thousand_sigchld_do_not_lose_a_term(daemon: Make, turns: Path) -> None:
    one = daemon(f"[program:a]\n{SLEEP}")
    one.wait_state("a", "RUNNING")
    for number in range(100_000):
        os.kill(one.pid, signal.SIGCHLD)
        if number == 50_000:
            os.kill(one.pid, signal.SIGTERM)
    assert one.wait() == 0
    turns.write_text("")  # the kernel's time for each signal counts as that of the turn which it interrupts


def test_idle_means_no_wake_up(daemon: Make) -> None:
    one = daemon("".join(f"[program:p{n}]\n{SLEEP}" for n in range(20)))
    for n in range(20):
        one.wait_state(f"p{n}", "RUNNING")
    eventually(lambda: sleeps(one.pid), timeout=15)
    assert len(os.listdir(f"/proc/{one.pid}/task")) == 1


@pytest.mark.parametrize(
    ("command", "code"), [("true", 0), ("sh -c 'exit 6'", 6), ("sh -c 'kill -9 $$'", 137)]
)
def test_a_main_program_ends_the_container_with_its_code(daemon: Make, command: str, code: int) -> None:
    one = daemon(f"[program:a]\n{SLEEP}[program:job]\ncommand = {command}\nmain = true\n", wait=False)
    assert one.wait() == code


def test_a_signal_without_a_receiver_does_no_harm(daemon: Make) -> None:
    one = daemon(f"[program:a]\n{SLEEP}")
    for signum in (signal.SIGUSR1, signal.SIGALRM, signal.SIGRTMIN + 1):
        one.signal(signum)
    assert one.row("a")["state"] in ("STARTING", "RUNNING")
    assert one.process.poll() is None


def test_the_termination_message(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "termination"
    one = daemon(
        f"[supervice]\nsocket = none\ntermination_log = {note}\n[program:a]\n{SLEEP}[program:bad]\n"
        "command = sh -c 'echo one; echo two; exit 9'\ncritical = true\nautorestart = false\nstartsecs = 0\n",
        wait=False,
    )
    assert one.wait() == 9
    assert note.read_text() == "critical program bad failed: exit code 9\none\ntwo\n"


def test_started_with_its_standard_streams_closed(tmp_path: Path) -> None:
    import subprocess
    import sys

    note = tmp_path / "note"
    config = tmp_path / "c.conf"
    config.write_text(
        f"[supervice]\nsocket = none\n[program:a]\ncommand = sh -c 'echo out; ls -l /proc/self/fd > {note}'\n"
        "startsecs = 0\nautorestart = false\n"
    )
    shell = f"exec 0<&- 1>&- 2>&-; exec {sys.executable} -m supervice.cli -c {config}"
    assert subprocess.run(["sh", "-c", shell], timeout=20, check=False).returncode == 0
    assert "/dev/null" in note.read_text()
    assert "eventpoll" not in note.read_text()


def test_a_oneshot_is_done_when_it_ends(daemon: Make) -> None:
    one = daemon(
        f"[program:setup]\ncommand = sh -c 'echo set up'\ntype = oneshot\n[program:bad]\ncommand = false\n"
        f"type = oneshot\n[program:a]\n{SLEEP}"
    )
    assert one.wait_state("setup", "EXITED")["exitcode"] == 0
    assert one.wait_state("bad", "FATAL")["exitcode"] == 1
    assert one.ask("start", "setup")["message"] == "Started setup"


def test_formats_of_programs(daemon: Make) -> None:
    one = daemon(
        "[program:p]\ncommand = sh -c 'echo hello; exec sleep 100'\nlog_format = prefix\n"
        "[program:j]\ncommand = sh -c 'echo hello; exec sleep 100'\nlog_format = json\n"
        "[program:t]\ncommand = sh -c 'echo hello; exec sleep 100'\nlog_format = prefix-time\n"
    )
    one.wait_text("p | hello\n")
    one.wait_text('"program":"j","stream":"stdout"')
    eventually(lambda: re.search(r"(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z t \| hello$", one.text()))


def test_the_last_lines_and_following_them(daemon: Make) -> None:
    from supervice.control.client import Client

    one = daemon(
        "[program:a]\ncommand = sh -c 'echo one; echo two; echo bad >&2; sleep 0.2; exit 3'\nstartsecs = 0\n"
        "backoff = 0.2\nbackoff_factor = 1\n"
    )
    one.wait_text("two\n")
    eventually(lambda: len(one.ask("logs", "a")["logs"]) >= 3)
    assert {frame["data"] for frame in one.ask("logs", "a", lines=50)["logs"]} == {"one\n", "two\n", "bad\n"}
    assert [frame["data"] for frame in one.ask("logs", "a", lines=1, stderr=True)["logs"]] == ["bad\n"]
    with Client(str(one.socket)) as client:
        client.send({"command": "logs", "name": "a", "follow": True, "lines": 0})
        seen = ""
        while seen.count("one\n") < 3:  # through restarts
            frame = client.receive(20)
            assert frame is not None
            seen += frame["data"]
    exits = one.ask("why", "a")["exits"]
    assert (exits[-1]["exitcode"], exits[-1]["output"][-1]) == (3, "bad")
    assert exits[-1]["runtime"] >= 0.2
    kinds = [event["type"] for event in one.ask("events")["events"]]
    assert kinds[:3] == ["PROCESS_STATE_STARTING", "PROCESS_STATE_RUNNING", "PROCESS_STATE_EXITED"]
    with Client(str(one.socket)) as client:
        client.send({"command": "events", "follow": True})
        frame = client.receive(20)
        assert frame is not None
        assert frame["event"]["name"] == "a"


def test_logs_answer_during_shutdown(daemon: Make) -> None:
    one = daemon(
        "[program:a]\ncommand = sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.05; done'\nstartsecs = 0\nstopwaitsecs = 2\n"
    )
    one.wait_text("\nup\n")
    one.signal(signal.SIGTERM)
    one.wait_state("a", "STOPPING")
    assert one.ask("logs", "a")["logs"][0]["data"] == "up\n"
