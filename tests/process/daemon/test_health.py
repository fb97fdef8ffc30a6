"""Health checks against real programs: failing, restarting with back-off, giving up, recovering."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon, alive

Make = Callable[..., Daemon]
SLEEP = "command = sleep 1000\nstartsecs = 0\n"
FAST = "healthcheck_interval = 0.1\nhealthcheck_timeout = 2\nhealthcheck_retries = 2\nhealthcheck_start_period = 0\n"


def test_a_script_that_fails_restarts_with_backoff_and_ends_fatal(daemon: Make) -> None:
    one = daemon(
        f"[program:a]\n{SLEEP}healthcheck_type = script\nhealthcheck_command = sh -c 'echo no good; exit 3'\n{FAST}"
        f"startretries = 1\nbackoff = 0.2\n[program:other]\n{SLEEP}"
    )
    row = one.wait_state("a", "FATAL")
    assert "still unhealthy after 1 restarts" in row["reason"]
    assert "no good" in row["reason"]
    assert row["restarts"] == 1
    text = one.text()
    assert "2 health checks failed in a row" in text
    assert "; retry 1 of 1 in " in text


def test_health_is_seen_and_comes_back(daemon: Make, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    one = daemon(
        f"[program:a]\n{SLEEP}healthcheck_type = script\nhealthcheck_command = test -e {flag}\n{FAST}"
        "healthcheck_retries = 1000\n".replace("healthcheck_retries = 2\n", "")
    )
    eventually(lambda: one.row("a")["healthy"] is True)
    assert one.ask("health")["healthy"] is True
    flag.unlink()
    eventually(lambda: one.row("a")["healthy"] is False)
    assert one.ask("health")["healthy"] is True  # one failed check is not yet UNHEALTHY
    flag.touch()
    eventually(lambda: one.row("a")["healthy"] is True)


def test_tcp(daemon: Make) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(50)
        port = sock.getsockname()[1]
        one = daemon(
            f"[program:a]\n{SLEEP}healthcheck_type = tcp\nhealthcheck_port = {port}\n"
            f"healthcheck_host = localhost\n{FAST}backoff = 0.1\nstartretries = 100\n"
        )
        eventually(lambda: one.row("a")["healthy"] is True)
        first = one.row("a")["pid"]
    row = eventually(lambda: one.row("a")["pid"] not in (None, first) and one.row("a"))
    assert row["restarts"] >= 1
    assert "cannot connect to localhost" in one.text()


def test_a_hanging_check_dies_with_its_whole_group(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "pids"
    one = daemon(
        f"[program:a]\n{SLEEP}healthcheck_type = script\nhealthcheck_interval = 1000\nhealthcheck_timeout = 0.3\n"
        f"healthcheck_retries = 1000\nhealthcheck_command = sh -c 'sleep 500 & echo $! > {note}; wait'\n"
    )
    helper = int(eventually(lambda: note.exists() and note.read_text().strip()))
    one.wait_text("took longer than 0.3 s and was killed")
    eventually(lambda: not alive(helper))
    assert one.row("a")["state"] == "RUNNING"


def test_failures_in_the_start_period_do_not_count(daemon: Make) -> None:
    one = daemon(
        f"[program:a]\n{SLEEP}healthcheck_type = script\nhealthcheck_command = false\nhealthcheck_retries = 1\n"
        "healthcheck_interval = 0.05\nhealthcheck_start_period = 1000\n"
    )
    eventually(lambda: one.text().count("in its start period") > 5)
    assert one.row("a")["restarts"] == 0


def test_a_stop_ends_the_checks(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "note"
    one = daemon(
        f"[program:a]\n{SLEEP}healthcheck_type = script\nhealthcheck_command = sh -c 'echo x >> {note}; exit 1'\n"
        f"{FAST}".replace("healthcheck_retries = 2", "healthcheck_retries = 1000")
    )
    eventually(note.exists)
    one.ask("stop", "a")
    assert one.row("a")["state"] == "STOPPED"
    count = note.read_text()
    one.ask("status")
    assert len(note.read_text()) - len(count) <= 2


def test_what_unhealthy_leads_to(daemon: Make) -> None:
    sick = f"{SLEEP}healthcheck_type = script\nhealthcheck_command = false\n{FAST}"
    one = daemon(f"[program:a]\n{sick}healthcheck_action = none\n")
    pid = one.wait_state("a", "UNHEALTHY")["pid"]
    assert alive(pid)
    assert one.ask("health")["healthy"] is False
    two = daemon(f"[program:a]\n{sick}healthcheck_action = shutdown\n[program:b]\n{SLEEP}", wait=False)
    assert two.wait() == 1


def test_t5_a_check_that_is_too_long_to_be_run_says_nothing(daemon: Make) -> None:
    """E2BIG is about the command of the check; the program runs on, and the log says why nothing is known."""
    one = daemon(
        f"[program:a]\n{SLEEP}healthcheck_type = script\nhealthcheck_command = test {'x' * 200_000}\n"
        "healthcheck_interval = 0.1\nhealthcheck_retries = 1\nstartretries = 0\n"
    )
    text = one.wait_text("cannot tell whether it is healthy: the check could not be run")
    assert "word 2 of the command is too long: 200001 bytes" in text
    eventually(lambda: one.text().count("cannot tell whether") > 3)
    row = one.row("a")
    assert (row["state"], row["healthy"], row["restarts"]) == ("RUNNING", None, 0)
    assert "is too long" in row["health_message"]


def test_t11_a_program_that_is_too_long_to_be_run_is_fatal_at_once_and_says_what(daemon: Make) -> None:
    one = daemon(
        f"[program:a]\ncommand = sleep 1000\nenvironment = BIG={'x' * 200_000}\n"
        "[program:b]\ncommand = sleep 1000\n"
    )
    row = one.wait_state("a", "FATAL")
    assert "the variable BIG is too long: 200005 bytes" in row["reason"]
    assert row["restarts"] == 0
    assert "xxxx" not in one.text()
