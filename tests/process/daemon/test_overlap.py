"""`overlap = true`: the new process starts beside the old one, which is stopped when the new one is ready."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.paths import ROOT
from tests.ports import free_port
from tests.process.harness.daemon import Daemon, alive

Make = Callable[..., Daemon]
SERVER = f"{sys.executable} -S {ROOT}/tests/programs/overlapping.py"
STAYS = "[program:stays]\ncommand = sleep 1000\n"  # or the daemon would end with the last program


def program(port: int, directory: Path, *more: str, slow: float = 0, setting: str = "") -> str:
    lines = (
        "[program:web]",
        f"command = {SERVER}",
        f"environment = DO={directory},SLOW={slow},SETTING={setting}",
        f"listen = tcp:127.0.0.1:{port}",
        "startsecs = 0",
        "stopwaitsecs = 5",
        "ready = log:serving",
        "ready_timeout = 10",
        "overlap = true",
    )
    return "\n".join((*lines, *more, ""))


def ask(port: int) -> int:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        data = b""
        while more := sock.recv(4096):
            data += more
    return int(data)


class Load:
    """200 connections a second, each in a thread of its own; how long each took, and what went wrong."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: list[tuple[int, float]] = []
        self.faults: list[Exception] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _connect(self) -> None:
        began = time.monotonic()
        try:
            pid = ask(self.port)
            self.answers.append((pid, time.monotonic() - began))
        except (OSError, ValueError) as error:
            self.faults.append(error)

    def _run(self) -> None:
        began, count = time.monotonic(), 0
        threads = []
        while not self._over.is_set():
            threads.append(threading.Thread(target=self._connect))
            threads[-1].start()
            count += 1
            self._over.wait(max(0.0, began + count / 200 - time.monotonic()))
        for thread in threads:
            thread.join()

    def __enter__(self) -> Load:
        self._thread.start()
        eventually(lambda: len(self.answers) > 20, message="there is load")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def up(one: Daemon) -> int:
    pid = one.wait_state("web", "RUNNING")["pid"]
    assert isinstance(pid, int)
    return pid


def beside(one: Daemon) -> dict[str, Any]:
    found: dict[str, Any] | None = eventually(lambda: one.row("web")["beside"], message="two processes")
    assert found is not None
    return found


def in_background(one: Daemon, *words: str, **more: Any) -> tuple[threading.Thread, list[dict[str, object]]]:
    replies: list[dict[str, object]] = []
    thread = threading.Thread(target=lambda: replies.append(one.ask(*words, **more)))
    thread.start()
    return thread, replies


@pytest.mark.parametrize("kept", [True, False], ids=["overlap", "control"])
def test_a_restart_under_load_has_no_gap(daemon: Make, tmp_path: Path, kept: bool) -> None:
    """A program that takes 4 s to be ready; without `overlap` requests wait for it."""
    port = free_port()
    text = program(port, tmp_path, slow=4)
    one = daemon(text if kept else text.replace("overlap = true", ""))
    before = up(one)
    with Load(port) as load:
        assert one.ask("restart", "web")["status"] == "ok"
        after = up(one)
        assert after != before
        eventually(lambda: load.answers and load.answers[-1][0] == after, message="the new one serves")
    assert load.faults == []
    assert {pid for pid, _ in load.answers} == {before, after}
    longest = max(seconds for _, seconds in load.answers)
    print(f"overlap {kept}: {len(load.answers)} answers, the slowest {longest:.3f} s")
    assert (longest < 3.5) is kept
    eventually(lambda: not alive(before), message="the old one is stopped")


