"""A client of `HttpConnection` without a socket: what it sends in pieces, and what comes of it."""

from __future__ import annotations

import re
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from types import SimpleNamespace
from typing import Any, cast

from supervice.api import requests
from supervice.control.protocol import CommandError
from supervice.http.access import Access
from supervice.http.connection import MAX_BODY, HttpConnection
from supervice.http.credentials import guard, user_of
from supervice.http.messages import Request, Response, text
from supervice.supervisord.rpc.handler import Method, XmlRpcHandler
from supervice.web.site import Site
from tests.fakes.loop import FakeLoop

FD = 1000
STATUS = re.compile(rb"^HTTP/1\.1 (\d{3}) ", re.M)
TOKEN = "t"
ASK = guard("web", "{SHA}3cbcd90adc4b192a87a625850b7f231caddf0eb3")  # of "word"
PICTURES = ("/graph.svg", "/boot.svg")


def rpc_handler() -> XmlRpcHandler:
    """XML-RPC with a few methods that do nothing."""
    methods = {
        "a.one": Method(lambda word, more=1: {word: more}, "struct string int", "help", 1),
        "a.any": Method(lambda value: [value], "array any", "help"),
        "a.boom": Method(lambda: 1 // 0, "int", "help"),
    }
    return XmlRpcHandler(FakeLoop(), methods)


class Task:
    """A coroutine that waits for nothing, run in the next turn."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self._then: list[Callable[[Task], object]] = []
        self._over = False

    def add_done_callback(self, callback: Callable[[Task], object]) -> None:
        self._then.append(callback)

    def done(self) -> bool:
        return self._over

    def cancel(self) -> None:
        self._coroutine.close()
        self._over = True

    def step(self) -> None:
        if self._over:
            return
        try:
            self._coroutine.send(None)
        except StopIteration:
            self._over = True
        assert self._over, "it waits"
        for callback in self._then:
            callback(self)


class TaskLoop(FakeLoop):
    """A `FakeLoop` on which coroutines run, in a later turn, if nothing makes them wait."""

    def create_task(self, coro: Coroutine[Any, Any, Any]) -> Any:
        task = Task(coro)
        self.call_soon(task.step)
        return task


class FakeDaemon:
    """Commands that change nothing, and the table of one process."""

    def __init__(self) -> None:
        self.observers: list[object] = []
        self.table = SimpleNamespace(
            processes={"web": None}, observe=self.observers.append, unobserve=self.observers.remove
        )

    async def execute(self, request: dict[str, Any]) -> dict[str, Any]:
        asked = requests.parse(request)
        if set(asked.names) - {"web", "all"}:
            raise CommandError("NOT_FOUND", f"there is no process {asked.names[0]!r}")
        return {
            "status": "ok",
            "processes": [{"name": "web", "state": "RUNNING", "pid": 7, "uptime": 3.0}],
            "logs": [{"name": "web", "stream": "stdout", "data": "a \x1b[31mline</p>\n"}],
        }

    def follow(self, request: dict[str, Any], send: Callable[[dict[str, Any]], bool]) -> Callable[[], None]:
        if request["name"] != "web":
            raise CommandError("NOT_FOUND", f"there is no process {request['name']!r}")
        self.observers.append(send)
        send({"name": "web", "stream": "stderr", "data": "begun\n"})
        return lambda: self.observers.remove(send)


class FakeServer:
    """Answers as the daemon does, of which there is only what `FakeDaemon` has."""

    overloaded = False

    def __init__(self) -> None:
        self.loop: Any = TaskLoop()
        self.requests: list[tuple[object, ...]] = []
        self.lines: list[str] = []
        self.sent = b""
        self.daemon = cast(Any, FakeDaemon())
        self._rpc = rpc_handler()
        self._site = Site(self.daemon, self.loop, self.daemon)
        self._site._actions.token = TOKEN

    @property
    def statuses(self) -> list[bytes]:
        return [status for status in STATUS.findall(self.sent) if status != b"100"]

    def most_body(self, request: Request) -> int:
        return 1024 * 1024 if request.path.startswith("/RPC2") else MAX_BODY

    def has_room(self, _asking: object) -> bool:
        return True

    def guard(self, request: Request) -> Response | None:
        assert ASK is not None
        return ASK(request) if "authorization" in request.headers else None

    def handler(self, request: Request) -> Response | Awaitable[Response]:
        self.requests.append((request.method, request.path, request.query, request.headers, request.body))
        assert user_of(request).isprintable()
        if request.path == "/RPC2":
            return self._rpc.handle(request)
        if request.path in PICTURES:
            return text(404, "there are none")
        return self._site.answer(request, Access(password=bool(user_of(request)), hosts=["web.example"]))

    def log(self, line: str) -> None:
        self.lines.append(line)

    def keep(self, task: object) -> None:
        pass

    def forget(self, client: object) -> None:
        pass


class FakeSocket:
    """Gives what the client has sent, and takes what it is told."""

    family = socket.AF_INET

    def __init__(self) -> None:
        self.incoming = b""
        self.sent = b""

    def fileno(self) -> int:
        return FD

    def recv(self, size: int) -> bytes:
        data, self.incoming = self.incoming[:size], self.incoming[size:]
        return data

    def send(self, data: bytes | bytearray, _flags: int) -> int:
        self.sent += data
        return len(data)

    def shutdown(self, how: int) -> None:
        pass

    def close(self) -> None:
        pass


def answers(pieces: Iterable[bytes]) -> FakeServer:
    """Sends the pieces and then the end, which has to end the connection; returns what the server saw and said."""
    server, sock = FakeServer(), FakeSocket()
    connection = HttpConnection(server, sock, "192.0.2.1:4")  # type: ignore[arg-type]
    loop = server.loop
    for piece in (*filter(None, pieces), b""):
        sock.incoming = piece
        while FD in loop.readers:
            loop.readers[FD]()
            while loop.soon:
                loop.turn()
            if not sock.incoming:
                break
    assert connection.closed, "the client has left, and the connection stays"
    assert not loop.readers
    assert not loop.live
    assert not server.daemon.observers, "a stream goes on without its client"
    server.sent = sock.sent
    return server
