"""The daemon says what is true: of its health, of the code it ends with, of what it was asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

Make = Callable[..., Daemon]
KEEPS = "[program:keeps]\ncommand = sleep 1000\nstartsecs = 0\n"


def test_d1_health_tells_the_truth_about_each_name(daemon: Make) -> None:
    one = daemon(
        "[program:broken]\ncommand = /no/such/thing\nstartretries = 0\n"
        "[program:sick]\ncommand = sleep 1000\nstartsecs = 0\nstartretries = 0\nhealthcheck_type = script\n"
        "healthcheck_command = sh -c 'echo db is down; exit 1'\nhealthcheck_interval = 0.1\nhealthcheck_retries = 2\n"
        f"[program:later]\ncommand = sleep 1000\nautostart = false\n{KEEPS}"
    )
    one.wait_state("broken", "FATAL")
    one.wait_state("sick", "FATAL")
    rows = {row["name"]: (row["state"], row["healthy"]) for row in one.ask("health")["processes"]}
    assert rows == {
        "broken": ("FATAL", False),
        "sick": ("FATAL", False),
        "later": ("STOPPED", None),
        "keeps": ("RUNNING", None),
    }
    said = {name: one.ask("health", name)["healthy"] for name in rows}
    assert said == {"broken": False, "sick": False, "later": False, "keeps": True}
    reply = one.ask("health")
    assert reply["healthy"] is False
    assert reply["message"].startswith("not healthy: broken is FATAL: ")
    assert one.ask("health", kind="live")["healthy"] is True


def test_d1_a_container_without_programs_is_not_healthy(daemon: Make) -> None:
    one = daemon("")
    reply = one.ask("health")
    assert (reply["healthy"], reply["message"]) == (False, "not healthy: there are no programs")


@pytest.mark.parametrize("important", ["main", "critical"])
def test_d2_what_can_never_start_ends_the_container(daemon: Make, important: str) -> None:
    one = daemon(
        f"[program:setup]\ntype = oneshot\ncommand = sh -c 'exit 7'\n{KEEPS}"
        f"[program:app]\ncommand = sleep 1000\n{important} = true\ndepends_on = setup:completed\n",
        wait=False,
    )
    assert one.wait() == 7
    assert (
        f"exiting with code 7: {important} program app can never start: needs setup:completed" in one.text()
    )


def test_d5_the_first_failure_could_not_be_spawned(daemon: Make) -> None:
    one = daemon(
        "[program:missing]\ncommand = /nope/bin\nstartretries = 0\n"
        "[program:later]\ncommand = sh -c 'sleep 0.5; exit 3'\nstartretries = 0\n",
        wait=False,
    )
    assert one.wait() == 127


def test_r7_a_container_with_nothing_that_can_be_found_ends(daemon: Make) -> None:
    one = daemon("[program:x]\ncommand = nosuchcmd\nstartretries = 0\n", wait=False)
    assert one.wait() == 127


@pytest.mark.parametrize(
    "options",
    [
        "ready = notify\nready_timeout = 0.3\n",
        "startsecs = 0\nhealthcheck_type = script\nhealthcheck_command = false\nhealthcheck_interval = 0.1\n",
    ],
)
def test_t8_the_code_is_not_that_of_our_own_term(daemon: Make, options: str) -> None:
    one = daemon(f"[program:x]\ncommand = sleep 1000\nstartretries = 0\n{options}", wait=False)
    assert one.wait() == 1


def test_s5_a_quick_oneshot_of_a_stock_file_is_no_failure(daemon: Make, tmp_path: object) -> None:
    one = daemon(
        f"[supervice]\nsocket = {tmp_path}/s\n[program:a]\ncommand = true\nstartretries = 0\n", wait=False
    )
    assert one.wait() == 1
    stock = f"[supervisord]\n[unix_http_server]\nfile = {tmp_path}/t\n[program:a]\ncommand = true\nstartretries = 0\n"
    two = daemon(f"; [supervice]\n{stock}", "-s", f"{tmp_path}/u", wait=False)
    assert two.wait() == 0, two.text()


def test_k6_health_says_what_was_asked(daemon: Make) -> None:
    one = daemon(
        "[program:web]\ncommand = sh -c 'trap \"sleep 1; exit 0\" TERM; echo up; while :; do sleep 0.05; done'\n"
        "startsecs = 0\n"
    )
    one.wait_text("up\n")
    assert one.ask("health", kind="ready")["message"] == "ready"
    assert one.ask("health", kind="live")["message"] == "live"
    assert one.ask("health")["message"] == "healthy"
    one.ask("shutdown")
    reply = one.ask("health", kind="ready")
    assert (reply["healthy"], reply["message"].startswith("not ready: shutting down")) == (False, True)
    eventually(lambda: one.process.poll() is not None)