def test_status_shows_both_while_it_lasts(daemon: Make, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "linger").touch()
    one = daemon(program(port, tmp_path, slow=1))
    before = up(one)
    thread, replies = in_background(one, "restart", "web")
    found = beside(one)
    row = one.row("web")
    assert (row["state"], row["pid"], row["ready"]) == ("RUNNING", before, True)
    assert found["phase"] == "new"
    assert found["pid"] != before
    assert f"the new process, pid {found['pid']}, is not ready yet" in row["reason"]
    thread.join()
    assert replies[0]["status"] == "ok"
    row = one.row("web")
    assert row["pid"] == found["pid"]
    assert row["beside"] == {"phase": "old", "pid": before}
    assert f"pid {before} is being stopped" in row["reason"]
    eventually(lambda: one.row("web")["beside"] is None, message="alone again")
    row = one.row("web")
    assert (row["state"], row["reason"], row["restarts"]) == ("RUNNING", "", 0)
    text = one.wait_text(f"web: pid {found['pid']} takes over from pid {before}, which is stopped")
    assert f"web: a new process starts beside pid {before} (operator: restart)" in text
    exits = one.ask("why", "web")
    assert str(before) in str(exits)


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("fail", r"exit code 7 after [\d.]+ s, before it was ready"),
        ("hang", "not ready within 1 s"),
    ],
)
def test_one_that_does_not_become_ready_changes_nothing(
    daemon: Make, tmp_path: Path, word: str, why: str
) -> None:
    port = free_port()
    one = daemon(program(port, tmp_path, "ready_timeout = 1").replace("ready_timeout = 10\n", ""))
    before = up(one)
    (tmp_path / word).touch()
    with Load(port) as load:
        reply = one.ask("restart", "web")
    assert reply["status"] == "error"
    assert re.search(rf"web was not restarted: {why}; pid {before} goes on", reply["message"])
    assert load.faults == []
    assert {pid for pid, _ in load.answers} == {before}
    eventually(lambda: one.row("web")["beside"] is None, message="the new one is stopped")
    row = one.row("web")
    assert (row["state"], row["pid"], row["restarts"]) == ("RUNNING", before, 0)
    assert re.search(f"restart failed: {why}", row["reason"])
    assert re.search(f"restart failed: {why}", str(one.ask("why", "web")))
    (tmp_path / word).unlink()
    assert one.ask("restart", "web")["status"] == "ok"
    assert up(one) != before
    eventually(lambda: one.row("web")["reason"] == "", message="nothing is said of the past")


def test_a_stop_ends_both(daemon: Make, tmp_path: Path) -> None:
    port = free_port()
    one = daemon(STAYS + program(port, tmp_path, slow=5))
    before = up(one)
    thread, replies = in_background(one, "restart", "web")
    new = beside(one)["pid"]
    assert one.ask("stop", "web")["status"] == "ok"
    assert not alive(before)
    assert not alive(new)
    thread.join()
    assert "it was stopped meanwhile" in str(replies[0]["message"])
    assert one.row("web")["state"] == "STOPPED"
    assert one.ask("start", "web")["status"] == "ok"


def test_a_stop_waits_for_the_old_one_that_is_being_stopped(daemon: Make, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "linger").touch()
    one = daemon(STAYS + program(port, tmp_path))
    before = up(one)
    (tmp_path / "linger").unlink()
    assert one.ask("restart", "web")["status"] == "ok"
    assert alive(before)
    assert one.ask("stop", "web")["status"] == "ok"
    assert not alive(before)


def test_a_stop_by_force_kills_both(daemon: Make, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "stubborn").touch()
    one = daemon(
        STAYS + program(port, tmp_path, "stopwaitsecs = 60", slow=3).replace("stopwaitsecs = 5\n", "")
    )
    before = up(one)
    thread, _ = in_background(one, "restart", "web")
    new = beside(one)["pid"]
    began = time.monotonic()
    assert one.ask("stop", "web", force=True)["status"] == "ok"
    assert time.monotonic() - began < 30
    assert not alive(before)
    assert not alive(new)
    thread.join()


@pytest.mark.parametrize("phase", ["new", "old"])
def test_term_to_the_daemon_ends_both(daemon: Make, tmp_path: Path, phase: str) -> None:
    port = free_port()
    if phase == "old":
        (tmp_path / "linger").touch()
    one = daemon(program(port, tmp_path, slow=1))
    before = up(one)
    thread, _ = in_background(one, "restart", "web")
    found = beside(one)
    if phase == "old":
        thread.join()
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    thread.join()
    text = one.text()
    assert "what the programs left behind" not in text, "both are stopped as processes of web"
    assert f"web: pid {found['pid'] if phase == 'new' else before}, beside it, has ended" in text


def test_the_old_one_that_dies_leaves_it_to_the_new_one(daemon: Make, tmp_path: Path) -> None:
    port = free_port()
    one = daemon(program(port, tmp_path, slow=2))
    before = up(one)
    thread, replies = in_background(one, "restart", "web")
    new = beside(one)["pid"]
    os.kill(before, signal.SIGKILL)
    row = one.wait_state("web", "STARTING")
    assert (row["pid"], row["beside"]) == (new, None)
    thread.join()
    assert replies[0]["status"] == "ok"
    assert up(one) == new
    states = [
        (e.get("from_state"), e["type"][14:]) for e in one.ask("events")["events"] if e["name"] == "web"
    ]
    assert states[-3:] == [("RUNNING", "EXITED"), ("EXITED", "STARTING"), ("STARTING", "RUNNING")]
    assert "killed by SIGKILL" in str(one.ask("why", "web"))
    assert ask(port) == new


