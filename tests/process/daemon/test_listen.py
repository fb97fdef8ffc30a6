"""Sockets that supervice keeps open for a program: what the program is handed, and when they are closed."""

from __future__ import annotations

import json
import os
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
from tests.process.harness.daemon import Daemon

Make = Callable[..., Daemon]
SERVER = f"{sys.executable} -S {ROOT}/tests/programs/activated.py"


def ask(where: int | Path, timeout: float = 20) -> dict[str, Any]:
    """The server's answer; it may take until a new one has started."""
    with socket.socket(socket.AF_INET if isinstance(where, int) else socket.AF_UNIX) as sock:
        sock.settimeout(timeout)
        sock.connect(("127.0.0.1", where) if isinstance(where, int) else str(where))
        data = b""
        while more := sock.recv(4096):
            data += more
    answer: dict[str, Any] = json.loads(data)
    return answer


def is_refused(where: int | Path) -> bool:
    try:
        with socket.socket(socket.AF_INET if isinstance(where, int) else socket.AF_UNIX) as sock:
            sock.settimeout(5)
            sock.connect(("127.0.0.1", where) if isinstance(where, int) else str(where))
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    return False


STAYS = "[program:stays]\ncommand = sleep 1000\n"  # or the daemon would end with the last program


def config(port: int, *more: str, name: str = "web") -> str:
    lines = (
        f"[program:{name}]",
        f"command = {SERVER} --fd %(listen_http)s",
        "startsecs = 0",
        "stopwaitsecs = 5",
    )
    return "\n".join((*lines, f"listen = http=tcp:127.0.0.1:{port}", *more, ""))


