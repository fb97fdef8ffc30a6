"""The HTTP server under well-behaved, clumsy and hostile clients, on our loop and on asyncio's."""

from __future__ import annotations

import errno
import os
import socket
import stat
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervice.http import connection as connection_module
from supervice.http import server as http_module
from supervice.http.opening import Opening
from supervice.http.server import HttpServer, Request, Response, SocketInUse, text
from supervice.net import acceptor as acceptor_module
from supervice.net import buffered_socket as socket_module
from supervice.net import server_base as clients_module
from supervice.net.inet_listener import listen
from tests.eventually import eventually
from tests.process.harness.http import RawClient, Served

Serve = Callable[..., Served]


@pytest.fixture(params=["ours", "asyncio"])
def serve(request: pytest.FixtureRequest, tmp_path: Path, no_leak: None) -> Iterator[Serve]:
    servers: list[Served] = []

    def start(**options: Any) -> Served:
        server = Served(request.param, tmp_path / "h.sock", **options)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve()


def works(served: Served) -> None:
    with served.client() as client:
        assert client.request("/ok").response()[0] == 200


def test_a_request_and_its_response(served: Served) -> None:
    with served.client() as client:
        status, headers, body = client.request(
            "/a%20b%3Ac?x=1%20", "POST", b"!", "X-A: 1", "x-a: 2"
        ).response()
        assert (status, body) == (200, b"POST /a b:c!")
        assert headers["content-length"] == "12"
        assert headers["date"].endswith(" GMT")
        (request,) = served.requests
        assert (request.query, request.headers["x-a"]) == ("x=1%20", "1, 2")
        assert request.peer == f"unix:uid={os.getuid()},pid={os.getpid()}"
        assert client.request("http://elsewhere/p").response()[2] == b"GET /p"


def test_keep_alive_and_pipelining(served: Served) -> None:
    with served.client() as client:
        client.raw(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(500)))
        assert [client.response()[2] for _ in range(500)] == [b"GET /%d" % n for n in range(500)]
        client.request("/last", "GET", b"", "Connection: close")
        assert client.response()[2] == b"GET /last"
        assert client.rest() == b""


def test_pipelining_behind_what_takes_time(served: Served) -> None:
    with served.client() as client:
        client.request("/wait").request("/short").request("/after")
        eventually(lambda: served.waiting)
        works(served)
        served.release()
        assert [client.response()[2] for _ in range(3)] == [b"late", b"only this", b"GET /after"]
    eventually(lambda: served.stopped == 1)


def test_hundreds_of_short_streams_in_one_packet(served: Served) -> None:
    with served.client() as client:
        client.raw(b"GET /short HTTP/1.1\r\nHost: x\r\n\r\n" * 500)
        assert [client.response()[2] for _ in range(500)] == [b"only this"] * 500
    eventually(lambda: served.stopped == 500)


def test_newlines_between_requests_are_nothing(served: Served) -> None:
    with served.client() as client:
        for path in ("/short", "/x", "/y"):
            client.request(path).raw(b"\r\n\r\n")
            assert client.response()[0] == 200


