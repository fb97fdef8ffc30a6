"""The control socket under well-behaved, clumsy and hostile clients, on our loop and on asyncio's."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supervice.control import connection as connection_module
from supervice.control import server as rpc_module
from supervice.net import acceptor as acceptor_module
from supervice.net import peer as peer_module
from supervice.net import server_base as clients_module
from supervice.net.peer import Peer
from tests.eventually import eventually
from tests.process.harness.rpc import RawClient, Served, frame

Serve = Callable[..., Served]


@pytest.fixture(params=["ours", "asyncio"])
def serve(request: pytest.FixtureRequest, tmp_path: Path, no_leak: None) -> Iterator[Serve]:
    servers: list[Served] = []

    def start(**options: Any) -> Served:
        server = Served(request.param, options.pop("path", tmp_path / "s.sock"), **options)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.commands.release()
        server.stop()


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve()


def alive(server: Served) -> None:
    with server.client() as client:
        assert client.ask({"command": "status"})["status"] == "ok"


def accepted(client: RawClient, pieces: list[bytes], pause: float = 0) -> bool:
    """Whether the server took all of it before it hung up."""
    try:
        for piece in pieces:
            client.raw(piece)
            if pause:
                threading.Event().wait(pause)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def test_a_request_and_its_reply(served: Served) -> None:
    with served.client() as client:
        request = {"command": "start", "name": "wéb", "names": ["a"], "x": [1, None]}
        assert client.ask(request) == {"status": "ok", "echo": request}
        assert client.ask({"command": "unknown"}) == {
            "status": "error",
            "code": "UNKNOWN_COMMAND",
            "message": "unknown command",
        }


def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    requests = [{"command": "status", "n": n} for n in range(500)]
    with served.client() as client:
        client.send(*requests)
        assert [client.receive() for _ in requests] == [{"status": "ok", "echo": r} for r in requests]


def test_a_slow_command_holds_up_only_its_own_connection(served: Served) -> None:
    with served.client() as slow, served.client() as fast:
        slow.send({"command": "stop", "hold": True}, {"command": "status"})
        eventually(lambda: served.commands.waiting)
        assert fast.ask({"command": "status"})["status"] == "ok"
        served.run(served.commands.release)
        assert [slow.echoed() for _ in range(2)] == ["stop", "status"]


def test_an_unexpected_exception_is_a_reply_and_a_log_line(served: Served) -> None:
    with served.client() as client:
        reply = client.ask({"command": "start", "boom": True})
        assert (reply["code"], reply["message"]) == ("INTERNAL_ERROR", "unexpected RuntimeError: boom")
        assert served.lines == ["control socket: start: unexpected RuntimeError: boom"]
        assert client.ask({"command": "status"})["status"] == "ok"


def test_a_reply_over_the_limit_is_an_error(served: Served) -> None:
    with served.client() as client:
        assert client.ask({"command": "status", "big": 2_000_000})["code"] == "INTERNAL_ERROR"
        assert len(client.ask({"command": "status", "big": 1_000_000})["data"]) == 1_000_000


@pytest.mark.parametrize("wrong", [{}, {"command": 7}, {"command": ""}, {"name": "web"}])
def test_a_request_without_a_verb_costs_nothing(served: Served, wrong: dict[str, Any]) -> None:
    with served.client() as client:
        assert client.ask(wrong)["code"] == "INVALID_REQUEST"
        assert client.ask({"command": "status"})["status"] == "ok"
    assert [r["command"] for r in served.commands.executed] == ["status"]


@pytest.mark.parametrize(
    ("garbage", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "INVALID_REQUEST"),
        (b"\xff" * 100, "INVALID_REQUEST"),
        (struct.pack(">I", 1 << 20 | 1), "INVALID_REQUEST"),
        (struct.pack(">I", 0), "EMPTY_REQUEST"),
        (frame(b"not json"), "INVALID_JSON"),
        (frame(b"[1]"), "INVALID_REQUEST"),
    ],
)
def test_garbage_ends_the_connection_after_the_replies_before_it(
    served: Served, garbage: bytes, code: str
) -> None:
    with served.client() as client:
        client.raw(frame({"command": "status"}) + garbage + frame({"command": "shutdown"}))
        assert client.receive()["status"] == "ok"  # type: ignore[index]
        assert client.receive()["code"] == code  # type: ignore[index]
        assert client.receive() is None
    assert [r["command"] for r in served.commands.executed] == ["status"]
    alive(served)


def test_a_flood_of_garbage(served: Served) -> None:
    with served.client() as client:
        assert not accepted(client, [os.urandom(65536)] * 1000)
        alive(served)
    eventually(lambda: served.server.connections == 0)


def test_half_a_frame_is_given_up_after_a_while(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "FRAME_TIMEOUT", 0.1)
    with served.client() as idle, served.client() as half, served.client() as dribbler:
        assert idle.ask({"command": "status"})["status"] == "ok"
        half.raw(frame({"command": "status"})[:7])
        assert half.receive() is None
        data = frame({"command": "status", "pad": "x" * 4000})
        # a byte now and then does not keep it alive
        assert not accepted(dribbler, [bytes([byte]) for byte in data], pause=0.005)
        assert idle.ask({"command": "status"})["status"] == "ok"


def test_frames_in_small_pieces(served: Served) -> None:
    with served.client() as client:
        for byte in frame({"command": "status"}) * 2:
            client.raw(bytes([byte]))
        assert client.receive() == client.receive() == {"status": "ok", "echo": {"command": "status"}}


def test_a_client_that_says_all_and_then_listens(served: Served) -> None:
    with served.client() as client:
        client.send({"command": "stop", "hold": True}, {"command": "status"})
        client.sock.shutdown(socket.SHUT_WR)
        eventually(lambda: served.commands.waiting)
        served.run(served.commands.release)
        assert [client.echoed() for _ in range(2)] == ["stop", "status"]
        assert client.receive() is None


def test_half_a_request_and_no_more(served: Served) -> None:
    with served.client() as client:
        client.raw(frame({"command": "status"})[:-1])
        client.sock.shutdown(socket.SHUT_WR)
        assert client.receive()["code"] == "INVALID_REQUEST"  # type: ignore[index]
        assert client.receive() is None


def test_an_action_goes_on_when_its_client_leaves_and_a_question_does_not(served: Served) -> None:
    for command in ("stop", "wait"):
        client = served.client().send({"command": command, "hold": True})
        eventually(lambda: len(served.commands.waiting) == 1)
        client.close()
        eventually(lambda: served.server.connections == 0)
        served.run(served.commands.release)
        eventually(lambda: len(served.server._tasks) == 0)
        served.commands.waiting.clear()
    assert served.commands.finished == ["stop"]
    assert served.commands.cancelled == ["wait"]


def test_a_hundred_clients_at_once(served: Served) -> None:
    clients = [served.client() for _ in range(100)]
    for n, client in enumerate(clients):
        client.send({"command": "status", "n": n, "hold": True})
    eventually(lambda: len(served.commands.waiting) == 100)
    served.run(served.commands.release)
    for n, client in enumerate(clients):
        assert client.receive()["echo"]["n"] == n  # type: ignore[index]
        client.close()
    eventually(lambda: served.server.connections == 0)


def test_clients_that_only_connect_and_leave(served: Served) -> None:
    for _ in range(300):
        served.client().close()
    alive(served)
    eventually(lambda: served.server.connections == 0)


def test_a_client_that_reads_slowly_gets_everything(served: Served) -> None:
    with served.client() as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(*({"command": "status", "big": 300_000} for _ in range(20)))
        alive(served)
        for _ in range(20):
            assert len(client.receive()["data"]) == 300_000  # type: ignore[index]


def test_a_client_that_does_not_read_is_not_worked_for(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "STALL_TIMEOUT", 0.3)
    with served.client() as client:
        client.send(*({"command": "status", "big": 900_000} for _ in range(40)))
        eventually(lambda: served.commands.executed)
        alive(served)
        eventually(
            lambda: served.server.connections == 0, message="dropped when nothing was read for a while"
        )
    held_back = [r for r in served.commands.executed if r.get("big")]
    assert len(held_back) < 5


def test_a_stream_and_its_end(served: Served) -> None:
    with served.client() as client:
        client.send({"command": "logs", "follow": True})
        assert client.receive() == {"status": "ok", "hello": True}
        [send] = served.commands.streams
        assert served.run(lambda: send({"status": "ok", "data": "line\n"})) is True
        assert client.receive() == {"status": "ok", "data": "line\n"}
    eventually(lambda: served.commands.stopped == 1)
    assert served.run(lambda: send({"status": "ok"})) is False


def test_a_stream_that_cannot_begin(served: Served) -> None:
    with served.client() as client:
        assert client.ask({"command": "logs", "follow": True, "name": "nobody"})["code"] == "NOT_FOUND"
        assert client.ask({"command": "status"})["status"] == "ok"


def test_the_next_request_ends_a_stream(served: Served) -> None:
    with served.client() as client:
        client.send({"command": "events", "follow": True}, {"command": "status"})
        assert "hello" in client.receive()  # type: ignore[operator]
        assert client.receive()["echo"] == {"command": "status"}  # type: ignore[index]
        assert served.commands.stopped == 1


def test_a_stream_loses_frames_of_a_client_that_does_not_read(served: Served) -> None:
    with served.client() as client:
        client.send({"command": "logs", "follow": True})
        eventually(lambda: served.commands.streams)
        [send] = served.commands.streams
        data = {"status": "ok", "data": "x" * 10_000}
        sent = served.run(lambda: [send(data) for _ in range(1000)])
        assert 0 < sum(sent) < 200
        assert not sent[-1]
        assert client.receive() == {"status": "ok", "hello": True}
        for _ in range(sum(sent)):
            assert client.receive() == data
        assert served.run(lambda: send(data)) is True
        assert client.receive() == data
    eventually(lambda: served.commands.stopped == 1)


def test_a_stream_over_the_hard_limit_is_dropped(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "MAX_OUTPUT", 100_000)
    with served.client() as client:
        client.send({"command": "logs", "follow": True})
        eventually(lambda: served.commands.streams)
        [send] = served.commands.streams
        sent = served.run(lambda: [send({"data": "x" * 50_000}) for _ in range(100)])
        assert not sent[-1]
        eventually(lambda: served.commands.stopped == 1)
        assert served.server.connections == 0
    assert served.lines == ["control socket: a client that does not read was dropped"]


def test_streams_end_with_the_server(served: Served) -> None:
    with served.client() as client:
        client.send({"command": "logs", "follow": True})
        client.receive()
        served.stop()
        assert client.receive() is None
    assert served.commands.stopped == 1
    assert not served.path.exists()


def test_strangers_are_refused(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_module, "peer_of", lambda _sock: Peer(1, 4242, 4242))
    with served.client() as client:
        client.send({"command": "status"}, {"command": "shutdown"})
        assert client.receive()["code"] == "FORBIDDEN"  # type: ignore[index]
        assert client.receive() is None
    assert served.commands.executed == []


def test_a_stranger_who_says_nothing_does_not_keep_a_place(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_module, "peer_of", lambda _sock: Peer(1, 4242, 4242))
    monkeypatch.setattr(connection_module, "FRAME_TIMEOUT", 0.1)
    with served.client() as client:
        assert client.receive() is None


def test_members_of_the_socket_group_may_read(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    served = serve(group_gid=os.getgid())
    monkeypatch.setattr(peer_module, "peer_of", lambda _sock: Peer(os.getpid(), 4242, 1))
    monkeypatch.setattr(peer_module, "groups_of", lambda _sock, _peer: {1, os.getgid()})
    with served.client() as client:
        assert client.ask({"command": "status"})["status"] == "ok"
        client.send({"command": "logs", "follow": True})
        assert "hello" in client.receive()  # type: ignore[operator]
        for command in ("start", "stop", "restart", "reload", "signal", "shutdown", "nonsense"):
            assert client.ask({"command": command})["code"] == "FORBIDDEN"
    assert [r["command"] for r in served.commands.executed] == ["status"]


def test_the_kernel_says_who_we_are(served: Served) -> None:
    from supervice.net.peer import groups_of, peer_of

    with served.client() as client:
        peer = peer_of(client.sock)  # socket.socket is a _socket.socket
        assert (peer.pid, peer.uid, peer.gid) == (os.getpid(), os.geteuid(), os.getegid())
        assert groups_of(client.sock, peer) == {*os.getgroups(), os.getegid()}


def test_too_many_clients_wait_their_turn(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc_module.RpcServer, "most", 5)
    clients = [served.client() for _ in range(5)]
    for client in clients:
        client.send({"command": "status", "hold": True})
    eventually(lambda: len(served.commands.waiting) == 5)
    with served.client() as late:
        late.send({"command": "status"})
        eventually(lambda: served.lines, message="it is said that there is no place")
        clients.pop().close()
        assert late.receive()["status"] == "ok"  # type: ignore[index]
    for client in clients:
        client.close()


def test_when_all_places_are_taken_the_idle_one_goes(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc_module.RpcServer, "most", 3)
    monkeypatch.setattr(clients_module, "IDLE_ENOUGH", -1.0)
    with served.client() as idle, served.client() as busy, served.client() as third:
        for client in (idle, third):
            assert client.ask({"command": "status"})["status"] == "ok"
        busy.send({"command": "status", "hold": True})
        eventually(lambda: served.commands.waiting)
        alive(served)
        assert idle.receive() is None
        assert third.ask({"command": "status"})["status"] == "ok"
        served.run(served.commands.release)
        assert busy.receive()["status"] == "ok"  # type: ignore[index]


def test_a_storm_of_clients_gets_no_more_places_than_there_are(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc_module.RpcServer, "most", 3)
    clients: list[RawClient] = []
    served.run(lambda: clients.extend(served.client() for _ in range(20)))  # all are there in one turn
    eventually(lambda: served.lines, message="it is said that there is no place")
    assert served.run(lambda: served.server.connections) == 3
    for client in clients:
        client.close()


def test_without_descriptors_accepting_pauses_and_goes_on(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    (acceptor,) = served.server._acceptors
    listener = acceptor.listener
    accept = listener.accept_from

    def exhausted() -> Any:
        tries.append(1)
        if len(tries) < 4:
            raise OSError(24, "Too many open files")
        return accept()

    monkeypatch.setattr(acceptor_module, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(acceptor, "_pause", 0.02)
    monkeypatch.setattr(listener, "accept_from", exhausted)
    alive(served)
    assert len(served.lines) == 3
    assert "Too many open files" in served.lines[0]
    assert len(tries) < 8  # no spinning


def test_an_idle_server_is_not_woken(serve: Serve) -> None:
    served = serve()
    with served.client() as client:
        assert client.ask({"command": "status"})["status"] == "ok"
        if served.kind == "ours":
            loop = served.commands.loop
            assert served.run(lambda: [h for h in loop._timers if not h.cancelled]) == []


def test_many_connections_leave_no_timer_behind(serve: Serve) -> None:
    served = serve()
    for _ in range(200):
        with served.client() as client:
            client.raw(frame({"command": "status"})[:5])
    eventually(lambda: served.server.connections == 0)
    if served.kind == "ours":
        loop = served.commands.loop
        assert served.run(lambda: [h for h in loop._timers if not h.cancelled]) == []


def test_a_storm_of_tiny_requests_does_not_hold_up_others(served: Served) -> None:
    storm = served.client()
    storm.sock.settimeout(0.5)
    stop = threading.Event()

    def send() -> None:
        data = frame({}) * 2000
        while not stop.is_set():
            try:
                storm.raw(data)
            except OSError:
                return

    thread = threading.Thread(target=send)
    thread.start()
    try:
        for _ in range(20):
            alive(served)
    finally:
        stop.set()
        thread.join()
        storm.close()
