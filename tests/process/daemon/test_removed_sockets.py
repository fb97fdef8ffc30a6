"""`rm -f /tmp/*`: socket files that were removed are made again (T10)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervice import logger
from supervice.supervision import socket_files
from tests.eventually import eventually
from tests.process.harness.daemon import Daemon
from tests.process.harness.rpc import Served

SLEEPER = "[program:a]\ncommand = sleep 1000\nstartsecs = 0\n"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[[str], Daemon]]:
    made: list[Daemon] = []

    def start(text: str) -> Daemon:
        made.append(Daemon(tmp_path, text))
        eventually(made[-1].socket.exists)
        return made[-1]

    yield start
    for one in made:
        one.process.terminate()
        one.wait()


@pytest.mark.parametrize("signum", [signal.SIGHUP, signal.SIGUSR2])
def test_t10_a_removed_control_socket_is_made_again(daemon: Callable[[str], Daemon], signum: int) -> None:
    one = daemon(SLEEPER)
    one.wait_state("a", "RUNNING")
    mode = one.socket.stat().st_mode
    one.socket.unlink()
    one.signal(signum)
    eventually(one.socket.exists)
    assert one.socket.stat().st_mode == mode
    assert one.row("a")["state"] == "RUNNING"
    one.wait_text("its socket file was removed; it is made again")
    one.process.terminate()
    one.wait()
    assert not one.socket.exists()


def test_t10_reopen_over_a_connection_that_is_still_there(daemon: Callable[[str], Daemon]) -> None:
    from supervice.control.client import Client

    one = daemon(SLEEPER)
    one.wait_state("a", "RUNNING")
    with Client(str(one.socket)) as client:
        client.ask({"command": "version"}, 10)
        one.socket.unlink()
        assert client.ask({"command": "reopen"}, 10)["status"] == "ok"
        assert one.ask("version")["status"] == "ok"


def test_t10_the_socket_of_supervisorctl_is_made_again(
    daemon: Callable[[str], Daemon], tmp_path: Path
) -> None:
    text = f"[unix_http_server]\nfile = {tmp_path}/h.sock\n[supervisord]\n{SLEEPER.replace(' = ', '=')}"
    config = tmp_path / "stock.conf"
    config.write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-m", "supervice.cli", "-c", str(config), "-s", str(tmp_path / "s.sock")],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        path = tmp_path / "h.sock"
        eventually(path.exists)
        eventually((tmp_path / "s.sock").exists)
        path.unlink()
        process.send_signal(signal.SIGUSR2)
        eventually(path.exists)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 ")
    finally:
        process.terminate()
        process.wait(20)


def test_t10_what_cannot_be_made_again_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another daemon has taken the path meanwhile: it keeps it."""
    lines: list[str] = []
    monkeypatch.setattr(logger, "warning", lines.append)
    monkeypatch.setattr(socket_files, "EVERY", 0.02)
    served = Served("ours", tmp_path / "s.sock")
    looked: list[int] = []

    class Part:
        has_socket_files = True

        def restore(self) -> list[tuple[str, str]]:
            looked.append(1)
            return served.server.restore()

    part = Part()
    files = served.run(lambda: socket_files.SocketFiles(served.commands.loop, lambda: [part]))
    served.path.unlink()
    eventually(served.path.exists, message="the timer looks, too")
    served.run(files.close)
    served.path.unlink()
    other = Served("asyncio", served.path)
    served.run(files.look)
    before = len(looked)
    eventually(lambda: len(looked) > before + 3)
    assert len(lines) == 1
    assert "another daemon answers there" in lines[0]
    with other.client() as client:
        assert client.ask({"command": "status"})["status"] == "ok"
    served.run(files.close)
    served.stop()
    assert other.path.exists()  # what is another's is not removed
    other.stop()


def test_no_timer_without_a_socket_file() -> None:
    class Loop:
        def call_later(self, *_args: object) -> None:
            raise AssertionError("nothing is to be looked at")

    socket_files.SocketFiles(Loop(), list)  # type: ignore[arg-type]


def test_the_descriptors_stay_as_many(tmp_path: Path) -> None:
    served = Served("ours", tmp_path / "s.sock")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        served.path.unlink()
        assert served.run(served.server.restore) == []
    # What else this process has open may change meanwhile: ten more would be ours.
    eventually(lambda: len(os.listdir("/proc/self/fd")) < before + 10)
    served.stop()