def test_a_client_that_has_said_all_gets_all_answers(served: Served) -> None:
    with served.client() as client:
        client.raw(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" * 3).sock.shutdown(socket.SHUT_WR)
        assert [client.response()[2] for _ in range(3)] == [b"GET /a"] * 3
        assert client.rest() == b""
    with served.client() as client:
        client.request("/wait").raw(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" * 2).sock.shutdown(socket.SHUT_WR)
        eventually(lambda: served.waiting)
        served.release()
        assert [client.response()[2] for _ in range(3)] == [b"late", b"GET /a", b"GET /a"]
        assert client.rest() == b""


def test_http_1_0_ends_with_the_connection(served: Served) -> None:
    with served.client() as client:
        client.raw(b"GET /x HTTP/1.0\r\n\r\n")
        assert client.response()[2] == b"GET /x"
        assert client.rest() == b""
    with served.client() as client:
        client.raw(b"GET /short HTTP/1.0\r\n\r\n")
        status, headers, body = client.response()
        assert (status, body) == (200, b"only this")
        assert "transfer-encoding" not in headers


def test_head_has_no_body(served: Served) -> None:
    with served.client() as client:
        status, headers, _ = client.request("/x", "HEAD").response(head_only=True)
        assert (status, headers["content-length"]) == (200, "7")
        assert client.request("/stream", "HEAD").response(head_only=True)[0] == 200
        assert client.request("/nothing").response()[::2] == (204, b"")
        assert client.request("/x").response()[2] == b"GET /x"
    assert served.streams == []


def test_a_body_in_chunks_and_expect_continue(served: Served) -> None:
    with served.client() as client:
        client.request("/e", "POST", b"", "Content-Length: 3", "Expect: 100-continue")
        assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100")
        assert client.raw(b"abc").response()[2] == b"POST /eabc"
        client.request("/c", "POST", b"", "Transfer-Encoding: chunked")
        client.raw(b"3\r\nabc\r\n").raw(b"2\r\nde\r\n0\r\n\r\n")
        assert client.response()[2] == b"POST /cabcde"


def test_a_stream_goes_on_until_it_is_done(served: Served) -> None:
    with served.client() as client:
        client.request("/stream")
        assert client.until(b"hello\n\r\n").endswith(b"6\r\nhello\n\r\n")
        send, done = served.streams[0]
        assert served.run(lambda: send(b"more")) is True
        served.run(done)
        served.run(done)
        assert served.run(lambda: send(b"too late")) is False
        assert client.until(b"0\r\n\r\n") == b"4\r\nmore\r\n0\r\n\r\n"
        assert served.stopped == 1
        assert client.request("/x").response()[2] == b"GET /x"


def test_a_follower_that_leaves_is_noticed_without_output(served: Served) -> None:
    with served.client() as client:
        client.request("/stream").until(b"hello\n")
    eventually(lambda: served.stopped == 1)
    assert served.run(lambda: served.server.connections) == 0


def test_a_follower_that_does_not_read_loses_pieces(served: Served) -> None:
    with served.client() as client:
        client.request("/stream").until(b"hello\n")
        send = served.streams[0][0]
        taken = [served.run(lambda: send(b"x" * 65536)) for _ in range(64)]
        assert taken[0] is True
        assert taken[-1] is False
        works(served)


def test_a_stream_that_cannot_begin(served: Served) -> None:
    with served.client() as client:
        assert client.request("/broken").response(head_only=True)[0] == 200
        assert client.rest() == b""
    assert served.lines == ["http: a stream could not begin: RuntimeError: no log"]


def test_an_exception_is_a_500_and_a_line(served: Served) -> None:
    with served.client() as client:
        assert client.request("/boom").response()[::2] == (500, b"unexpected RuntimeError: boom\n")
        assert client.request("/header").response()[0] == 500
        client.request("/wait?boom")
        eventually(lambda: served.waiting)
        served.release()
        assert client.response()[0] == 500
        assert client.request("/x").response()[0] == 200
    assert served.lines[0] == "http: GET /boom: unexpected RuntimeError: boom"
    assert len(served.lines) == 3


def test_a_big_response_to_a_slow_reader(served: Served) -> None:
    with served.client() as client:
        client.request("/big?20000000").request("/x")
        works(served)
        assert client.response()[2] == b"x" * 20_000_000
        assert client.response()[2] == b"GET /x"


# -- limits ----------------------------------------------------------------------------------------------

KIBI = 1024


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (KIBI * 64 + 1), 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 20000, 431),
        (b"GET /" + b"x" * 20000, 431),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), 400),
        (b"rubbish\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505),
    ],
)
def test_what_cannot_be_served_is_refused(served: Served, data: bytes, status: int) -> None:
    with served.client() as client:
        got, headers, _ = client.raw(data).response()
        assert got == status
        assert headers["connection"] == "close"
        assert client.rest() == b""
    assert served.requests == []
    works(served)


def test_a_refusal_is_heard_by_who_still_sends(served: Served) -> None:
    """Over the internet, closing with unread input is a reset, and that overtakes the answer."""
    served.run(lambda: served.server.open_inet("127.0.0.1", 0))
    with served.client(served.server.ports[0]) as client:
        client.request("/", "POST", b"", "Transfer-Encoding: chunked")
        sent = threading.Thread(target=_flood, args=(client,), daemon=True)
        sent.start()
        assert client.response()[0] == 413
        sent.join(10)
        assert not sent.is_alive()
    works(served)


