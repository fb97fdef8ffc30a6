"""`depends_on` with real programs: order by event times, failures, recovery by hand, stops, reloads, shutdown."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon, alive

Make = Callable[..., Daemon]
SLEEP = "command = sleep 1000\nstartsecs = 0\n"


def moments(one: Daemon) -> dict[tuple[str, str], int]:
    """Position of the first time that a process came into a state, in the order of events."""
    found: dict[tuple[str, str], int] = {}
    events = one.ask("events")["events"]
    assert [e["time"] for e in events] == sorted(e["time"] for e in events)
    for number, event in enumerate(events):
        found.setdefault((event["name"], event["to_state"] if "to_state" in event else event["type"]), number)
    return found


def at(one: Daemon, name: str, state: str) -> int:
    return moments(one)[name, f"PROCESS_STATE_{state}"]


def oneshot(name: str, command: str, *more: str) -> str:
    return f"[program:{name}]\ntype = oneshot\ncommand = sh -c '{command}'\n" + "".join(
        f"{m}\n" for m in more
    )


def database(flag: Path, *more: str) -> str:
    return (
        f"[program:db]\n{SLEEP}healthcheck_type = script\nhealthcheck_command = test -e {flag}\n"
        "healthcheck_interval = 0.1\nhealthcheck_action = none\n" + "".join(f"{m}\n" for m in more)
    )


def test_each_waits_for_its_conditions(daemon: Make, tmp_path: Path) -> None:
    flag = tmp_path / "up"
    one = daemon(
        f"[program:web]\n{SLEEP}depends_on = app\npriority = 1\n"
        f"[program:app]\n{SLEEP}depends_on = migrate:completed, db:healthy\n"
        f"[program:other]\n{SLEEP}"
        + oneshot("migrate", "sleep 0.2", "depends_on = db:healthy")
        + database(flag)
    )
    one.wait_state("db", "RUNNING")
    one.wait_state("other", "RUNNING")
    rows = one.status()
    assert {name: row["waiting_for"] for name, row in rows.items()} == {
        "web": ["app:started"],
        "app": ["migrate:completed", "db:healthy"],
        "migrate": ["db:healthy"],
        "db": [],
        "other": [],
    }
    assert rows["web"]["state"] == rows["app"]["state"] == "STOPPED"
    flag.touch()
    one.wait_state("web", "RUNNING")
    assert at(one, "db", "RUNNING") < at(one, "migrate", "STARTING")
    assert at(one, "migrate", "EXITED") < at(one, "app", "STARTING")
    assert at(one, "app", "RUNNING") < at(one, "web", "STARTING")
    assert one.row("web")["waiting_for"] == []


def test_all_processes_of_a_dependency_count(daemon: Make) -> None:
    one = daemon(
        f"[program:x]\n{SLEEP}depends_on = w\n[group:g]\nprograms = w\n"
        "[program:w]\nnumprocs = 3\nstartsecs = 0.3\ncommand = sleep 1000\n"
    )
    assert one.row("x")["waiting_for"] == ["w:00:started", "w:01:started", "w:02:started"]
    one.wait_state("x", "RUNNING")
    times = moments(one)
    up = [n for (name, state), n in times.items() if name != "x" and state == "PROCESS_STATE_RUNNING"]
    assert len(up) == 3
    assert max(up) < at(one, "x", "STARTING")


def test_a_dependency_that_failed_leaves_the_rest_stopped_until_a_start_is_asked_for(
    daemon: Make, tmp_path: Path
) -> None:
    flag = tmp_path / "fixed"
    one = daemon(
        oneshot("migrate", f"test -e {flag} || exit 3")
        + f"[program:app]\n{SLEEP}depends_on = migrate:completed\n"
        + f"[program:web]\n{SLEEP}depends_on = app\n"
        + f"[program:other]\n{SLEEP}"
    )
    one.wait_state("migrate", "FATAL")
    rows = one.status()
    assert rows["app"]["reason"].startswith("needs migrate:completed, but migrate is FATAL: gave up after")
    assert rows["web"]["reason"].startswith("needs app:started, but migrate is FATAL")
    assert (rows["app"]["state"], rows["app"]["waiting_for"]) == ("STOPPED", [])
    reply = one.ask("start", "web")
    assert reply["status"] == "error"
    assert "web did not reach RUNNING (state: STOPPED): needs app:started, but migrate" in reply["message"]
    assert one.ask("wait", "web", timeout=0.1)["status"] == "error"
    flag.touch()
    assert one.ask("start", "web")["message"] == "Started web"
    rows = one.status()
    assert [rows[n]["state"] for n in ("migrate", "app", "web")] == ["EXITED", "RUNNING", "RUNNING"]
    assert rows["web"]["reason"] == ""


def test_nothing_left_but_what_waits_for_a_failure_is_the_end(daemon: Make) -> None:
    one = daemon(
        oneshot("migrate", "sleep 0.3; exit 3") + f"[program:app]\n{SLEEP}depends_on = migrate:completed\n"
    )
    assert one.wait() == 3


def test_a_stop_while_waiting_is_done_at_once_and_stays(daemon: Make, tmp_path: Path) -> None:
    flag = tmp_path / "up"
    one = daemon(database(flag) + f"[program:app]\n{SLEEP}depends_on = db:healthy\n")
    one.wait_state("db", "RUNNING")
    assert one.ask("wait", "app", **{"for": "exited", "timeout": 0.1})["status"] == "error"
    begun = time.monotonic()
    reply = one.ask("restart", "app")
    assert "waits for db:healthy" in reply["message"]
    assert one.ask("start", "app", timeout=0.1)["message"].endswith("(state: STOPPED): waits for db:healthy")
    assert one.ask("stop", "app")["message"] == "Stopped app"
    assert time.monotonic() - begun < 20
    assert one.row("app")["waiting_for"] == []
    flag.touch()
    eventually(lambda: one.row("db")["healthy"])
    time.sleep(0.3)
    assert one.row("app")["state"] == "STOPPED"
    assert one.ask("start", "app")["status"] == "ok"


def test_running_dependents_are_left_alone(daemon: Make) -> None:
    one = daemon(f"[program:db]\n{SLEEP}[program:app]\n{SLEEP}depends_on = db\n")
    pid = one.wait_state("app", "RUNNING")["pid"]
    assert one.ask("restart", "db")["status"] == "ok"
    assert one.ask("stop", "db")["status"] == "ok"
    assert one.row("app")["pid"] == pid
    os.kill(pid, signal.SIGKILL)  # it is started again by itself, whatever db does
    eventually(lambda: one.row("app")["pid"] not in (None, pid))
    assert one.row("db")["state"] == "STOPPED"
    one.ask("stop", "app")
    assert one.ask("start", "app")["status"] == "ok"  # by hand: db comes first
    assert one.row("db")["state"] == "RUNNING"


def test_a_reload_checks_the_graph_first_and_new_ones_wait(daemon: Make, tmp_path: Path) -> None:
    flag = tmp_path / "up"
    base = database(flag)
    one = daemon(base + f"[program:old]\n{SLEEP}")
    pid = one.wait_state("old", "RUNNING")["pid"]
    one.rewrite(base + f"[program:old]\n{SLEEP}depends_on = new\n[program:new]\n{SLEEP}depends_on = old\n")
    reply = one.ask("reload")
    assert reply["status"] == "error"
    assert f"{one.config}:" in reply["problems"][0]
    assert "old -> new -> old" in reply["problems"][0]
    assert list(one.status()) == ["db", "old"]
    one.rewrite(
        base
        + f"[program:old]\n{SLEEP}depends_on = db:healthy\n[program:new]\n{SLEEP}depends_on = db:healthy, old\n"
    )
    assert one.ask("reload")["added"] == ["new"]
    assert one.row("old")["pid"] == pid
    assert one.row("new")["waiting_for"] == ["db:healthy"]
    one.rewrite(base + f"[program:old]\n{SLEEP}[program:new]\n{SLEEP}depends_on = old\n")
    assert one.ask("reload")["changed"] == []
    one.wait_state("new", "RUNNING")


def test_a_reload_gives_what_was_left_stopped_another_chance(daemon: Make) -> None:
    app = f"[program:app]\n{SLEEP}depends_on = migrate:completed\n[program:other]\n{SLEEP}"
    one = daemon(oneshot("migrate", "exit 3") + app)
    one.wait_state("migrate", "FATAL")
    one.rewrite(oneshot("migrate", "exit 0") + app)
    assert one.ask("reload")["changed"] == ["migrate"]
    one.wait_state("app", "RUNNING")


def test_stops_in_the_exact_reverse_and_starts_nothing_meanwhile(daemon: Make, tmp_path: Path) -> None:
    log = tmp_path / "log"
    slow = "command = sh -c 'trap \"sleep 0.2; echo $0 >> %s; exit\" TERM; while :; do sleep 0.05; done' %s\n"
    one = daemon(
        f"[program:c]\nstartsecs = 0\npriority = 1\n{slow % (log, 'c')}depends_on = b\n"
        f"[program:b]\nstartsecs = 0\npriority = 2\n{slow % (log, 'b')}depends_on = a\n"
        f"[program:a]\nstartsecs = 0\n{slow % (log, 'a')}"
        f"[program:never]\n{SLEEP}depends_on = late, c\n"
        f"[program:late]\ncommand = sleep 1000\nautostart = false\n"
        "startsecs = 60\n"
    )
    one.wait_state("c", "RUNNING")
    one.wait_state("late", "STARTING")  # pulled up by what needs it
    time.sleep(0.3)  # the shells have their traps
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    assert log.read_text().split() == ["c", "b", "a"]


def test_the_command_comes_after_all(daemon: Make, tmp_path: Path) -> None:
    flag = tmp_path / "up"
    one = daemon(
        database(flag) + f"[program:app]\n{SLEEP}depends_on = db:healthy\n", "--", "sh", "-c", "exit 7"
    )
    one.wait_state("db", "RUNNING")
    assert one.row("main")["state"] == "STOPPED"
    assert alive(one.pid)
    flag.touch()
    assert one.wait() == 7


def test_the_command_waits_for_readiness_checks_too(daemon: Make, tmp_path: Path) -> None:
    flag = tmp_path / "up"
    one = daemon(
        f"[program:db]\n{SLEEP}readiness_type = script\nreadiness_command = test -e {flag}\n"
        "readiness_interval = 0.05\n"
        "[program:broken]\ncommand = sh -c 'exit 1'\nstartretries = 0\n",  # nothing waits for this one
        "--", "sh", "-c", "exit 7",
    )  # fmt: skip
    one.wait_state("db", "RUNNING")
    one.wait_state("broken", "FATAL")
    eventually(lambda: "failed" in one.row("db")["ready_message"])
    assert one.row("main")["state"] == "STOPPED"
    flag.touch()
    assert one.wait() == 7
