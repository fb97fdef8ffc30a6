"""A mount and a name server that never answer: one program is held, nothing else is (T2, T3).

The guard of the ring fails these, too, when a turn of the loop sleeps for two seconds.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervice.control.client import Client
from tests import procfs
from tests.eventually import eventually
from tests.ports import free_port
from tests.process.harness import silent
from tests.process.harness.daemon import Daemon

pytestmark = pytest.mark.skipif(not silent.possible(), reason="needs root, namespaces and /dev/fuse")
OTHER = "[program:other]\ncommand = sleep 1000\nstartsecs = 0\n"


class Held(Daemon):
    """A daemon with a mount at DIR/silent and a name server that do not answer."""

    def __init__(self, directory: Path, text: str) -> None:
        self.mount = directory / "silent"
        self.mount.mkdir()
        self.directory = directory
        self.config = directory / "supervice.conf"
        self.socket = directory / "s.sock"
        if "[supervice]" not in text and "[supervisord]" not in text:
            text = f"[supervice]\nsocket = {self.socket}\n{text}"
        self.config.write_text(text.replace("SILENT", str(self.mount)))
        self.out, self.err = directory / "out", directory / "err"
        env = {**os.environ, "SILENT_MOUNT": str(self.mount), "SILENT_RESOLV": str(directory / "resolv.conf")}
        argv = [
            sys.executable,
            silent.__file__,
            sys.executable,
            "-m",
            "supervice.cli",
            "-c",
            str(self.config),
        ]
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Callable[[str], Held]]:
    made: list[Held] = []

    def make(text: str) -> Held:
        made.append(Held(tmp_path, text))
        return made[-1]

    yield make
    for one in made:
        one.process.kill()
        one.process.wait()


def ends_at_once(one: Daemon) -> None:
    began = time.monotonic()
    one.signal(signal.SIGTERM)
    one.wait(20)
    assert time.monotonic() - began < 9, one.text()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ("command = sleep 1000\ndirectory = SILENT/app\n", "directory SILENT/app on SILENT (fuse)"),
        ("command = SILENT/bin/app\n", "command SILENT/bin/app on SILENT (fuse)"),
        ("command = sleep 1000\nenv_file = SILENT/env\n", "env_file SILENT/env on SILENT (fuse)"),
        ("command = sleep 1000\nsecrets = A=SILENT/secret\n", "secret SILENT/secret on SILENT (fuse)"),
        ("command = sleep 1000\nstdout_logfile = SILENT/log\n", "log file SILENT/log on SILENT (fuse)"),
        ("command = app\nenvironment = PATH=SILENT:/bin\n", "a directory of PATH, SILENT on SILENT (fuse)"),
    ],
    ids=["directory", "command", "env_file", "secret", "logfile", "PATH"],
)
def test_t2_a_mount_that_never_answers_holds_one_program(
    held: Callable[[str], Held], options: str, what: str
) -> None:
    one = held(f"[program:a]\n{options}autostart = false\n{OTHER}")
    what = what.replace("SILENT", str(one.mount))
    one.wait_state("other", "RUNNING")
    with Client(str(one.socket)) as client:
        client.send({"command": "start", "name": "a"})
        row = one.wait_state("a", "STARTING")
        assert row["reason"] == f"{what} does not answer yet"
        assert row["pid"] is None
        one.wait_text(f"a: {what} does not answer; the start waits for it")
        assert one.ask("stop", "a")["status"] == "ok"
        assert client.receive(20) is not None
    assert one.row("a")["state"] == "STOPPED"
    # what looked there is gone, and a second try is held like the first
    eventually(lambda: len(procfs.descendants(one.pid)) == 1)
    with Client(str(one.socket)) as client:
        client.send({"command": "start", "name": "a"})
        one.wait_state("a", "STARTING")
        assert one.row("other")["state"] == "RUNNING"
        ends_at_once(one)
    assert "left behind" not in one.text()


def test_t2_a_link_to_such_a_mount_is_seen_without_touching_it(
    held: Callable[[str], Held], tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to("silent/deep")
    one = held(f"[program:a]\ncommand = sleep 1000\ndirectory = {tmp_path}/link/app\n{OTHER}")
    one.wait_state("other", "RUNNING")
    assert f"on {one.mount} (fuse)" in one.wait_state("a", "STARTING")["reason"]
    ends_at_once(one)


def test_t2_a_reload_does_not_wait_for_files_there(held: Callable[[str], Held]) -> None:
    one = held(f"[program:a]\ncommand = sleep 1000\nenv_file = SILENT/env\n{OTHER}")
    one.wait_state("other", "RUNNING")
    one.wait_state("a", "STARTING")
    one.config.write_text(f"{one.config.read_text()}[program:new]\ncommand = sleep 1000\nstartsecs = 0\n")
    assert one.ask("reload")["added"] == ["new"]
    one.wait_state("new", "RUNNING")
    assert one.row("a")["state"] == "STARTING"
    ends_at_once(one)


@pytest.mark.parametrize("ready", ["file:SILENT/ready", "unix:SILENT/socket"])
def test_t2_readiness_on_such_a_mount_is_asked_beside_the_loop(
    held: Callable[[str], Held], ready: str
) -> None:
    one = held(
        f"[program:a]\ncommand = sleep 1000\nready = {ready}\nready_timeout = 4\nstartretries = 0\n{OTHER}"
    )
    one.wait_state("other", "RUNNING")
    assert one.row("a")["state"] == "STARTING"
    assert one.row("a")["pid"] is not None
    assert "not ready within 4 s" in one.wait_state("a", "FATAL")["reason"]
    eventually(lambda: len(procfs.descendants(one.pid)) == 1)
    ends_at_once(one)


def test_t3_the_place_of_the_probes(held: Callable[[str], Held], tmp_path: Path) -> None:
    one = held(f"[supervice]\nsocket = {tmp_path}/s.sock\nhttp = probes.example:9090\n{OTHER}")
    one.wait_state("other", "RUNNING")
    text = one.wait_text("no name server has told the address of probes.example yet; it is waited for")
    assert "http = probes.example:9090: no probes and no metrics" in text
    ends_at_once(one)


def test_t3_the_server_of_a_stock_file(held: Callable[[str], Held], tmp_path: Path) -> None:
    one = held(
        f"[supervisord]\nnodaemon=true\n[unix_http_server]\nfile={tmp_path}/stock.sock\n"
        "[inet_http_server]\nport=rpc.example:9001\n"
        "[program:other]\ncommand=sh -c 'echo url $SUPERVISOR_SERVER_URL; exec sleep 1000'\nstartsecs=0\n"
    )
    one.wait_text(f"url unix://{tmp_path}/stock.sock")
    one.wait_text("[inet_http_server] is not served: no name server has told the address of rpc.example yet")
    ends_at_once(one)


def test_t3_the_socket_of_a_fastcgi_program(held: Callable[[str], Held], tmp_path: Path) -> None:
    one = held(
        "[supervisord]\nnodaemon=true\n[fcgi-program:f]\ncommand=sleep 1000\nsocket=tcp://fcgi.example:9000\n"
        "[program:other]\ncommand=sh -c 'echo other is up; exec sleep 1000'\nstartsecs=0\n"
    )
    one.wait_text("other is up")
    one.wait_text(
        "f: the name server that is asked for fcgi.example (tcp://fcgi.example:9000) does not answer; the start "
        "waits for it"
    )
    ends_at_once(one)


def test_t3_a_check_of_a_name(held: Callable[[str], Held]) -> None:
    one = held(
        "[program:a]\ncommand = sleep 1000\nstartsecs = 0\nhealthcheck_type = tcp\nhealthcheck_port = 1\n"
        "healthcheck_host = db.example\nhealthcheck_timeout = 0.5\nhealthcheck_interval = 0.5\n"
        f"healthcheck_action = none\n{OTHER}"
    )
    one.wait_text("no answer from db.example:1 within 0.5 s")
    eventually(lambda: one.text().count("no answer from") > 3)
    assert procfs.threads(one.pid) == 2  # one look-up, however many ask
    ends_at_once(one)


# -- where everything answers ----------------------------------------------------------------------------


def test_t3_a_port_that_is_taken_is_tried_again(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    """As `http =` always was: [inet_http_server] gave up after one try."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        one = daemon(
            f"; not [supervice]\n[supervisord]\nnodaemon=true\n[inet_http_server]\nport=localhost:{port}\n"
            "[program:other]\ncommand=sh -c 'echo other is up; exec sleep 1000'\nstartsecs=0\n",
            wait=False,
        )
        one.wait_text("other is up")
        one.wait_text(f"[inet_http_server] is not served: localhost:{port}: the port is in use")
        one.wait_text("next attempt in 1 s")
    eventually(
        lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/mainlogtail").status == 200, timeout=20
    )


def test_t3_a_socket_with_the_name_of_a_host_is_had(daemon: Callable[..., Daemon]) -> None:
    port = free_port()
    one = daemon(
        f"; not [supervice]\n[supervisord]\nnodaemon=true\n[fcgi-program:f]\ncommand=sh -c 'echo up; exec sleep 1000'\n"
        f"socket=tcp://localhost:{port}\nstartsecs=0\n",
        wait=False,
    )
    one.wait_text("up\n")
    socket.create_connection(("localhost", port)).close()
