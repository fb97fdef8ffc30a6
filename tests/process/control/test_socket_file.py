"""The socket file: its mode, whose it is, and who may replace it."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervice.control.server import SocketInUse, check_socket
from supervice.net import unix_listener as listener_module
from supervice.net.unix_listener import Listener
from tests.eventually import eventually
from tests.paths import ROOT
from tests.process.harness.rpc import Served


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    before = len(os.listdir("/proc/self/fd"))
    yield tmp_path / "s.sock"
    eventually(lambda: len(os.listdir("/proc/self/fd")) <= before, message="no descriptor is left open")


def make_stale(path: Path) -> int:
    """A socket whose owner is gone; returns its inode."""
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.listen()
    dead.close()
    return path.stat().st_ino


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_the_mode_is_exact_and_the_umask_is_as_before(path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        listener = Listener(str(path), mode)
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    listener.close()
    assert not path.exists()


def test_the_default_modes(path: Path) -> None:
    for group, mode in ((None, 0o600), (os.getgid(), 0o660)):
        served = Served("ours", path, group_gid=group)
        assert stat.S_IMODE(path.stat().st_mode) == mode
        served.stop()


def test_the_group_owns_the_socket(path: Path) -> None:
    group = os.getgroups()[-1] if os.geteuid() else 4242
    listener = Listener(str(path), 0o660, group)
    assert path.stat().st_gid == group
    listener.close()


def test_a_group_that_we_may_not_give_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_more: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    lines: list[str] = []
    Listener(str(path), 0o660, 4242, lines.append).close()
    assert lines == [f"{path}: chown failed (Operation not permitted); members of group 4242 cannot connect"]


def test_a_stale_socket_is_replaced(path: Path) -> None:
    make_stale(path)
    check_socket(str(path))
    served = Served("ours", path)
    with served.client() as client:
        assert client.ask({"command": "status"})["status"] == "ok"
    served.stop()
    assert not path.exists()


def test_a_live_daemon_is_left_alone(path: Path) -> None:
    served = Served("ours", path)
    inode = path.stat().st_ino
    with pytest.raises(SocketInUse, match="another daemon answers there") as caught:
        Listener(str(path), 0o600)
    assert caught.value.path == str(path)
    with pytest.raises(SocketInUse):
        check_socket(str(path))
    with pytest.raises(SocketInUse):
        Served("asyncio", path)
    assert path.stat().st_ino == inode
    with served.client() as client:
        assert client.ask({"command": "status"})["status"] == "ok"
    served.stop()


def test_a_daemon_too_busy_to_accept_is_alive(path: Path) -> None:
    busy = socket.socket(socket.AF_UNIX)
    busy.bind(str(path))
    busy.listen(0)
    clients = []
    for _ in range(3):  # until the queue is full
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        clients.append(client)
        client.connect_ex(str(path))
    with pytest.raises(SocketInUse):
        Listener(str(path), 0o600)
    for sock in (busy, *clients):
        sock.close()


@pytest.mark.parametrize(
    "kind", ["file", "directory", "symlink", "dangling", "fifo", "symlink to a stale socket"]
)
def test_what_is_no_socket_is_never_removed(path: Path, kind: str) -> None:
    other = path.with_name("other")
    if kind == "file":
        path.write_text("precious")
    elif kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        if kind == "symlink":
            other.write_text("precious")
        elif kind != "dangling":
            make_stale(other)
        path.symlink_to(other)
    before = os.lstat(path)
    with pytest.raises(SocketInUse, match="is not a socket"):
        Listener(str(path), 0o600)
    after = os.lstat(path)
    assert (before.st_ino, before.st_mode) == (after.st_ino, after.st_mode)
    assert other.exists() == (kind in ("symlink", "symlink to a stale socket"))


def test_a_datagram_socket_of_another_program_is_left_alone(path: Path) -> None:
    other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    other.bind(str(path))
    with pytest.raises(SocketInUse):
        Listener(str(path), 0o600)
    other.close()


def test_only_our_own_socket_is_removed(path: Path) -> None:
    served = Served("ours", path)
    keep = path.with_name("keep")  # pins the inode number
    path.rename(keep)
    stale = make_stale(path)
    served.stop()
    assert path.stat().st_ino == stale
    keep.unlink()


def test_closing_twice_and_after_the_file_is_gone(path: Path) -> None:
    served = Served("ours", path)
    path.unlink()
    served.run(served.server.close)
    served.stop()


def test_a_fork_does_not_take_the_socket_away(path: Path) -> None:
    listener = Listener(str(path), 0o600)
    listener._pid += 1
    listener.close()
    assert path.exists()


@pytest.mark.parametrize("bad", ["no/such/directory/s.sock", "x" * 120])
def test_a_path_that_cannot_be_is_an_oserror(path: Path, bad: str) -> None:
    with pytest.raises(OSError) as caught:
        Listener(str(path.with_name("x").parent / bad), 0o600)
    assert not isinstance(caught.value, SocketInUse)


def test_the_path_may_be_relative(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    listener = Listener("s.sock", 0o600)
    assert path.exists()
    monkeypatch.chdir("/")
    listener.close()
    assert not path.exists()


@pytest.fixture
def locked(path: Path) -> Iterator[None]:
    """The directory is locked, as every user who may read it can lock it."""
    fd = os.open(path.parent, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    yield
    os.close(fd)


@pytest.mark.usefixtures("locked")
def test_b1_a_directory_that_stays_locked_is_not_waited_for_long(path: Path) -> None:
    """The loop stands still meanwhile, and a stranger must not take the socket away."""
    begin = time.monotonic()
    listener = Listener(str(path), 0o600)
    assert time.monotonic() - begin < 30
    assert path.is_socket()
    listener.close()
    assert not path.exists()


@pytest.mark.usefixtures("locked")
def test_b1_without_the_lock_a_socket_that_may_be_new_is_left_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another daemon may be between bind and listen; an old one cannot."""
    inode = make_stale(path)
    with pytest.raises(SocketInUse, match="try again") as caught:
        Listener(str(path), 0o600)
    assert path.stat().st_ino == inode
    assert caught.value.foreign
    assert not caught.value.live
    monkeypatch.setattr(listener_module, "NEW", 0.0)
    Listener(str(path), 0o600).close()
    assert not path.exists()


RACER = """
import os, sys
from supervice.net.unix_listener import Listener, SocketInUse
print("ready", flush=True)
sys.stdin.readline()
try:
    listener = Listener(sys.argv[1], 0o600)
except SocketInUse:
    print("lost", flush=True)
else:
    print("won", flush=True)
    sys.stdin.readline()
    listener.close()
"""


@pytest.mark.parametrize("stale", [False, True])
def test_of_many_that_start_at_once_one_wins(path: Path, stale: bool) -> None:
    for _ in range(5):
        if stale:
            make_stale(path)
        racers = [
            subprocess.Popen(
                [sys.executable, "-c", RACER, str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            for _ in range(6)
        ]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        results = [racer.stdout.readline() for racer in racers if racer.stdout is not None]
        assert sorted(results) == ["lost\n"] * 5 + ["won\n"]
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        for racer in racers:
            racer.communicate("done\n")
            assert racer.returncode == 0
        assert not path.exists()