def test_what_the_program_is_handed(daemon: Make, tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "web.sock"
    lines = config(port, "listen_stdin = true", "listen_mode = 0600").replace(
        f"listen = http=tcp:127.0.0.1:{port}", f"listen = http=tcp:127.0.0.1:{port}, admin=unix:{path}"
    )
    one = daemon(lines)
    answer = ask(port)
    pid = one.row("web")["pid"]
    assert answer["pid"] == pid
    assert (answer["LISTEN_PID"], answer["LISTEN_FDS"], answer["LISTEN_FDNAMES"]) == (
        str(pid),
        "2",
        "http:admin",
    )
    assert answer["argv"] == ["--fd", "3"]
    assert answer["stdin"] == answer["first"]
    assert ask(path)["pid"] == pid
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kept", [True, False], ids=["listen", "control"])
def test_a_restart_under_load_refuses_none(daemon: Make, kept: bool) -> None:
    """200 connections a second; without `listen` some are refused."""
    port = free_port()
    env = "environment = SLOW=0.3" if kept else f"environment = SLOW=0.3,OWN_PORT={port}"
    text = config(port, env)
    if not kept:
        text = text.replace(f"listen = http=tcp:127.0.0.1:{port}", "").replace("%(listen_http)s", "3")
    one = daemon(text)
    eventually(lambda: not is_refused(port), message="it serves")
    answers: list[int] = []
    refused: list[OSError] = []
    over = threading.Event()

    def connect() -> None:
        try:
            answers.append(ask(port)["pid"])
        except OSError as error:
            refused.append(error)

    def load() -> None:
        began, count = time.monotonic(), 0
        threads = []
        while not over.is_set():
            threads.append(threading.Thread(target=connect))
            threads[-1].start()
            count += 1
            over.wait(max(0.0, began + count / 200 - time.monotonic()))
        for thread in threads:
            thread.join()

    before = one.row("web")["pid"]
    loader = threading.Thread(target=load)
    loader.start()
    try:
        eventually(lambda: len(answers) > 20, message="there is load")
        assert one.ask("restart", "web")["status"] == "ok"
        after = one.row("web")["pid"]
        eventually(lambda: after in answers, message="the new one serves")
    finally:
        over.set()
        loader.join()
    assert {before, after} <= set(answers)
    if kept:
        assert refused == []
    else:
        assert any(isinstance(error, ConnectionRefusedError) for error in refused)


def test_it_stays_open_in_backoff_and_is_closed_at_fatal(daemon: Make, tmp_path: Path) -> None:
    port, count = free_port(), tmp_path / "count"
    script = f"echo x >>{count}; test $(wc -l <{count}) -gt 3 || exit 1; exec {SERVER}"
    text = config(port, "startsecs = 1", "startretries = 5", "backoff = 0.2", "backoff_factor = 1")
    text = text.replace(f"command = {SERVER} --fd %(listen_http)s", f"command = sh -c '{script}'").replace(
        "startsecs = 0\n", ""
    )
    one = daemon(STAYS + text)
    eventually(lambda: count.exists(), message="its first start")
    assert ask(port)["LISTEN_FDS"] == "1", "a client waits through all attempts"
    one.rewrite(STAYS + text.replace("-gt 3", "-gt 99"))
    count.unlink()
    one.ask("reload")
    one.wait_state("web", "FATAL")
    eventually(lambda: is_refused(port), message="closed at FATAL")
    assert "web: not listening on tcp:" in one.text()


def test_an_operator_closes_it_and_opens_it_again(daemon: Make) -> None:
    port = free_port()
    one = daemon(config(port))
    ask(port)
    assert one.ask("stop", "web")["status"] == "ok"
    eventually(lambda: is_refused(port), message="closed")
    assert one.ask("start", "web")["status"] == "ok"
    assert ask(port)["pid"] == one.row("web")["pid"]
    one.process.terminate()
    assert one.wait() == 0
    assert is_refused(port)


def test_a_restart_in_order_keeps_it_open(daemon: Make) -> None:
    """Both are stopped before one of them is started again."""
    port = free_port()
    slow = "[program:db]\ncommand = sh -c 'trap \"sleep 0.5; exit\" TERM; while :; do sleep 0.1; done'\nstartsecs = 0\n"
    one = daemon(slow + config(port, "depends_on = db"))
    before = ask(port)["pid"]
    answers: list[int] = []
    asked = threading.Event()

    def restart() -> None:
        asked.set()
        one.ask("restart", "web", "db")

    thread = threading.Thread(target=restart)
    thread.start()
    asked.wait()
    eventually(lambda: one.row("web")["state"] == "STOPPED", message="it waits for db")
    answers.append(ask(port)["pid"])
    thread.join()
    assert answers != [before]
    assert "not listening" not in one.text()


def test_a_reload_opens_the_new_one_and_keeps_what_stays(daemon: Make) -> None:
    port, other = free_port(), free_port()
    text = config(port, "environment = A=1")
    one = daemon(text)
    ask(port)
    one.rewrite(text.replace("A=1", "A=2"))
    assert one.ask("reload")["changed"] == ["web"]
    ask(port)
    assert "not listening" not in one.text()
    one.rewrite(text.replace(f":{port}", f":{other}"))
    assert one.ask("reload")["changed"] == ["web"]
    ask(other)
    eventually(lambda: is_refused(port), message="the old one is closed")
    text = one.text()
    assert text.index(f"listening on tcp:127.0.0.1:{other}") < text.index("web: not listening on")


def test_a_file_that_the_server_removed_is_made_again(daemon: Make, tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "web.sock"
    text = config(port, f"environment = UNLINK={path}").replace(f"tcp:127.0.0.1:{port}", f"unix:{path}")
    one = daemon(text)
    one.wait_state("web", "RUNNING")
    eventually(lambda: "serving" in one.text() and not path.exists(), message="it has removed it")
    one.ask("signal", "web", signal="TERM")
    one.wait_text("its file was removed; it has been made again")


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_a_port_below_1024_for_nobody(daemon: Make) -> None:
    port = next(port for port in range(1023, 900, -1) if is_refused(port))
    command = f"/usr/bin/python3 -S {ROOT}/tests/programs/activated.py"
    text = config(port, "user = nobody", "environment = PYTHONDONTWRITEBYTECODE=1")
    one = daemon(text.replace(SERVER, command))
    answer = ask(port)
    assert (answer["uid"], answer["LISTEN_PID"]) == (65534, str(one.row("web")["pid"]))


def test_a_port_that_is_taken_is_said(daemon: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one = daemon(STAYS + config(port, "startretries = 0"))
        one.wait_state("web", "FATAL")
    advice = "the port is in use; stop what listens there or choose another"
    assert f"web: gave up after 1 failed start: listen: 127.0.0.1:{port}: {advice}" in one.text()


def test_many_processes_share_one(daemon: Make) -> None:
    port = free_port()
    one = daemon(config(port, "numprocs = 3", "process_name = %(program_name)s_%(process_num)d"))
    seen: set[int] = set()

    def all_three() -> bool:
        seen.add(ask(port)["pid"])
        return len(seen) == 3

    eventually(all_three, message="all of them serve")
    one.ask("stop", "web:web_0", "web:web_1")
    assert ask(port)["pid"] in seen
    one.ask("stop", "web:web_2")
    eventually(lambda: is_refused(port), message="closed with the last one")
