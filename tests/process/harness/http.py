"""An HTTP server on either loop in a thread of its own, and a client without manners."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervice.http.server import HttpServer, Request, Response
from tests.process.harness.loop_thread import LoopThread


class Served(LoopThread):
    """A server that runs, and its handler."""

    def __init__(
        self, kind: str, path: Path, guard: Any = None, large: tuple[str, int] | None = None
    ) -> None:
        self.path = path
        self.lines: list[str] = []
        self.requests: list[Request] = []
        self.waiting: list[Any] = []
        self.streams: list[tuple[Callable[[bytes], bool], Callable[[], None]]] = []
        self.stopped = 0
        self.server: HttpServer
        self._guard = guard
        self._large = large
        super().__init__(kind)

    def open(self) -> None:
        self.server = HttpServer(
            self.loop, self.handle, log=self.lines.append, guard=self._guard, large=self._large
        )
        self.server.open_unix(str(self.path), 0o600)

    def close(self) -> None:
        self.server.close()
        self._release()

    def handle(self, request: Request) -> Any:
        self.requests.append(request)
        match request.path:
            case "/boom":
                raise RuntimeError("boom")
            case "/header":
                return Response(200, b"x", {"Bad Header": "a\r\nb"})
            case "/wait":
                return self._later(request)
            case "/stream":
                return Response(200, self._stream)
            case "/short":
                return Response(200, self._short)
            case "/broken":
                return Response(200, self._broken)
            case "/big":
                return Response(200, b"x" * int(request.query))
            case "/nothing":
                return Response(204)
        return Response(200, f"{request.method} {request.path}".encode() + request.body)

    async def _later(self, request: Request) -> Response:
        future = self.loop.create_future()
        self.waiting.append(future)
        await future
        if request.query == "boom":
            raise ValueError("later")
        return Response(200, b"late")

    def _stream(self, send: Any, done: Any) -> Callable[[], None]:
        self.streams.append((send, done))
        send(b"hello\n")
        return self._stop

    def _short(self, send: Any, done: Any) -> Callable[[], None]:
        send(b"only this")
        done()
        return self._stop

    def _broken(self, _send: Any, _done: Any) -> Callable[[], None]:
        raise RuntimeError("no log")

    def _stop(self) -> None:
        self.stopped += 1

    def release(self) -> None:
        self.run(self._release)

    def _release(self) -> None:
        for future in self.waiting:
            if not future.done():
                future.set_result(None)

    def client(self, port: int | None = None) -> RawClient:
        return RawClient(self.path if port is None else ("127.0.0.1", port))


class RawClient:
    """A client that may behave as badly as a test wants."""

    def __init__(self, where: Path | tuple[str, int]) -> None:
        if isinstance(where, Path):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(str(where))
        else:
            self.sock = socket.create_connection(where)
        self.sock.settimeout(20)
        self._data = b""

    def raw(self, data: bytes) -> RawClient:
        self.sock.sendall(data)
        return self

    def request(self, target: str, method: str = "GET", body: bytes = b"", *headers: str) -> RawClient:
        lines = [f"{method} {target} HTTP/1.1", "Host: x", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return self.raw("\r\n".join([*lines, "", ""]).encode() + body)

    def _more(self) -> bool:
        try:
            piece = self.sock.recv(65536)
        except ConnectionResetError:
            piece = b""
        self._data += piece
        return bool(piece)

    def until(self, mark: bytes) -> bytes:
        """Everything up to `mark`, or what there was when the server hung up."""
        while mark not in self._data:
            if not self._more():
                data, self._data = self._data, b""
                return data
        head, _, self._data = self._data.partition(mark)
        return head + mark

    def response(self, *, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body with its framing removed); (0, {}, b"") when there is none."""
        head = self.until(b"\r\n\r\n").decode("latin-1")
        if not head.endswith("\r\n\r\n"):
            return 0, {}, head.encode()
        first, *lines = head.strip().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        status = int(first.split()[1])
        if head_only:
            return status, headers, b""
        if "content-length" in headers:
            length = int(headers["content-length"])
            while len(self._data) < length and self._more():
                pass
            body, self._data = self._data[:length], self._data[length:]
        elif "transfer-encoding" in headers:
            body = b""
            while size := int(self.until(b"\r\n") or b"0", 16):
                while len(self._data) < size + 2:
                    assert self._more()
                body += self._data[:size]
                self._data = self._data[size + 2 :]
            self.until(b"\r\n")
        elif status in (204, 304):
            body = b""
        else:
            body = self.rest()
        return status, headers, body

    def rest(self) -> bytes:
        while self._more():
            pass
        data, self._data = self._data, b""
        return data

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
