"""Restarts of several processes, one after the other."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
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


ONE_BY_ONE = [f"{number:02} {way}" for number in range(4) for way in ("down", "up")]


def test_a_reload_that_changes_the_program_rolls(daemon: Make) -> None:
    one = daemon(program(READY, "rolling = true"))
    before = begun(one)
    one.rewrite(program(READY, "rolling = true", "environment = A=1"))
    assert one.ask("reload")["status"] == "ok"
    after = begun(one)
    assert not set(before.values()) & set(after.values())
    assert order(one)[-8:] == ONE_BY_ONE
    assert one.ask("reload", dry_run=True)["changed"] == []


def test_a_reload_that_breaks_the_program_breaks_one_process(daemon: Make) -> None:
    one = daemon(program(READY, "rolling = true", "startretries = 0"))
    before = begun(one)
    one.rewrite(program("exit 1", "rolling = true", "startretries = 0"))
    reply = one.ask("reload")
    assert reply["status"] == "error"
    assert "web:00 did not become ready with its new settings" in reply["message"]
    assert "web:01, web:02, web:03 stay as before" in reply["message"]
    assert "nothing was reloaded" not in reply["message"]
    assert one.row("web:00")["state"] == "FATAL"
    for name in NAMES[1:]:
        assert one.row(name)["pid"] == before[name]
    assert one.ask("reload", dry_run=True)["changed"] == list(NAMES[1:]), "they still have the old settings"
    one.rewrite(program(READY, "rolling = true", "environment = A=2"))
    assert one.ask("reload")["status"] == "ok"
    after = begun(one)
    assert not set(before.values()) & set(after.values())


def test_what_is_stopped_gets_the_new_settings_and_stays_stopped(daemon: Make) -> None:
    one = daemon(program(READY, "rolling = true"))
    begun(one)
    one.ask("stop", "web:01")
    one.rewrite(program(READY, "rolling = true", "environment = A=1"))
    assert one.ask("reload")["status"] == "ok"
    assert one.row("web:01")["state"] == "STOPPED"
    assert one.ask("reload", dry_run=True)["changed"] == []


def test_what_an_operator_stops_while_it_rolls_stays_stopped(daemon: Make) -> None:
    slow = f"sleep 0.5; {READY}"
    one = daemon(program(slow, "rolling = true"))
    begun(one)
    one.rewrite(program(slow, "rolling = true", "environment = A=1"))
    done: list[dict[str, object]] = []
    reload = threading.Thread(target=lambda: done.append(one.ask("reload")))
    reload.start()
    one.wait_state("web:00", "STARTING", "STOPPED", "STOPPING")
    assert one.ask("stop", "web:03")["status"] == "ok"
    reload.join()
    assert done[0]["status"] == "ok"
    assert one.row("web:03")["state"] == "STOPPED"
    assert one.ask("reload", dry_run=True)["changed"] == []


def test_the_end_of_the_main_program_does_not_wait_for_the_rest_of_a_reload(daemon: Make) -> None:
    main = "[program:main]\ncommand = sh -c 'until test -p go; do sleep 0.05; done; read x < go; exit 3'\nmain = true\nstartsecs = 0\n"
    slow = f"sleep 3; {READY}"
    one = daemon(main + program(READY, "rolling = true"))
    os.mkfifo(one.directory / "go")
    begun(one)
    one.rewrite(main + program(slow, "rolling = true"))
    one.signal(signal.SIGHUP)
    one.wait_state("web:00", "STARTING")
    began = time.monotonic()
    (one.directory / "go").write_text("x\n")
    assert one.wait() == 3
    assert time.monotonic() - began < 9


def test_two_rolling_restarts_come_one_after_the_other(daemon: Make) -> None:
    """Otherwise the second would take one process down while the first has another one down."""
    slow = f"sleep 0.3; {READY}"
    one = daemon(program(slow, "rolling = true"))
    begun(one)
    first = threading.Thread(target=lambda: one.ask("restart", "web:*"))
    first.start()
    eventually(lambda: "01 down" in order(one), message="the first is at the second process")
    assert one.ask("restart", "web:*")["status"] == "ok"
    first.join()
    assert order(one)[-16:] == ONE_BY_ONE * 2


BIG = """\
import os, time
os.write(3, b"\\n")
if not os.path.exists("begun" + os.environ["SUPERVISOR_PROCESS_NAME"]):
    open("begun" + os.environ["SUPERVISOR_PROCESS_NAME"], "w").close()
    block = b"x" * (60 << 20)
time.sleep(1000)
"""


def big(one: Path, *more: str) -> str:
    (one / "big.py").write_text(BIG)
    lines = program("", "rolling = true", "memory_limit = 50MB", "backoff = 0.1", *more).splitlines()
    lines[1] = f"command = {sys.executable} -S {one}/big.py"
    return "\n".join((*lines, ""))


def test_what_is_above_its_memory_limit_is_restarted_one_after_the_other(
    daemon: Make, tmp_path: Path
) -> None:
    one = daemon(big(tmp_path))
    before = begun(one)

    def all_restarted() -> bool:
        rows = one.status()
        down = [name for name in NAMES if rows[name]["state"] not in ("RUNNING", "UNHEALTHY")]
        assert len(down) <= 1, down
        return all(rows[name]["restarts"] == 1 and rows[name]["ready"] for name in NAMES)

    eventually(all_restarted, 30, message=one.text())
    assert not set(before.values()) & set(begun(one).values())
    assert [step[3:] for step in order(one)[-8:]] == ["down", "up"] * 4


def test_the_first_above_its_memory_limit_that_does_not_come_back_ends_it(
    daemon: Make, tmp_path: Path
) -> None:
    one = daemon(big(tmp_path, "startretries = 1"))
    before = begun(one)
    (tmp_path / "big.py").write_text("raise SystemExit(1)")
    fatal = eventually(
        lambda: [name for name in NAMES if one.row(name)["state"] == "FATAL"], 30, message="one gave up"
    )
    assert fatal is not None
    (failed,) = fatal
    others = [name for name in NAMES if name != failed]
    for name in others:
        one.wait_state(name, "UNHEALTHY")
        one.wait_text(f"{name}: its restart waits: {failed} is not ready")
    assert [one.row(name)["pid"] for name in others] == [before[name] for name in others]
