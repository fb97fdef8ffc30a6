"""Restarts of several processes, one after the other."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

Make = Callable[..., Daemon]
NAMES = ("web:00", "web:01", "web:02", "web:03")


def program(script: str, *more: str) -> str:
    lines = ("[program:web]", f"command = sh -c '{script}'", "numprocs = 4", "startsecs = 0", "ready = fd:3")
    return "\n".join((*lines, *more, ""))


def begun(one: Daemon) -> dict[str, int]:
    for name in NAMES:
        one.wait_state(name, "RUNNING")
    return {name: one.row(name)["pid"] for name in NAMES}


READY = "echo >&3; exec sleep 1000"


def order(one: Daemon) -> list[str]:
    """What happened to the processes, in the order of the events."""
    found = []
    for event in one.ask("events")["events"]:
        kind = {"PROCESS_STATE_STOPPING": "down", "PROCESS_STATE_RUNNING": "up"}.get(str(event.get("type")))
        if kind:
            found.append(f"{str(event.get('name'))[-2:]} {kind}")
    return found


def test_one_after_the_other_each_when_the_one_before_is_ready(daemon: Make) -> None:
    one = daemon(program(READY))
    before = begun(one)
    assert one.ask("restart", "web:*", rolling=True)["status"] == "ok"
    after = begun(one)
    assert not set(before.values()) & set(after.values())
    one_by_one = [f"{number:02} {way}" for number in range(4) for way in ("down", "up")]
    assert order(one)[-8:] == one_by_one


def test_two_at_a_time(daemon: Make) -> None:
    one = daemon(program(READY))
    begun(one)
    command = [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket)]
    done = subprocess.run(
        [*command, "restart", "--rolling", "--batch", "2", "web:*"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"Restarted (\S+)", done.stdout) == list(NAMES)
    steps = order(one)[-8:]
    assert sorted(steps[:4]) == ["00 down", "00 up", "01 down", "01 up"]
    assert sorted(steps[4:]) == ["02 down", "02 up", "03 down", "03 up"]
    assert {step[-4:] for step in steps[:2]} == {"down"}


def test_the_first_that_is_not_ready_ends_it(daemon: Make, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    script = f"test -e {bad} && exit 1; {READY}"
    one = daemon(program(script, "startretries = 0"))
    before = begun(one)
    bad.touch()
    reply = one.ask("restart", "web:*", rolling=True)
    assert reply["status"] == "error"
    said = {row["name"]: row["message"] for row in reply["results"]}
    assert "web:00 did not reach RUNNING (state: FATAL)" in said["web:00"]
    for name in NAMES[1:]:
        assert said[name] == f"{name} was left as it was: web:00 did not become ready"
        assert one.row(name)["pid"] == before[name]
    bad.unlink()
    assert one.ask("restart", "web:*", rolling=True)["status"] == "ok", "what is FATAL is started"
    assert begun(one)["web:00"] != before["web:00"]


def test_one_that_never_says_ready_ends_it_too(daemon: Make, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    script = f"test -e {bad} && exec sleep 1000; {READY}"
    one = daemon(program(script, "startretries = 0", "ready_timeout = 0.5"))
    before = begun(one)
    bad.touch()
    assert one.ask("restart", "web:*", rolling=True)["status"] == "error"
    assert [one.row(name)["pid"] for name in NAMES[1:]] == [before[name] for name in NAMES[1:]]


def test_a_program_may_have_it_by_itself(daemon: Make) -> None:
    one = daemon(program(READY, "rolling = true"))
    begun(one)
    assert one.ask("restart", "all")["status"] == "ok"
    assert order(one)[-8:] == [f"{number:02} {way}" for number in range(4) for way in ("down", "up")]


def test_a_watched_file_restarts_one_after_the_other(daemon: Make, tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    watched.write_text("one")
    one = daemon(
        program(READY, "rolling = true", f"watch = {watched}", "watch_interval = 0.1", "watch_delay = 0.1")
    )
    before = begun(one)
    watched.write_text("two")
    eventually(
        lambda: not set(before.values()) & {one.row(name)["pid"] for name in NAMES}, message="all restarted"
    )
    begun(one)
    assert order(one)[-8:] == [f"{number:02} {way}" for number in range(4) for way in ("down", "up")]