def _flood(client: RawClient) -> None:
    try:
        for _ in range(200):
            client.raw(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    except OSError:
        pass


def test_slow_clients_are_let_go(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "REQUEST_TIMEOUT", 0.2)
    monkeypatch.setattr(connection_module, "STALL_TIMEOUT", 0.2)
    monkeypatch.setattr(connection_module, "LINGER", 0.2)
    served = serve()
    with served.client() as silent, served.client() as slow, served.client() as body, served.client() as deaf:
        slow.raw(b"GET / HT")
        body.request("/", "POST", b"", "Content-Length: 5").raw(b"abc")
        deaf.request("/big?10000000")
        assert silent.rest() == b""
        assert slow.response()[0] == 408
        assert body.response()[0] == 408
        eventually(lambda: served.run(lambda: served.server.connections) == 0)
    assert [request.path for request in served.requests] == ["/big"]


def test_reading_a_little_now_and_then_does_not_keep_a_connection(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "STALL_TIMEOUT", 0.5)
    monkeypatch.setattr(socket_module, "PROGRESS", 50_000_000)
    served = serve()
    with served.client() as slow:
        slow.request("/big?10000000")

        def gone() -> bool:
            slow.sock.recv(20_000)  # the server has room for more with each
            return clients(served) == 0

        eventually(gone, timeout=5)
    works(served)


def test_a_slow_reader_has_its_answer_whole(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far longer than the time in which it has to read something."""
    monkeypatch.setattr(connection_module, "STALL_TIMEOUT", 0.5)
    served = serve()
    with served.client() as slow:
        slow.request("/big?10000000")
        slow.until(b"\r\n\r\n")
        got = len(slow._data)
        began = time.monotonic()

        def whole() -> bool:
            nonlocal got
            got += len(slow.sock.recv(130_000))
            return got == 10_000_000

        eventually(whole, timeout=30)
        assert time.monotonic() - began > 1


def clients(served: Served) -> int:
    return int(served.run(lambda: served.server.connections))


def held(served: Served) -> int:
    return int(served.run(lambda: sum(client.held for client in served.server._connections)))


def lingering(served: Served) -> int:
    """The number of clients that were refused while they sent."""
    return int(served.run(lambda: sum(client._lingering for client in served.server._connections)))


def test_answers_that_are_not_read_have_a_bound_over_all_clients(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module, "ROOM", 2_000_000)
    monkeypatch.setattr(http_module, "PATIENCE", 1000.0)
    served = serve()
    deaf = [served.client().request("/big?1500000") for _ in range(20)]
    eventually(lambda: len(served.requests) == 20)
    assert 1_000_000 < held(served) < 3_500_000
    works(served)  # a probe has its answer all the same
    with served.client() as other:
        status, headers, _ = other.request("/big?1500000").response()
        assert (status, headers["retry-after"]) == (503, "1")
        deaf[0].response()
        deaf[1].response()
        assert len(other.request("/big?1500000").response()[2]) == 1_500_000  # there is room again
    for client in deaf:
        client.close()


def test_who_reads_gets_the_room_of_who_does_not(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "ROOM", 2_000_000)
    monkeypatch.setattr(http_module, "PATIENCE", 0.0)
    served = serve()
    deaf = [served.client().request("/big?1500000") for _ in range(20)]
    eventually(lambda: len(served.requests) == 20)
    assert held(served) < 3_500_000
    with served.client() as reader:
        assert len(reader.request("/big?1500000").response()[2]) == 1_500_000
    assert [line for line in served.lines if "do not read" in line] == [
        "http: clients that do not read their answers were dropped"
    ]
    assert len(deaf[0].rest()) < 1_500_000
    for client in deaf:
        client.close()


def test_streams_that_are_not_read_share_a_bound(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "ROOM", 1_000_000)
    served = serve()
    deaf = [served.client().request("/stream") for _ in range(8)]
    eventually(lambda: len(served.streams) == 8)

    def fill() -> None:
        for _ in range(100):
            for send, _ in served.streams:
                send(b"x" * 10_000)

    served.run(fill)
    assert 900_000 < held(served) < 1_300_000
    with served.client() as reader:
        reader.request("/stream").until(b"hello\n")
        send, _ = served.streams[-1]
        assert served.run(lambda: send(b"news\n"))  # it reads, so it loses nothing
        assert reader.until(b"news\n").endswith(b"news\n")
    assert clients(served) >= 8  # a pager may stand still for hours
    for client in deaf:
        client.close()


def test_a_path_that_takes_more_takes_more_there_alone(serve: Serve) -> None:
    served = serve(large=("/RPC2", KIBI * KIBI))
    body = b"x" * 200_000
    with served.client() as client:
        assert client.request("/RPC2", "POST", body).response()[2] == b"POST /RPC2" + body
        assert client.request("/other", "POST", body).response()[0] == 413
    with served.client() as client:
        assert client.request("/RPC2", "POST", b"", f"Content-Length: {KIBI * KIBI + 1}").response()[0] == 413


def test_bodies_that_never_end_have_a_bound_over_all_clients(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module, "ROOM", 2_000_000)
    monkeypatch.setattr(http_module, "PATIENCE", 1000.0)
    served = serve(large=("/RPC2", KIBI * KIBI))
    senders = [served.client() for _ in range(8)]
    for sender in senders:
        sender.request("/RPC2", "POST", b"", "Content-Length: 1000000").raw(b"x" * 900_000)
    eventually(lambda: lingering(served) >= 5 and held(served) < 3_000_000)
    works(served)
    for sender in senders:
        sender.close()


def test_an_idle_client_stays_and_costs_nothing(served: Served) -> None:
    with served.client() as client:
        client.request("/x").response()
        (connection,) = served.server._connections
        assert connection._timer is None
        assert client.request("/x").response()[0] == 200


def test_too_many_clients(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module.HttpServer, "most", 4)
    monkeypatch.setattr(clients_module, "IDLE_ENOUGH", 0.0)
    served = serve()
    clients = [served.client().request("/wait") for _ in range(3)]
    eventually(lambda: len(served.waiting) == 3)
    with served.client() as idle:
        idle.request("/x").response()
        works(served)  # the idle one had to go
        assert idle.rest() == b""
    last = served.client().request("/wait")
    eventually(lambda: len(served.waiting) == 4)
    waits = served.client().request("/x")
    eventually(lambda: any("there are 4 already" in line for line in served.lines))
    served.release()
    assert waits.response()[0] == 200
    for client in (*clients, last, waits):
        client.close()


def test_a7_one_address_gets_half_of_the_places(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module.HttpServer, "most", 8)
    served = serve()
    served.run(lambda: served.server.open_inet("127.0.0.1", 0))
    (port,) = served.server.ports
    clients = [served.client(port).request("/wait") for _ in range(4)]
    eventually(lambda: len(served.waiting) == 4)
    with served.client(port) as one_more:
        status, headers, body = one_more.response()
        assert status == 503
        assert headers["retry-after"] == "5"
        assert b"127.0.0.1 has 4 connections" in body
    works(served)  # on the Unix socket
    served.release()
    for client in clients:
        assert client.response()[0] == 200
        client.close()


def test_a_storm_of_clients_gets_no_more_places_than_there_are(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module.HttpServer, "most", 4)
    clients: list[RawClient] = []
    served.run(lambda: clients.extend(served.client() for _ in range(20)))  # all are there in one turn
    eventually(lambda: any("there are 4 already" in line for line in served.lines))
    assert served.run(lambda: served.server.connections) == 4
    for client in clients:
        client.close()


def test_too_many_tasks(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "MAX_TASKS", 2)
    served = serve()
    for _ in range(2):
        served.client().request("/wait").close()  # gone, but what was asked for goes on
    eventually(lambda: len(served.waiting) == 2)
    with served.client() as client:
        assert client.request("/x").response()[0] == 503
        served.release()
        eventually(lambda: client.request("/x").response()[0] == 200)


def test_no_descriptors_left(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor_module, "FIRST_PAUSE", 0.05)
    served = serve()
    (acceptor,) = served.server._acceptors
    accept = acceptor.listener.accept_from
    failures = [OSError(errno.EMFILE, "Too many open files"), OSError(errno.ECONNABORTED, "gone")]

    def failing() -> Any:
        if failures:
            raise failures.pop(0)
        return accept()

    served.run(lambda: setattr(acceptor.listener, "accept_from", failing))
    works(served)
    assert any("Too many open files" in line for line in served.lines)


# -- places ----------------------------------------------------------------------------------------------


def test_a_guard_answers_before_the_body(serve: Serve) -> None:
    def guard(request: Request) -> Response | None:
        if request.path == "/boom":
            raise RuntimeError("guard")
        return None if "authorization" in request.headers else text(401, "who are you?")

    served = serve(guard=guard)
    with served.client() as client:
        assert client.request("/x").response()[0] == 401
        assert client.request("/x", "GET", b"", "Authorization: me").response()[0] == 200
        assert client.request("/boom").response()[0] == 500
        client.request("/x", "POST", b"", "Content-Length: 1000", "Expect: 100-continue")
        status, headers, _ = client.response()
        assert (status, headers["connection"]) == (401, "close")
        assert client.rest() == b""
    assert len(served.requests) == 1


def test_the_socket_file(served: Served, tmp_path: Path) -> None:
    assert stat.S_IMODE(served.path.stat().st_mode) == 0o600
    with pytest.raises(SocketInUse):
        HttpServer(served.loop, served.handle).open_unix(str(served.path))
    (tmp_path / "file").write_text("")
    with pytest.raises(SocketInUse):
        HttpServer(served.loop, served.handle).open_unix(str(tmp_path / "file"))
    served.run(served.server.close)
    assert not served.path.exists()


def test_a_port_in_use_and_other_places(served: Served) -> None:
    served.run(lambda: served.server.open_inet("127.0.0.1", 0))
    (port,) = served.server.ports
    with pytest.raises(OSError, match=rf"127\.0\.0\.1:{port}: the port is in use"):
        listen("127.0.0.1", port)
    with pytest.raises(OSError, match=r"no-such-host\.invalid: a name that was not looked up"):
        listen("no-such-host.invalid", port)
    with pytest.raises(OSError, match=r"192\.0\.2\.1:\d+: Cannot assign"):
        listen("192.0.2.1", port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/x") as response:
        assert response.read() == b"GET /x"


@pytest.mark.parametrize("host", ["", "*", "localhost", "127.0.0.1"])
def test_ipv4_reaches_it(served: Served, host: str) -> None:
    said: list[str] = []
    opening = served.run(lambda: Opening(served.loop, served.server, said.append))
    served.run(lambda: opening.inet(host, 0))
    eventually(lambda: opening.is_open, message=str(said))
    with served.client(served.server.ports[0]) as client:
        assert client.request("/x").response()[0] == 200
    assert served.requests[0].peer.startswith("127.0.0.1:")


def test_ipv6_reaches_it(served: Served) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    for host in ("::1", "[::1]", ""):
        served.run(partial(served.server.open_inet, host, 0))
        with socket.create_connection(("::1", served.server.ports[-1])) as sock:
            sock.sendall(b"GET /x HTTP/1.0\r\n\r\n")
            assert sock.recv(12) == b"HTTP/1.1 200"
    assert served.requests[0].peer.startswith("[::1]:")


def test_close_soon_lets_the_answer_out(served: Served) -> None:
    with served.client() as busy, served.client() as idle, served.client() as follower:
        busy.request("/wait")
        follower.request("/stream").until(b"hello\n")
        idle.request("/x").response()
        eventually(lambda: served.waiting)
        served.run(served.server.close_soon)
        assert idle.rest() == b""
        assert b"hello" not in follower.rest()
        served.release()
        assert busy.response()[2] == b"late"
        assert busy.rest() == b""


def test_a_request_with_two_lengths_is_the_last_of_its_connection(served: Served) -> None:
    """Content-Length and Transfer-Encoding (part 2, C): another reader on the way may end it elsewhere."""
    with served.client() as client:
        second = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
        both = ("Transfer-Encoding: chunked", f"Content-Length: {5 + len(second)}")
        client.request("/first", "POST", b"", *both).raw(b"0\r\n\r\n" + second.encode())
        status, headers, _ = client.response()
        assert status == 200
        assert headers["connection"] == "close"
        assert client.rest() == b""
    assert [request.path for request in served.requests] == ["/first"]


# -- whatever comes ---------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\n",
        b"POST /x HTTP/1.1\r\n",
        b"Host: x\r\n",
        b"\r\n",
        b"\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: 99999999\r\n",
        b"Expect: 100-continue\r\n",
        b"Connection: close\r\n",
        b"Upgrade: websocket\r\n",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /short HTTP/1.0\r\n\r\n",
        b"HEAD /boom HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT x HTTP/1.1\r\nHost: x\r\n\r\n",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES | st.binary(max_size=40), max_size=12))
def test_no_bytes_harm_the_server(served: Served, pieces: list[bytes]) -> None:
    with served.client() as client:
        try:
            for piece in pieces:
                client.raw(piece)
            client.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        answer = client.rest()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert served.errors == []
    assert [line for line in served.lines if "boom" not in line] == []
    eventually(lambda: served.run(lambda: served.server.connections) == 0)
