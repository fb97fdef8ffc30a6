"""sd_notify with real processes: who speaks for a program, what it can say, and that nothing of it stays."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from supervice.models import ProgramConfig
from supervice.process import Process
from tests.eventually import eventually
from tests.paths import PROGRAMS
from tests.process.harness.daemon import Daemon, alive

Make = Callable[..., Daemon]
SPEAKER = PROGRAMS / "speaker.py"


class Speaker:
    """tests/programs/speaker.py under a daemon: sends the messages that the test puts in its mailbox."""

    def __init__(
        self, daemon: Make, directory: Path, options: str = "", more: str = "", ready: str = "notify"
    ) -> None:
        self.box = directory / "box"
        self.box.mkdir(parents=True, exist_ok=True)
        self.count = 0
        self.daemon = daemon(
            f"[program:a]\ncommand = python3 {SPEAKER} {self.box}\nready = {ready}\nstartsecs = 0\n{options}\n{more}",
        )
        eventually(lambda: (self.box / "address").exists())

    @property
    def row(self) -> dict[str, Any]:
        return self.daemon.row("a")

    @property
    def address(self) -> str:
        return (self.box / "address").read_text()

    def up_for(self, seconds: float) -> bool:
        return bool(self.row["uptime"] > seconds)

    def put(self, text: str) -> None:
        """Has it sent; the speaker may not live to see it dealt with."""
        self.count += 1
        note = self.box / f"{self.count}.msg"
        (self.box / "new").write_text(text)
        (self.box / "new").rename(note)

    def say(self, text: str) -> None:
        """Returns when it has been sent and dealt with (the speaker waits for a barrier)."""
        self.put(text)
        eventually(lambda: (self.box / f"{self.count}.done").exists())


def test_ready_status_and_stopping(daemon: Make, tmp_path: Path) -> None:
    one = Speaker(daemon, tmp_path)
    assert one.row["state"] == "STARTING"
    one.say("STATUS=reading the index")
    assert (one.row["state"], one.row["status_text"]) == ("STARTING", "reading the index")
    one.say("READY=1\nSTATUS=")
    assert (one.row["state"], one.row["ready"], one.row["status_text"]) == ("RUNNING", True, "")
    one.say("RELOADING=1\nMONOTONIC_USEC=1")
    assert one.row["ready"] is True
    one.say("STOPPING=1")
    assert (one.row["state"], one.row["ready"]) == ("RUNNING", False)
    one.say("READY=1")
    assert one.row["ready"] is True
    one.daemon.ask("stop", "a")
    assert one.row["ready"] is False


def test_a_stranger_cannot_make_it_ready(daemon: Make, tmp_path: Path) -> None:
    one = Speaker(daemon, tmp_path, more="[program:other]\ncommand = sleep 1000\nstartsecs = 0\n")
    address = one.address.replace("@", "\0", 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        for text in (
            b"READY=1",
            b"STATUS=forged",
            b"WATCHDOG=trigger",
            f"MAINPID={os.getpid()}".encode(),
            b"\0" * 9,
        ):
            sock.sendto(text, address)
    one.say("X=1")  # everything before it has been dealt with
    assert (one.row["state"], one.row["status_text"]) == ("STARTING", "")
    one.say("READY=1")
    assert one.row["state"] == "RUNNING"


def test_a_descendant_speaks_for_it(daemon: Make, tmp_path: Path) -> None:
    systemd = shutil.which("systemd-notify")
    if systemd is None:
        pytest.skip("no systemd-notify here; the container ring has it")
    one = daemon(
        f"[program:a]\ncommand = sh -c '{systemd} --ready --status=well && exec sleep 1000'\nready = notify\n"
        f"[program:b]\ncommand = sh -c 'setsid {systemd} --ready && exec sleep 1000'\nready = notify\n"
    )
    assert one.wait_state("a", "RUNNING")["status_text"] == "well"
    one.wait_state("b", "RUNNING")


def test_descriptors_never_stay(daemon: Make, tmp_path: Path) -> None:
    one = Speaker(daemon, tmp_path)
    one.say("READY=1")
    before = len(os.listdir(f"/proc/{one.daemon.pid}/fd"))
    for text in ("FDSTORE=1\nFDNAME=x", "READY=1", "", "FDSTORE=1", "BARRIER=1"):
        one.say(f"FDS=200\n{text}")
    eventually(lambda: len(os.listdir(f"/proc/{one.daemon.pid}/fd")) <= before)


@pytest.mark.parametrize("action", ["restart", "none"])
def test_a_missed_ping_is_a_failed_check(daemon: Make, tmp_path: Path, action: str) -> None:
    one = Speaker(daemon, tmp_path, f"watchdog = 0.5\nhealthcheck_action = {action}\nbackoff = 0.1")
    assert (one.box / "watchdog").read_text() == "500000"
    one.say("READY=1\nWATCHDOG=1")
    first = one.row["pid"]
    assert one.row["healthy"] is True
    if action == "restart":
        eventually(lambda: one.row["pid"] not in (None, first))
        assert "no watchdog ping for 0.5 s" in one.daemon.text()
        return
    row = one.daemon.wait_state("a", "UNHEALTHY")
    assert row["reason"] == row["health_message"] == "no watchdog ping for 0.5 s"
    one.say("WATCHDOG_USEC=60000000\nWATCHDOG=1")
    assert (one.row["state"], one.row["healthy"], one.row["pid"]) == ("RUNNING", True, first)
    one.say("WATCHDOG=trigger")
    assert one.row["state"] == "UNHEALTHY"


def test_a_program_can_ask_for_a_watchdog_itself(daemon: Make, tmp_path: Path) -> None:
    """WATCHDOG_USEC and WATCHDOG=trigger count without `watchdog` in the file, as with systemd."""
    one = Speaker(daemon, tmp_path, "backoff = 60")
    one.say("READY=1")
    one.daemon.wait_state("a", "RUNNING")
    one.say("WATCHDOG_USEC=300000")
    assert one.daemon.wait_state("a", "BACKOFF")["reason"] == "no watchdog ping for 0.3 s"
    other = Speaker(daemon, tmp_path / "other", "backoff = 60")
    other.say("READY=1")
    other.daemon.wait_state("a", "RUNNING")
    other.put("WATCHDOG=trigger")
    assert "WATCHDOG=trigger" in other.daemon.wait_state("a", "BACKOFF")["reason"]


def test_pings_keep_it_alive(daemon: Make, tmp_path: Path) -> None:
    one = Speaker(daemon, tmp_path, "watchdog = 1")
    one.say("READY=1")
    for number in range(15):
        one.say("WATCHDOG=1")
        assert one.row["restarts"] == 0
        eventually(partial(one.up_for, 0.15 * (number + 1)))
    assert one.row["uptime"] > 2
    assert one.row["restarts"] == 0


def test_time_can_be_extended(daemon: Make, tmp_path: Path) -> None:
    other = "[program:b]\ncommand = sleep 1000"
    one = Speaker(daemon, tmp_path, "ready_timeout = 1.5\nstartretries = 0", other)
    one.say("EXTEND_TIMEOUT_USEC=3500000")
    eventually(lambda: one.row["uptime"] and one.row["uptime"] > 2)
    assert one.row["state"] == "STARTING"
    one.daemon.wait_state("a", "FATAL")


def test_the_run_goes_on_with_the_mainpid(daemon: Make, tmp_path: Path) -> None:
    """The leader starts another, names it and ends: the same run, the other pid."""
    one = Speaker(daemon, tmp_path)
    first = one.row["pid"]
    one.say("READY=1")
    one.say("FORK")
    row = eventually(lambda: (row := one.row)["pid"] != first and row)
    assert (row["state"], row["ready"], row["restarts"]) == ("RUNNING", True, 0)
    assert alive(row["pid"])
    assert not alive(first)
    one.say("STATUS=the successor")
    assert one.row["status_text"] == "the successor"
    one.daemon.ask("stop", "a")
    assert one.row["state"] == "STOPPED"
    assert not alive(row["pid"])


def test_the_search_for_readiness_goes_on_with_it(daemon: Make, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    one = Speaker(daemon, tmp_path, "watchdog = 100", ready=f"file:{flag}")
    first = one.row["pid"]
    one.say("FORK")
    eventually(lambda: one.row["pid"] != first)
    assert one.row["state"] == "STARTING"
    flag.touch()
    one.daemon.wait_state("a", "RUNNING")


def test_a_mainpid_that_is_not_ours_is_of_no_account(daemon: Make, tmp_path: Path) -> None:
    one = Speaker(
        daemon, tmp_path, "autorestart = false", "[program:b]\ncommand = sleep 1000\nstartsecs = 0\n"
    )
    other = one.daemon.wait_state("b", "RUNNING")["pid"]
    for pid in (os.getpid(), 1, other, one.daemon.pid, 4194303):
        one.say(f"MAINPID={pid}")
    one.say("READY=1")
    one.say("EXIT")
    row = one.daemon.wait_state("a", "EXITED")
    assert row["exitcode"] == 3
    assert one.daemon.row("b")["pid"] == other


def orphan(one: Daemon) -> int:
    """The pid that the program `b` has said: a process in its group whose parent has ended."""
    found = eventually(lambda: re.search(r"(?m)^orphan (\d+)$", one.text()))
    assert found is not None
    return int(found[1])


LEAVES_AN_ORPHAN = """
[program:b]
command = sh -c '(sleep 1000 & echo orphan $!); exec sleep 1000'
startsecs = 0
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="switching users needs root")
def test_a_mainpid_of_another_users_process_is_of_no_account(daemon: Make, tmp_path: Path) -> None:
    one = Speaker(daemon, tmp_path, "autorestart = false", f"{LEAVES_AN_ORPHAN}user = nobody\n")
    pid = orphan(one.daemon)
    one.say(f"READY=1\nMAINPID={pid}")
    one.say("EXIT")
    assert one.daemon.wait_state("a", "EXITED")["exitcode"] == 3
    assert alive(pid)


