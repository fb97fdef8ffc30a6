"""A reader who takes all the connections that he can get: operators still get theirs (SPEC 7)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervice.client import Controller
from supervice.control.client import Client, Unreachable
from tests.eventually import eventually
from tests.process.harness.rpc import Served, frame

READER = 12345

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs a second uid")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that others may enter."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@contextlib.contextmanager
def followers(path: Path, count: int, uid: int = READER) -> Iterator[str]:
    """`count` connections of another uid that follow events, and what the last of them was told."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            socks, said = [], b""
            for _ in range(count):
                sock = socket.socket(socket.AF_UNIX)
                sock.connect(str(path))
                with contextlib.suppress(OSError):
                    sock.sendall(frame({"command": "events", "follow": True}))
                socks.append(sock)
            sock.settimeout(10)
            with contextlib.suppress(OSError):
                said = sock.recv(4096)
            os.write(write, said or b"-")
            signal.pause()
        finally:
            os._exit(1)
    os.close(write)
    try:
        yield os.read(read, 4096).decode("utf-8", "replace")
    finally:
        os.close(read)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.fixture
def served(place: Path) -> Iterator[Served]:
    served = Served("ours", place / "s.sock", group_gid=READER)
    yield served
    served.stop()


def test_a7_a_reader_with_520_followers_does_not_lock_root_out(served: Served) -> None:
    with followers(served.path, 520) as said:
        assert '"BUSY"' in said
        assert "uid 12345 has 128 connections" in said
        with Client(str(served.path)) as client:
            assert client.ask({"command": "status"}, 20)["status"] == "ok"
        assert served.run(lambda: served.server.connections) <= 130
        assert len(served.lines) == 1  # however many were refused
        assert "control socket: a connection of uid 12345 was refused" in served.lines[0]
    eventually(lambda: served.run(lambda: served.server.connections) == 0)


def test_a7_connections_leave_descriptors_to_programs(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    lowest = os.open("/dev/null", os.O_RDONLY)
    os.close(lowest)
    monkeypatch.setattr(os, "sysconf", lambda _name: lowest + 50)
    with followers(served.path, 70) as said:
        assert "too few descriptors are left" in said
        with Client(str(served.path)) as client:
            assert client.ask({"command": "status"}, 20)["status"] == "ok"


def test_b3_nothing_is_waited_for_at_the_full_queue_of_a_stranger(place: Path) -> None:
    path = place / "s.sock"
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(path))
        os.chown(path, READER, READER)
        stranger.listen(0)
        clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(str(path))
        began = time.monotonic()
        with pytest.raises(Unreachable, match="belongs to uid 12345, which is neither root nor you"):
            Client(str(path))
        reply = asyncio.run(Controller(str(path)).send_command("status"))
        assert "belongs to uid 12345" in reply["message"]
        assert time.monotonic() - began < 9, "the ten seconds of one of them"
        for client in clients:
            client.close()