def test_a_second_restart_begins_anew(daemon: Make, tmp_path: Path) -> None:
    """What is on its way may have read what has been changed since."""
    port = free_port()
    one = daemon(program(port, tmp_path, slow=2))
    before = up(one)
    first, one_reply = in_background(one, "restart", "web")
    new = beside(one)["pid"]
    assert one.ask("restart", "web")["status"] == "ok"
    first.join()
    assert one_reply[0]["status"] == "ok"
    assert up(one) not in (before, new)
    eventually(lambda: not alive(new) and not alive(before), message="one is left")
    assert len(re.findall("web: a new process starts beside", one.text())) == 2


def test_never_more_than_two(daemon: Make, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "linger").touch()
    one = daemon(program(port, tmp_path, slow=0.2))
    up(one)
    threads = [in_background(one, "restart", "web")[0] for _ in range(8)]
    most = 0
    while any(thread.is_alive() for thread in threads):
        pids = [int(pid) for pid in re.findall(r"begun (\d+)", one.out.read_text())]
        most = max(most, sum(alive(pid) for pid in pids))
        time.sleep(0.01)
    assert most == 2
    up(one)


def test_a_forced_restart_does_not_overlap(daemon: Make, tmp_path: Path) -> None:
    port = free_port()
    one = daemon(program(port, tmp_path, slow=1))
    before = up(one)
    thread, _ = in_background(one, "restart", "web")
    new = beside(one)["pid"]
    assert one.ask("restart", "web", force=True)["status"] == "ok"
    thread.join()
    assert up(one) not in (before, new)
    assert not alive(before)
    eventually(lambda: not alive(new), message="the one on its way is stopped")


def test_a_rolling_restart_overlaps_one_after_the_other(daemon: Make, tmp_path: Path) -> None:
    port = free_port()
    one = daemon(program(port, tmp_path, "numprocs = 3", "rolling = true", slow=0.3))
    names = ("web:00", "web:01", "web:02")
    before = {name: one.wait_state(name, "RUNNING")["pid"] for name in names}
    with Load(port) as load:
        assert one.ask("restart", "web:*")["status"] == "ok"
    assert load.faults == []
    after = {name: one.wait_state(name, "RUNNING")["pid"] for name in names}
    assert not set(before.values()) & set(after.values())
    (tmp_path / "fail").touch()
    reply = one.ask("restart", "web:*")
    assert reply["status"] == "error"
    assert "web:00 was not restarted: exit code 7" in reply["message"]
    assert "web:01 was left as it was: web:00 did not become ready" in reply["message"]
    assert {name: one.row(name)["pid"] for name in names} == after


