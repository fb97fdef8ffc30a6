"""Probes over HTTP and the socket, the drain before the end, waiting, stops in order, `graph` and `boot`."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from supervice.core import Supervisor
from supervice.models import ProgramConfig, SupervisorConfig
from tests.eventually import eventually
from tests.ports import free_port
from tests.process.harness.daemon import Daemon, alive

Make = Callable[..., Daemon]
SLEEP = "command = sleep 1000\nstartsecs = 0\n"


def settings(directory: Path, *lines: str) -> str:
    """A [supervice] section; the socket is where `Daemon` will look for it."""
    return "".join(f"{line}\n" for line in ("[supervice]", f"socket = {directory}/0/s.sock", *lines))


def get(place: int | Path, target: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", place if isinstance(place, int) else 80, timeout=10)
    if isinstance(place, Path):
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(10)
        connection.sock.connect(str(place))
    try:
        connection.request(method, target)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def checked(name: str, flag: Path, action: str = "none") -> str:
    return (
        f"[program:{name}]\n{SLEEP}healthcheck_type = script\nhealthcheck_command = test -e {flag}\n"
        "healthcheck_interval = 0.1\nhealthcheck_retries = 2\nhealthcheck_start_period = 0\n"
        f"healthcheck_action = {action}\n"
    )


# -- HTTP ------------------------------------------------------------------------------------------------


def test_an_orchestrator_sees_it_start_work_fail_and_go(daemon: Make, tmp_path: Path) -> None:
    port, flag, gate = free_port(), tmp_path / "well", tmp_path / "gate"
    flag.touch()
    one = daemon(
        settings(tmp_path, f"http = 127.0.0.1:{port}", "drain_delay = 30")
        + checked("web", flag)
        + f"[program:job]\ntype = oneshot\ncommand = sh -c 'while ! test -e {gate}; do sleep 0.02; done'\n"
    )
    one.wait_state("web", "RUNNING")
    assert [get(port, path)[0] for path in ("/livez", "/readyz", "/startupz")] == [200, 503, 503]
    assert one.ask("health", kind="ready")["healthy"] is False
    gate.touch()
    one.wait_state("job", "EXITED")
    assert [get(port, path)[0] for path in ("/livez", "/readyz", "/startupz")] == [200, 200, 200]
    assert one.ask("health", kind="ready")["healthy"] is True
    flag.unlink()
    one.wait_state("web", "UNHEALTHY")
    assert get(port, "/livez") == (503, "not live: web is UNHEALTHY\nweb UNHEALTHY failed\njob EXITED ok\n")
    assert get(port, "/startupz")[0] == 200
    assert one.ask("health")["healthy"] is False
    flag.touch()
    one.wait_state("web", "RUNNING")
    status, numbers = get(port, "/metrics")
    assert status == 200
    assert numbers.endswith("# EOF\n")
    assert 'supervice_process_up{name="web",group="web"} 1\n' in numbers
    assert get(port, "/metrics", "HEAD") == (200, "")
    assert [get(port, "/nothing")[0], get(port, "/livez", "POST")[0]] == [404, 405]
    one.signal(signal.SIGTERM)
    eventually(lambda: get(port, "/readyz")[0] == 503)
    assert get(port, "/readyz")[1].startswith("not ready: shutting down\n")
    assert get(port, "/livez")[0] == 200
    assert one.row("web")["state"] == "RUNNING"
    assert one.force() == 128 + signal.SIGTERM


def test_a_unix_socket_and_a_reload(daemon: Make, tmp_path: Path) -> None:
    place = tmp_path / "probes.sock"
    text = settings(tmp_path, f"http = unix:{place}") + f"[program:web]\n{SLEEP}"
    one = daemon(text)
    one.wait_state("web", "RUNNING")
    assert get(place, "/readyz?verbose")[1].startswith("ready\nweb RUNNING ok; pid ")
    one.config.write_text(
        text.replace("probes.sock", "other.sock") + f"[program:late]\n{SLEEP}autostart = no\n"
    )
    reply = one.ask("reload")
    assert (reply["restart_required"], reply["added"]) == (["http"], ["late"])
    assert get(place, "/readyz") == (200, "ready\nweb RUNNING ok\nlate STOPPED -\n")
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    assert not place.exists()


def test_a_place_that_is_taken_is_said_and_tried_again(daemon: Make, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port: int = taken.getsockname()[1]
        one = daemon(settings(tmp_path, f"http = 127.0.0.1:{port}") + f"[program:web]\n{SLEEP}")
        one.wait_state("web", "RUNNING")
        one.wait_text(f"ERROR http = 127.0.0.1:{port}: no probes and no metrics: ")
    one.wait_text(f"probes and metrics at 127.0.0.1:{port}")
    assert get(port, "/livez")[0] == 200


def test_without_http_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom supervice.core import Supervisor\n"
        "s = Supervisor(daemon=True)\ns.load_config(sys.argv[1])\n"
        "assert s.config.http is None\nprint(*sys.modules)"
    )
    path = tmp_path / "a.conf"
    path.write_text(f"[supervice]\ndrain_delay = 1\n[program:a]\n{SLEEP}")
    command = [sys.executable, "-c", script, str(path)]
    loaded = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.split()
    assert not {"h11", "supervice.api.endpoints", "supervice.api.metrics", "supervice.http.server"} & set(
        loaded
    )


# -- the drain -------------------------------------------------------------------------------------------


def test_programs_work_on_for_drain_delay_and_the_socket_answers(daemon: Make, tmp_path: Path) -> None:
    one = daemon(settings(tmp_path, "drain_delay = 1s") + f"[program:web]\n{SLEEP}[program:late]\n{SLEEP}")
    one.wait_state("late", "RUNNING")
    assert one.ask("stop", "late")["status"] == "ok"
    pid = one.row("web")["pid"]
    began = time.monotonic()
    one.signal(signal.SIGTERM)
    one.wait_text("programs are stopped in 1 s (drain_delay)")
    assert one.ask("health", kind="ready")["healthy"] is False
    assert one.ask("health")["healthy"] is True
    assert one.row("web")["pid"] == pid
    assert one.ask("start", "late")["code"] == "SHUTTING_DOWN"
    assert one.wait() == 0
    assert time.monotonic() - began >= 1
    assert not alive(pid)


def test_an_operator_drains_too_and_the_end_of_main_ends_it(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        settings(tmp_path, "drain_delay = 60") + f"[program:m]\n{SLEEP}main = true\n[program:other]\n{SLEEP}"
    )
    pid = one.wait_state("m", "RUNNING")["pid"]
    one.wait_state("other", "RUNNING")
    assert one.ask("shutdown")["status"] == "ok"
    one.wait_text("(drain_delay)")
    assert one.row("m")["state"] == "RUNNING"
    os.kill(pid, signal.SIGUSR1)
    assert one.wait() == 128 + signal.SIGUSR1


def test_when_main_ends_or_nothing_runs_there_is_nothing_to_drain(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        settings(tmp_path, "drain_delay = 60")
        + f"[program:m]\ncommand = sh -c 'sleep 0.3; exit 7'\nmain = true\n[program:other]\n{SLEEP}"
    )
    assert one.wait() == 7
    assert "drain_delay" not in one.text()


def test_what_dies_in_the_drain_comes_back(daemon: Make, tmp_path: Path) -> None:
    """Requests still come; a program that crashes just now is needed as before."""
    one = daemon(settings(tmp_path, "drain_delay = 60") + f"[program:web]\n{SLEEP}")
    pid = one.wait_state("web", "RUNNING")["pid"]
    one.signal(signal.SIGTERM)
    one.wait_text("(drain_delay)")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: one.row("web")["pid"] not in (pid, None))
    assert one.force() == 128 + signal.SIGTERM


# -- waiting ---------------------------------------------------------------------------------------------


def test_waiting_for_health_is_not_waiting_for_running(daemon: Make, tmp_path: Path) -> None:
    flag = tmp_path / "well"
    one = daemon(checked("web", flag))
    assert one.ask("wait", "web")["status"] == "ok"  # it may be UNHEALTHY by now, which is up
    reply = one.ask("wait", "web", **{"for": "healthy", "timeout": 0.1})
    assert reply["status"] == "error"
    assert reply["message"].startswith("timed out after 0.1 s: web is still ")
    flag.touch()
    reply = one.ask("wait", "web", **{"for": "healthy"})
    assert (reply["status"], reply["message"]) == ("ok", "web is RUNNING, healthy")
    assert one.row("web")["healthy"] is True
    assert one.ask("wait", "web", **{"for": "well"})["code"] == "INVALID_REQUEST"


def test_waiting_ends_when_it_cannot_come_any_more(daemon: Make) -> None:
    one = daemon(
        f"[program:web]\n{SLEEP}depends_on = job:completed\n"
        "[program:job]\ntype = oneshot\ncommand = sh -c 'sleep 0.2; exit 3'\n"
        f"[program:other]\n{SLEEP}"
    )
    began = time.monotonic()
    reply = one.ask("wait", "web", **{"for": "ready", "timeout": 50})
    assert time.monotonic() - began < 20
    assert (
        "web is STOPPED: needs job:completed, but job is FATAL: gave up after 1 failed start: exit code 3"
        in reply["message"]
    )
    message = one.ask("wait", "job", timeout=50)["message"]
    assert message == "job is FATAL: gave up after 1 failed start: exit code 3"  # a oneshot never gets up
    assert one.ask("wait", "job", **{"for": "exited"})["status"] == "ok"


def test_waiting_ends_for_what_has_ended_for_good(daemon: Make) -> None:
    one = daemon(
        f"[program:short]\ncommand = sh -c 'sleep 0.1; exit 3'\nstartsecs = 0\nautorestart = false\n"
        f"[program:other]\n{SLEEP}"
    )
    began = time.monotonic()
    one.wait_state("short", "EXITED")
    reply = one.ask("wait", "short", **{"for": "running", "timeout": 50})
    assert time.monotonic() - began < 20
    assert reply["status"] == "error"
    assert reply["message"] == "short is EXITED: exit code 3"


def test_waiting_for_the_health_of_a_program_with_a_watchdog_waits_for_its_ping(daemon: Make) -> None:
    one = daemon("[program:mute]\ncommand = sleep 1000\nstartsecs = 0\nwatchdog = 500\n")
    one.wait_state("mute", "RUNNING")
    assert one.ask("wait", "mute", **{"for": "ready"})["status"] == "ok"
    reply = one.ask("wait", "mute", **{"for": "healthy", "timeout": 0.1})
    assert reply["message"] == "timed out after 0.1 s: mute is still RUNNING (wanted: healthy)"


@pytest.mark.parametrize("how", ["signal", "command"])
def test_a_reload_in_the_drain_stops_no_program(daemon: Make, tmp_path: Path, how: str) -> None:
    one = daemon(f"[supervice]\nsocket = {tmp_path}/0/s.sock\ndrain_delay = 60\n[program:web]\n{SLEEP}")
    pid = one.wait_state("web", "RUNNING")["pid"]
    one.ask("shutdown")
    one.wait_text("drain_delay")
    one.rewrite(f"[program:other]\n{SLEEP}")
    if how == "signal":
        one.signal(signal.SIGHUP)
        one.wait_text("nothing was reloaded: supervice is shutting down")
    else:
        assert one.ask("reload")["code"] == "SHUTTING_DOWN"
    assert one.row("web")["pid"] == pid
    assert one.row("web")["state"] == "RUNNING"
    one.signal(signal.SIGTERM)
    one.signal(signal.SIGINT)  # a second TERM might arrive together with the first
    one.wait()


# -- stops in order --------------------------------------------------------------------------------------

SLOW = "command = sh -c 'trap \"sleep 0.1; exit 0\" TERM; sleep 1000 & wait'\nstartsecs = 0.2\n"


def chain() -> str:
    return (
        f"[program:web]\n{SLOW}depends_on = app\n[program:app]\n{SLOW}depends_on = db\n[program:db]\n{SLOW}"
    )


def stops(one: Daemon) -> list[tuple[str, str]]:
    return [
        (event["name"], event["type"].removeprefix("PROCESS_STATE_"))
        for event in one.ask("events")["events"]
        if event["type"].endswith(("STOPPING", "STOPPED"))
    ]


IN_ORDER = [(name, state) for name in ("web", "app", "db") for state in ("STOPPING", "STOPPED")]


def test_several_are_stopped_in_the_order_of_a_shutdown(daemon: Make) -> None:
    one = daemon(chain())
    one.wait_state("web", "RUNNING")
    assert one.ask("stop", "all")["message"] == "Stopped web; Stopped app; Stopped db"
    assert stops(one) == IN_ORDER


def test_a_stop_without_a_waiter_goes_on_and_a_start_takes_its_program_out(daemon: Make) -> None:
    one = daemon(chain())
    one.wait_state("web", "RUNNING")
    pid = one.row("db")["pid"]
    assert one.ask("stop", "all", timeout=0)["status"] == "error"
    assert one.ask("start", "db")["message"] == "db is already running"
    one.wait_state("app", "STOPPED")
    eventually(lambda: one.row("app")["state"] == "STOPPED")
    assert (one.row("db")["state"], one.row("db")["pid"]) == ("RUNNING", pid)
    assert [name for name, _ in stops(one)] == ["web", "web", "app", "app"]


def test_a_reload_that_removes_several_stops_them_in_order(daemon: Make) -> None:
    one = daemon(chain() + f"[program:rest]\n{SLEEP}")
    one.wait_state("web", "RUNNING")
    one.rewrite(f"[program:rest]\n{SLEEP}")
    assert one.ask("reload")["removed"] == ["app", "db", "web"]
    assert stops(one) == IN_ORDER


def test_several_that_need_each_other_are_restarted_in_order(daemon: Make) -> None:
    one = daemon(chain() + f"[program:rest]\n{SLEEP}")
    one.wait_state("web", "RUNNING")
    before = one.status()
    assert (
        one.ask("restart", "all")["message"] == "Restarted web; Restarted app; Restarted db; Restarted rest"
    )
    after = one.status()
    assert all(after[name]["pid"] not in (None, row["pid"]) for name, row in before.items())
    assert [row["state"] for row in after.values()] == ["RUNNING"] * 4
    events = [(e["name"], e["type"].removeprefix("PROCESS_STATE_")) for e in one.ask("events")["events"]]
    began = events.index(("web", "STOPPING"))
    told = [event for event in events[began:] if event[0] != "rest"]
    assert told[: len(IN_ORDER)] == IN_ORDER
    up = [(name, state) for name in ("db", "app", "web") for state in ("STARTING", "RUNNING")]
    assert told[len(IN_ORDER) :] == up


def test_a_stop_in_the_middle_of_a_restart_wins(daemon: Make) -> None:
    one = daemon(chain())
    one.wait_state("web", "RUNNING")
    before = {name: row["pid"] for name, row in one.status().items()}
    assert one.ask("restart", "all", timeout=0)["status"] == "error"
    assert one.ask("stop", "web")["status"] == "ok"
    eventually(
        lambda: one.row("app")["pid"] not in (None, before["app"]) and one.row("app")["state"] == "RUNNING"
    )
    assert one.row("db")["pid"] != before["db"]
    assert one.row("web")["state"] == "STOPPED"


def test_an_idle_moment_in_a_restart_is_not_the_end(daemon: Make) -> None:
    one = daemon(f"[program:app]\n{SLEEP}depends_on = db\n[program:db]\n{SLEEP}")
    one.wait_state("app", "RUNNING")
    assert one.ask("restart", "app", "db")["status"] == "ok"
    one.signal(signal.SIGTERM)
    assert one.wait() == 0


# -- seeing it -------------------------------------------------------------------------------------------


def test_graph_and_boot_show_what_happened(daemon: Make, tmp_path: Path) -> None:
    one = daemon(
        chain()
        + "[program:migrate]\ntype = oneshot\ncommand = true\n"
        + f"[program:alone]\n{SLEEP}[program:hand]\n{SLEEP}autostart = false\n"
    )
    one.wait_state("web", "RUNNING")
    assert one.ask("start", "hand")["status"] == "ok"
    ctl = [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket)]

    def run(*words: str) -> str:
        return subprocess.run([*ctl, *words], capture_output=True, text=True, timeout=30, check=True).stdout

    assert run("graph").splitlines() == [
        "web                 RUNNING",
        "`-- app:started     RUNNING",
        "    `-- db:started  RUNNING",
        "migrate             EXITED: exit code 0",
        "alone               RUNNING",
        "hand                RUNNING",
    ]
    said = json.loads(run("boot", "--json"))
    rows = {row["name"]: row for row in said["processes"]}
    assert said["critical_chain"] == ["db", "app", "web"]
    assert [rows[n]["released_by"] for n in ("db", "app", "web")] == [None, "db", "app"]
    assert rows["db"]["ready"] <= rows["app"]["began"] < rows["app"]["ready"] <= rows["web"]["began"]
    assert rows["app"]["ready"] - rows["app"]["began"] >= 0.2
    assert rows["migrate"]["completed"] is not None
    assert [name for name, row in rows.items() if row["later"]] == ["hand"]
    picture = tmp_path / "boot.svg"
    assert run("boot", "--svg", str(picture)) == ""
    ET.parse(picture)
    assert "critical chain: db -> app -> web" in run("boot")
    one.ask("restart", "db")
    assert json.loads(run("boot", "--json"))["processes"] == [
        {**row, "state": "RUNNING"} if row["name"] == "db" else row for row in said["processes"]
    ]


def test_the_boot_of_a_command(daemon: Make) -> None:
    one = daemon("[program:db]\ncommand = sleep 1000\nstartsecs = 0.2\n", "--", "sleep", "1000")
    one.wait_state("main", "RUNNING")
    rows = {row["name"]: row for row in one.ask("boot")["processes"]}
    assert rows["main"]["released_by"] == "db"
    assert rows["main"]["began"] >= rows["db"]["ready"]


# -- on a terminal, and in an application ----------------------------------------------------------------


def test_alone_on_a_terminal_it_is_a_shell_with_completion_and_a_history(
    daemon: Make, tmp_path: Path
) -> None:
    one = daemon(f"[program:websrv]\n{SLEEP}")
    one.wait_state("websrv", "RUNNING")
    ours, theirs = os.openpty()
    shell = subprocess.Popen(
        [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "HOME": str(tmp_path), "TERM": "dumb"},
        start_new_session=True,
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    said = b""

    def says(text: str) -> bool:
        nonlocal said
        try:
            said += os.read(ours, 65536)
        except BlockingIOError:
            pass
        return text.encode() in said

    try:
        eventually(lambda: says("supervice> "))
        os.write(ours, b"stat\tweb\t\n")
        eventually(lambda: says("RUNNING"), message=repr(said))
        os.write(ours, b"stop web\t\n")
        eventually(lambda: says("Stopped websrv"), message=repr(said))
        assert one.row("websrv")["state"] == "STOPPED"
        os.write(ours, b"status websrv\nexit\n")
        assert shell.wait(20) == 3
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)
    assert (tmp_path / ".supervicectl_history").read_text().split("\n")[:2] == [
        "status websrv",
        "stop websrv",
    ]
    assert (tmp_path / ".supervicectl_history").stat().st_mode & 0o077 == 0


async def test_probes_in_an_application(tmp_path: Path) -> None:
    place = tmp_path / "p.sock"
    config = SupervisorConfig(
        socket_path="none",
        pidfile="none",
        logfile="",
        http=f"unix:{place}",
        programs=[ProgramConfig("web", "sleep 1000", startsecs=0)],
    )
    supervisor = Supervisor(config)
    for _ in range(2):  # and once more
        running = asyncio.ensure_future(supervisor.run())
        while not (place.exists() and supervisor.probes.ready()):
            await asyncio.sleep(0.01)
        assert await asyncio.to_thread(get, place, "/startupz") == (200, "started\nweb RUNNING ok\n")
        await supervisor.shutdown()
        await running
        assert not place.exists()
