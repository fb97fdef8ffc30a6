"""`why` says what is, what follows, what brought it about, and shows each exit with its own last lines."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

Make = Callable[..., Daemon]


def why(one: Daemon, name: str) -> dict[str, Any]:
    return one.ask("why", name)


def test_exits_have_their_own_lines_and_the_next_step_is_said(daemon: Make) -> None:
    one = daemon(
        "[program:a]\ncommand = sh -c 'echo run $$; exit 3'\nstartsecs = 0.2\nbackoff = 0.1\n"
        "backoff_factor = 1\nstartretries = 2\n[program:b]\ncommand = sleep 1000\n"
    )
    one.wait_state("a", "FATAL")
    reply = why(one, "a")
    assert [exit_["output"] for exit_ in reply["exits"]] == [
        [f"run {exit_['pid']}"] for exit_ in reply["exits"]
    ]
    assert len(reply["exits"]) == 3
    assert reply["trigger"] == "exit: exit code 3"
    assert reply["next"] == "stays so until: supervicectl start a"


def test_what_an_operator_a_check_and_a_signal_did(daemon: Make) -> None:
    one = daemon(
        "[program:sick]\ncommand = sleep 1000\nstartsecs = 0\nbackoff = 60\n"
        "healthcheck_type = script\nhealthcheck_command = sh -c 'echo db is down; exit 1'\nhealthcheck_interval = 0.1\n"
        "healthcheck_retries = 1\nhealthcheck_start_period = 0\n"
        "[program:web]\ncommand = sleep 1000\nstartsecs = 0\n"
    )
    one.wait_state("sick", "BACKOFF")
    sick = why(one, "sick")
    assert sick["trigger"].startswith("health check: ")
    assert "db is down" in sick["trigger"]
    assert sick["exits"][-1]["trigger"] == sick["trigger"]
    assert sick["next"].startswith("retry 1 of 3 in ")
    one.wait_state("web", "RUNNING")
    assert why(one, "web")["trigger"] == "start of supervice"
    one.ask("restart", "web")
    assert why(one, "web")["trigger"] == "operator: restart"
    assert why(one, "web")["exits"][-1]["trigger"] == "operator: restart"
    one.ask("signal", "web", signal="KILL")
    eventually(lambda: len(why(one, "web")["exits"]) == 2)
    assert why(one, "web")["exits"][-1]["trigger"] == "operator: signal"
    one.wait_state("web", "RUNNING")
    assert why(one, "web")["trigger"] == "autorestart: killed by SIGKILL"
    one.ask("stop", "web")
    assert why(one, "web")["trigger"] == "operator: stop"
    events = one.ask("events")["events"]
    assert all(event["trigger"] for event in events if event["type"].startswith("PROCESS_STATE"))


def test_a_dependency_a_reload_and_the_end(daemon: Make) -> None:
    text = "[program:db]\ncommand = sleep 1000\nstartsecs = 0.2\n[program:app]\ncommand = sleep 1000\n{}depends_on = db\n"
    one = daemon(text.format("startsecs = 0\n"))
    one.wait_state("app", "RUNNING")
    assert why(one, "app")["trigger"].startswith("dependency: db is ")
    one.rewrite(text.format("startsecs = 0\ndirectory = /tmp\n"))
    one.ask("reload")
    one.wait_state("app", "RUNNING")
    assert why(one, "app")["trigger"] == "reload: directory changed"
    assert why(one, "app")["exits"][-1]["trigger"] == "reload: directory changed"
    one.signal(signal.SIGTERM)
    assert one.wait() == 0


def test_what_has_never_run_and_what_waits(daemon: Make) -> None:
    one = daemon(
        "[program:broken]\ncommand = /nope/bin\nstartretries = 1\nbackoff = 0.1\n"
        "[program:slow]\ncommand = sleep 1000\nready = notify\n"
        "[program:app]\ncommand = sleep 1000\ndepends_on = slow:ready\n"
    )
    one.wait_state("broken", "FATAL")
    broken = why(one, "broken")
    assert broken["has_run"] is False
    assert "/nope/bin" in broken["reason"]
    assert broken["trigger"].startswith("spawn: ")
    one.wait_state("slow", "STARTING")
    assert why(one, "app")["next"] == "starts as soon as slow is ready"
    assert why(one, "app")["waiting_for"] == ["slow:ready"]


def test_the_log_says_who_is_waited_for(daemon: Make) -> None:
    one = daemon(
        "[program:web]\ncommand = sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.05; done'\nstartsecs = 0\n"
        "stopwaitsecs = 6\n[program:b]\ncommand = sleep 1000\n"
    )
    one.wait_text("up\n")
    one.ask("stop", "web")
    assert "waiting for web (STOPPING, pid " in one.text()
    assert "; SIGKILL in " in one.text()