def test_a_mainpid_in_another_programs_group_is_signalled_alone(daemon: Make, tmp_path: Path) -> None:
    """Its group is signalled by no stop of the program that has named it: another program leads it."""
    one = Speaker(daemon, tmp_path, "autorestart = false", LEAVES_AN_ORPHAN)
    pid, other = orphan(one.daemon), one.daemon.row("b")["pid"]
    one.say(f"READY=1\nMAINPID={pid}")
    one.say("EXIT")
    eventually(lambda: one.row["pid"] == pid)
    one.daemon.ask("stop", "a")
    assert not alive(pid)
    assert one.daemon.row("b")["pid"] == other
    assert alive(other)


def test_our_own_manager_is_told(daemon: Make, tmp_path: Path) -> None:
    path = tmp_path / "manager"
    note = tmp_path / "seen"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as above:
        above.bind(str(path))
        above.settimeout(20)
        one = daemon(
            f"[program:a]\ncommand = sh -c 'echo \"[$NOTIFY_SOCKET]\" > {note}; exec sleep 1000'\n"
            "[program:b]\ncommand = sleep 1000\nreadiness_type = tcp\nreadiness_port = 1\nautostart = false\n",
            env={"NOTIFY_SOCKET": str(path)},
        )
        said = [above.recv(4096).decode()]
        while "READY=1" not in said[-1]:
            assert said[-1].startswith("STATUS=waiting for ")
            said.append(above.recv(4096).decode())
        assert one.row("a")["state"] == "RUNNING"
        assert note.read_text() == "[]\n"
        one.ask("shutdown")
        while "STOPPING=1" not in said[-1]:
            said.append(above.recv(4096).decode())
    assert one.wait() == 0