def test_output_of_both_goes_where_it_went(daemon: Make, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "web.log"
    one = daemon(program(port, tmp_path, f"stdout_logfile = {log}"))
    before = up(one)
    assert one.ask("restart", "web")["status"] == "ok"
    after = up(one)
    eventually(lambda: not alive(before))
    assert [int(pid) for pid in re.findall(r"begun (\d+)", log.read_text())] == [before, after]
    tail = str(one.ask("logs", "web", lines=10))
    assert f"begun {before}" in tail
    assert f"begun {after}" in tail
    assert one.ask("restart", "web")["status"] == "ok"
    assert len(re.findall("serving", log.read_text())) == 3


def test_a_reload_that_changes_it_overlaps(daemon: Make, tmp_path: Path) -> None:
    port = free_port()
    one = daemon(program(port, tmp_path, slow=2))
    up(one)
    one.rewrite(program(port, tmp_path, slow=2, setting="new"))
    with Load(port) as load:
        assert one.ask("reload")["status"] == "ok"
        after = up(one)
        eventually(lambda: load.answers[-1][0] == after, message="the new one serves")
    assert load.faults == []
    assert max(seconds for _, seconds in load.answers) < 1.8
    assert f"begun {after} new" in one.out.read_text()
    assert one.ask("reload", dry_run=True)["changed"] == []
    one.rewrite(program(port, tmp_path, slow=0, setting="broken"))
    (tmp_path / "fail").touch()
    reply = one.ask("reload")
    assert reply["status"] == "error"
    assert re.search(
        r"web did not become ready with its new settings: exit code 7 .*; it goes on as it was",
        str(reply["message"]),
    )
    assert up(one) == after
    assert one.ask("reload", dry_run=True)["changed"] == ["web"], "it has the old settings"
    (tmp_path / "fail").unlink()
    assert one.ask("reload")["status"] == "ok"
    assert up(one) != after
    assert one.ask("reload", dry_run=True)["changed"] == []


def test_a_reload_that_removes_it_stops_both(daemon: Make, tmp_path: Path) -> None:
    port = free_port()
    one = daemon(STAYS + program(port, tmp_path, slow=5))
    before = up(one)
    thread, _ = in_background(one, "restart", "web")
    new = beside(one)["pid"]
    one.rewrite(STAYS)
    assert one.ask("reload")["status"] == "ok"
    thread.join()
    assert "web" not in one.status()
    assert not alive(before)
    assert not alive(new)


def test_a_reload_reaches_the_new_one_before_it_is_ready(daemon: Make, tmp_path: Path) -> None:
    port = free_port()
    one = daemon(STAYS + program(port, tmp_path, f"stdout_logfile = {tmp_path}/before", slow=2))
    before = up(one)
    thread, _ = in_background(one, "restart", "web")
    new = beside(one)["pid"]
    one.rewrite(STAYS + program(port, tmp_path, f"stdout_logfile = {tmp_path}/after", slow=2))
    assert one.ask("reload")["status"] == "ok"
    assert one.row("web")["pid"] == before, "a log file takes no restart"
    thread.join()
    assert one.row("web")["pid"] == new
    eventually(lambda: (tmp_path / "after").read_text().endswith("serving\n"))
    assert (tmp_path / "before").read_text().count("serving\n") == 1, "that of the old one"
    assert str(tmp_path / "before") not in str(one.ask("config", "web"))


def test_a_reload_that_moves_the_socket_opens_both(daemon: Make, tmp_path: Path) -> None:
    port, other = free_port(), free_port()
    one = daemon(program(port, tmp_path))
    before = up(one)
    one.rewrite(program(other, tmp_path))
    assert one.ask("reload")["status"] == "ok"
    assert ask(other) == up(one) != before
    eventually(lambda: not alive(before))
    with pytest.raises(ConnectionRefusedError):
        ask(port)


def test_a_rolling_reload_overlaps(daemon: Make, tmp_path: Path) -> None:
    port = free_port()
    more = ("numprocs = 3", "rolling = true")
    one = daemon(program(port, tmp_path, *more, slow=0.3))
    names = ("web:00", "web:01", "web:02")
    before = {name: one.wait_state(name, "RUNNING")["pid"] for name in names}
    (tmp_path / "fail").touch()
    one.rewrite(program(port, tmp_path, *more, slow=0.3, setting="two"))
    reply = one.ask("reload")
    assert "web:00 did not become ready with its new settings: exit code 7" in str(reply["message"])
    assert "web:01, web:02 stay as before" in str(reply["message"])
    assert {name: one.row(name)["pid"] for name in names} == before
    (tmp_path / "fail").unlink()
    with Load(port) as load:
        assert one.ask("reload")["status"] == "ok"
    assert load.faults == []
    assert not set(before.values()) & {one.wait_state(name, "RUNNING")["pid"] for name in names}


def test_a_watched_file_overlaps(daemon: Make, tmp_path: Path) -> None:
    port, watched = free_port(), tmp_path / "watched"
    watched.write_text("one")
    more = (f"watch = {watched}", "watch_interval = 0.1", "watch_delay = 0.1")
    one = daemon(program(port, tmp_path, *more, slow=0.5))
    before = up(one)
    watched.write_text("two")
    one.wait_text(f"web: a new process starts beside pid {before} (watch: a watched file has changed)")
    eventually(lambda: one.row("web")["pid"] != before, message="replaced")
    after = up(one)
    (tmp_path / "fail").touch()
    watched.write_text("three")
    one.wait_text("did not take over: exit code 7")
    assert up(one) == after


BIG = """\
import os, sys, time
first = not os.path.exists(sys.argv[1])
open(sys.argv[1], "w").close()
print("serving", flush=True)
if first:
    block = b"x" * (60 << 20)
if not first and os.path.exists(sys.argv[1] + ".fail"):
    sys.exit(7)
time.sleep(1000)
"""


def big(directory: Path, *more: str) -> str:
    (directory / "big.py").write_text(BIG)
    lines = (
        "[program:web]",
        f"command = {sys.executable} -S {directory}/big.py {directory}/begun",
        "startsecs = 0.2",
        "memory_limit = 50MB",
        "overlap = true",
    )
    return "\n".join((*lines, *more, ""))


def test_above_its_memory_limit_the_old_one_goes_on_until_the_new_one_is_ready(
    daemon: Make, tmp_path: Path
) -> None:
    one = daemon(big(tmp_path))
    before = up(one)
    one.wait_text(f"web: a new process starts beside pid {before} (memory limit: ", 30)
    eventually(lambda: one.row("web")["pid"] != before, message="replaced")
    row = one.wait_state("web", "RUNNING")
    assert row["restarts"] == 1
    states = [e["type"][14:] for e in one.ask("events")["events"] if e["name"] == "web"]
    assert "STOPPING" not in states
    assert states[-2:] == ["UNHEALTHY", "RUNNING"]


def test_one_above_its_memory_limit_stays_when_the_new_one_fails(daemon: Make, tmp_path: Path) -> None:
    one = daemon(big(tmp_path))
    before = up(one)
    (tmp_path / "begun.fail").touch()
    one.wait_text("web: the new process", 30)
    row = one.wait_state("web", "UNHEALTHY")
    assert row["pid"] == before
    assert "above its limit" in row["reason"]
    assert "restart failed: exit code 7" in row["reason"]
    time.sleep(3)  # looks at it every second
    assert len(re.findall("web: a new process starts beside", one.text())) == 1


def test_above_restart_limit_memory_ends_in_fatal_as_without_overlap(daemon: Make, tmp_path: Path) -> None:
    one = daemon(STAYS + big(tmp_path, "restart_limit = 0/60s"))
    one.wait_state("web", "FATAL", timeout=30)
    assert "starts beside" not in one.text()


ORPHANS = """\
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("orphan", os.getpid(), flush=True)
        time.sleep(1000)
    os._exit(0)
os.wait()
time.sleep(0.3)
print("serving", flush=True)
time.sleep(1000)
"""


def test_what_the_old_one_left_is_stopped_and_what_the_new_one_has_is_not(
    daemon: Make, tmp_path: Path
) -> None:
    (tmp_path / "orphans.py").write_text(ORPHANS)
    lines = (
        "[program:web]",
        f"command = {sys.executable} -S {tmp_path}/orphans.py",
        "startsecs = 0",
        "ready = log:serving",
        "overlap = true",
    )
    one = daemon("\n".join((*lines, "")))
    up(one)
    time.sleep(0.1)  # the clock of the processes' age has ticks of 10 ms
    assert one.ask("restart", "web")["status"] == "ok"
    old, new = (int(pid) for pid in re.findall(r"orphan (\d+)", one.out.read_text()))
    eventually(lambda: not alive(old), message="the old one's orphan is stopped")
    time.sleep(0.5)
    assert alive(new)
    assert one.ask("stop", "web")["status"] == "ok"
    assert not alive(new)


def test_nothing_of_it_is_loaded_before_the_first_such_restart(daemon: Make, tmp_path: Path) -> None:
    one = daemon(program(free_port(), tmp_path), env={"PYTHONPROFILEIMPORTTIME": "1"})
    up(one)
    parts = ("runner.overlap", "runner.overlap_attempts", "lifecycle.overlap", "output.second_output")
    text = one.err.read_text()
    assert [part for part in parts if f"supervice.{part}\n" in text] == []
    assert one.ask("restart", "web")["status"] == "ok"
    text = one.err.read_text()
    assert [part for part in parts if f"supervice.{part}\n" in text] == list(parts)


def test_a_socket_file_that_the_old_one_removes_is_made_again(daemon: Make, tmp_path: Path) -> None:
    """No client would find the new process: it is restarted in the plain way, and the log says why."""
    path = tmp_path / "web.sock"
    text = program(0, tmp_path).replace("tcp:127.0.0.1:0", f"unix:{path}")
    one = daemon(text.replace(f"DO={tmp_path}", f"DO={tmp_path},UNLINK={path}"))
    up(one)
    assert one.ask("restart", "web")["status"] == "ok"
    one.wait_text(f"web: unix:{path} is gone: the process that has ended removed it")

    def served() -> bool:
        with socket.socket(socket.AF_UNIX) as sock:
            try:
                sock.connect(str(path))
                return bool(int(sock.recv(100)) == one.row("web")["pid"])
            except (OSError, ValueError):
                return False

    eventually(served, message="clients find it")


def test_ready_by_notification(daemon: Make, tmp_path: Path) -> None:
    """Both have the same notification socket; each speaks for itself."""
    (tmp_path / "notify.py").write_text(
        "import os, socket, time\n"
        "time.sleep(0.5)\n"
        "with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:\n"
        "    sock.connect(os.environ['NOTIFY_SOCKET'].replace('@', '\\0'))\n"
        "    sock.send(b'READY=1\\nSTATUS=%d' % os.getpid())\n"
        "time.sleep(1000)\n"
    )
    lines = ("[program:web]", f"command = {sys.executable} -S {tmp_path}/notify.py", "startsecs = 0")
    one = daemon("\n".join((*lines, "ready = notify", "ready_timeout = 10", "overlap = true", "")))
    before = up(one)
    assert one.row("web")["status_text"] == str(before)
    assert one.ask("restart", "web")["status"] == "ok"
    after = up(one)
    assert after != before
    assert one.row("web")["status_text"] == str(after)


def test_many_restarts_leave_nothing_in_the_daemon(daemon: Make, tmp_path: Path) -> None:
    one = daemon(program(free_port(), tmp_path))
    up(one)

    def descriptors() -> int:
        return len(os.listdir(f"/proc/{one.pid}/fd"))

    def restart(times: int) -> None:
        for _ in range(times):
            assert one.ask("restart", "web")["status"] == "ok"
        eventually(lambda: one.row("web")["beside"] is None, message="alone")

    restart(2)
    before = descriptors()
    restart(10)
    (tmp_path / "fail").touch()
    for _ in range(5):
        assert one.ask("restart", "web")["status"] == "error"
    eventually(lambda: one.row("web")["beside"] is None, message="alone")
    assert descriptors() < before + 5, "17 restarts, and a client or two"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_is_asked_in_whatever_order(daemon: Make, tmp_path: Path, seed: int) -> None:
    """Never three processes, and in the end one that serves."""
    chance = random.Random(seed)
    port = free_port()

    def text(setting: str = "") -> str:
        web = program(port, tmp_path, "startretries = 99", "backoff = 0.1", slow=0.1, setting=setting)
        # What lingers is waited for again and again, in requests that queue.
        return STAYS + web.replace("stopwaitsecs = 5", "stopwaitsecs = 1")

    one = daemon(text())
    up(one)
    threads = []
    most = 0
    until = time.monotonic() + 8
    while time.monotonic() < until:
        what = chance.choice(
            ["restart", "restart", "restart", "stop", "start", "force", "kill", "file", "reload"]
        )
        if what == "kill":
            row = one.row("web")
            pid = chance.choice([row["pid"], (row["beside"] or {}).get("pid")])
            if pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        elif what == "file":
            file = tmp_path / chance.choice(["fail", "crash", "linger"])
            file.unlink() if file.exists() else file.touch()
        elif what == "reload":
            one.rewrite(text(str(chance.random())))
            threads.append(in_background(one, "reload")[0])
        else:
            verb, force = ("restart", True) if what == "force" else (what, False)
            threads.append(in_background(one, verb, "web", force=force)[0])
        for _ in range(chance.randrange(12)):
            pids = [int(pid) for pid in re.findall(r"begun (\d+)", one.out.read_text())]
            most = max(most, sum(alive(pid) for pid in pids))
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert most <= 2
    for word in ("fail", "crash", "linger"):
        (tmp_path / word).unlink(missing_ok=True)
    one.ask("reload")
    one.ask("start", "web")
    after = up(one)
    assert one.ask("restart", "web")["status"] == "ok"
    assert ask(port) in (after, up(one))
    assert one.ask("stop", "web")["status"] == "ok"
    pids = [int(pid) for pid in re.findall(r"begun (\d+)", one.out.read_text())]
    assert [pid for pid in pids if alive(pid)] == []
    assert "Traceback" not in one.text(), "no defect of ours"
    assert "supervice: unexpected" not in one.text()
