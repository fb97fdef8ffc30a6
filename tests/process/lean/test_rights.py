"""A descriptor whose close waits holds up neither a server nor a daemon that it is sent to."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from supervice.checks import connect as connect_module
from supervice.lean import rights
from supervice.lean.loop import Loop
from supervice.net import unix_listener
from supervice.net.unix_listener import Listener, SocketInUse, check_socket
from supervice.notify.server import NotifySocket
from tests.eventually import eventually
from tests.fakes.loop import FakeLoop
from tests.process.harness import http, rpc
from tests.process.harness.daemon import Daemon
from tests.process.harness.lingering import PATIENCE, Lingering


@pytest.fixture
def lingering(no_leak: None) -> Iterator[Lingering]:
    with Lingering() as one:
        yield one


@pytest.fixture(params=["refused", "an older kernel"])
def refused(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the kernel refuses descriptors for us; it does from Linux 6.16 on."""
    if request.param != "refused":
        monkeypatch.setattr(unix_listener, "refuse_rights", lambda _sock: None)
        return False
    need_refusal()
    return True


def need_refusal() -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.getsockopt(socket.SOL_SOCKET, rights.SO_PASSRIGHTS)
        except OSError:
            pytest.skip("needs Linux 6.16")


@contextmanager
def soon() -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < PATIENCE


@pytest.mark.parametrize("kind", ["ours", "asyncio"])
def test_the_control_socket(lingering: Lingering, refused: bool, kind: str, tmp_path: Path) -> None:
    server = rpc.Served(kind, tmp_path / "s.sock")
    try:
        with server.client() as client, server.client() as other, soon():
            request = {"command": "status"}
            assert lingering.send(client.sock, rpc.frame(request)) != refused
            assert other.ask(request)["status"] == "ok"
            assert refused or client.receive() == {"status": "ok", "echo": request}
    finally:
        server.stop()


@pytest.mark.parametrize("kind", ["ours", "asyncio"])
def test_http(lingering: Lingering, refused: bool, kind: str, tmp_path: Path) -> None:
    server = http.Served(kind, tmp_path / "h.sock")
    try:
        with server.client() as client, server.client() as other, soon():
            assert lingering.send(client.sock, b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n") != refused
            assert other.request("/b").response()[0] == 200
            assert refused or client.response()[0] == 200
    finally:
        server.stop()


def test_what_a_client_sends_before_it_is_accepted(lingering: Lingering, tmp_path: Path) -> None:
    need_refusal()
    listener = Listener(str(tmp_path / "s.sock"), 0o600)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(listener.path)
        assert not lingering.send(client, b"x")
        client.send(b"y")
        accepted, _ = listener.accept_from()
        assert not lingering.send(client, b"x")
        assert accepted.recv(10) == b"y"
        accepted.close()
    listener.close()


def test_a_program_that_accepts_from_our_socket_may_take_descriptors(tmp_path: Path, no_leak: None) -> None:
    listener = Listener(str(tmp_path / "s.sock"), 0o600, for_program=True)
    os.unlink(listener.path)
    again = listener.again()
    assert again is not None
    listener.close()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(again.path)
        socket.send_fds(client, [b"x"], [0])
        with socket.socket(fileno=again.accept_from()[0].detach()) as accepted:
            data, (fd,), _, _ = socket.recv_fds(accepted, 10, 1)
            os.close(fd)
    assert data == b"x"
    again.close()


def test_notifications(daemon: Callable[..., Daemon], lingering: Lingering, tmp_path: Path) -> None:
    one = daemon(
        f"[program:a]\ncommand = sh -c 'echo $NOTIFY_SOCKET > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/address;"
        " exec sleep 1000'\nready = notify\n"
    )
    eventually((tmp_path / "address").exists)
    address = (tmp_path / "address").read_text().strip().replace("@", "\0", 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, soon():
        sock.connect(address)
        assert lingering.send(sock, b"BARRIER=1")
        read, write = os.pipe()
        socket.send_fds(sock, [b"BARRIER=1"], [write])
        os.close(write)
        assert os.read(read, 1) == b""
        os.close(read)
        assert one.row("a")["state"] == "STARTING"


def test_what_is_unread_when_the_socket_for_notifications_ends(lingering: Lingering, tmp_path: Path) -> None:
    one = NotifySocket(FakeLoop(), [str(tmp_path)])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, soon():
        sock.connect(one.address)
        assert lingering.send(sock, b"BARRIER=1")
        one.close()


def test_a_close_that_fails_leaves_no_other_open(no_leak: None) -> None:
    read, write = os.pipe()
    os.close(read)
    bad = b"".join(fd.to_bytes(4, "little") for fd in (read, write))
    rights.close_received([(socket.SOL_SOCKET, socket.SCM_RIGHTS, bad)])
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(write)


def test_a_connection_that_its_sender_keeps_is_not_reset(no_leak: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs = server.accept()[0]
    copy = os.dup(ours.fileno())
    rights.close_received([(socket.SOL_SOCKET, socket.SCM_RIGHTS, copy.to_bytes(4, "little"))])
    with ours, theirs:
        ours.send(b"all of it")
        ours.close()
        assert theirs.recv(100) == b"all of it"
        assert theirs.recv(100) == b""


class Greeter:
    """A program's socket, whose server sends a descriptor to each client at once."""

    def __init__(self, path: Path, lingering: Lingering) -> None:
        self.path = str(path)
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(self.path)
        self._server.listen()
        self._lingering = lingering
        self.sent: list[bool] = []

    def greet(self) -> None:
        with self._server.accept()[0] as client:
            self.sent.append(self._lingering.send(client, b"x"))

    def __enter__(self) -> Greeter:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.close()


def test_the_check_whether_a_program_listens(
    lingering: Lingering, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    need_refusal()
    real = connect_module._connect

    async def connect(*args: Any) -> None:
        await real(*args)
        greeter.greet()

    monkeypatch.setattr(connect_module, "_connect", connect)
    loop = Loop()
    with Greeter(tmp_path / "s", lingering) as greeter, soon():
        loop.run_until_complete(connect_module.connect_unix(greeter.path))
    loop.close()
    assert greeter.sent == [False]


def test_the_question_who_listens_at_our_path(
    lingering: Lingering, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    need_refusal()
    real = unix_listener._listener_of

    def listener_of(sock: Any) -> tuple[int, int]:
        greeter.greet()
        return real(sock)

    monkeypatch.setattr(unix_listener, "_listener_of", listener_of)
    with Greeter(tmp_path / "s", lingering) as greeter, soon(), pytest.raises(SocketInUse):
        check_socket(greeter.path)
    assert greeter.sent == [False]