@pytest.mark.parametrize("programs", ["", "[program:a]\ncommand = sleep 1000\nautostart = false\n"])
def test_our_own_manager_is_told_where_no_program_is_awaited(
    daemon: Make, tmp_path: Path, programs: str
) -> None:
    path = tmp_path / "manager"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as above:
        above.bind(str(path))
        above.settimeout(20)
        daemon(programs, env={"NOTIFY_SOCKET": str(path)})
        assert above.recv(4096).decode().startswith("READY=1\n")


def test_our_own_manager_is_told_when_a_reload_removes_who_was_late(daemon: Make, tmp_path: Path) -> None:
    path = tmp_path / "manager"
    fine = "[program:a]\ncommand = sleep 1000\nstartsecs = 0\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as above:
        above.bind(str(path))
        above.settimeout(20)
        one = daemon(
            f"{fine}[program:b]\ncommand = sleep 1000\nready = notify\n", env={"NOTIFY_SOCKET": str(path)}
        )
        one.wait_state("a", "RUNNING")
        one.rewrite(fine)
        assert one.ask("reload")["removed"] == ["b"]
        said = ""
        while not said.startswith("READY=1\n"):
            said = above.recv(4096).decode()
            assert said.startswith(("STATUS=waiting for ", "READY=1\nSTATUS=1 processes"))


def test_in_an_application(tmp_path: Path) -> None:
    """Alone in asyncio: an abstract address, and nothing is left behind."""
    code = "import os,socket,time;a=os.environ['NOTIFY_SOCKET'];assert a[0]=='@'\n"
    code += "s=socket.socket(1,2);s.sendto(b'READY=1\\nSTATUS=hi',chr(0)+a[1:]);time.sleep(1000)"
    (tmp_path / "child.py").write_text(code.replace("\\n", "\\n"))

    async def run() -> None:
        process = Process(
            ProgramConfig(
                "a", f"{sys.executable} {tmp_path}/child.py", ready="notify", ready_timeout=20, startsecs=0
            )
        )
        await process.start_process()
        try:
            assert (process.state, process.snapshot.ready, process.status_text) == ("RUNNING", True, "hi")
        finally:
            await process.stop()

    asyncio.run(run())
