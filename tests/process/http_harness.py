"""An HTTP server on either loop in a thread of its own, and a client without manners."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervice import loop as our_loop
from supervice.doors.http import HttpServer, Request, Response


class Served:
    """`run(f)` calls f on the server's loop and returns what f returns."""

    def __init__(self, kind: str, path: Path, guard: Any = None) -> None:
        self.path = path
        self.lines: list[str] = []
        self.errors: list[str] = []
        self.requests: list[Request] = []
        self.waiting: list[Any] = []
        self.streams: list[tuple[Callable[[bytes], bool], Callable[[], None]]] = []
        self.stopped = 0
        self.server: HttpServer
        self.loop: Any = None
        self._guard = guard
        self._kind = kind
        self._calls: deque[Callable[[], None]] = deque()
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_r, False)
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()
        assert self._opened.wait(10)

    def _main(self) -> None:
        if self._kind == "ours":
            loop = our_loop.Loop()
            loop.on_error = lambda error: self.errors.append(repr(error))
            try:
                loop.run_until_complete(self._serve(loop))
            finally:
                loop.close()
        else:
            asyncio.run(self._serve_asyncio())

    async def _serve_asyncio(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: self.errors.append(repr(context)))
        await self._serve(loop)

    async def _serve(self, loop: Any) -> None:
        self.loop = loop
        done = loop.create_future()

        def on_wake() -> None:
            os.read(self._wake_r, 4096)
            while self._calls:
                self._calls.popleft()()

        self._finish = lambda: done.set_result(None)
        loop.add_reader(self._wake_r, on_wake)
        self.server = HttpServer(loop, self.handle, log=self.lines.append, guard=self._guard)
        self.server.open_unix(str(self.path), 0o600)
        self._opened.set()
        await done
        self.server.close()
        for future in self.waiting:
            if not future.done():
                future.set_result(None)
        loop.remove_reader(self._wake_r)
        await our_loop.sleep(loop, 0.01)

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

    def run(self, function: Callable[[], Any]) -> Any:
        result: list[Any] = []
        called = threading.Event()

        def call() -> None:
            try:
                result.append(function())
            finally:
                called.set()

        self._calls.append(call)
        os.write(self._wake_w, b"x")
        assert called.wait(10), "the loop is stuck"
        return result[0] if result else None

    def release(self) -> None:
        def go() -> None:
            for future in self.waiting:
                if not future.done():
                    future.set_result(None)

        self.run(go)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.run(self._finish)
            self._thread.join(10)
            assert not self._thread.is_alive()
            os.close(self._wake_r)
            os.close(self._wake_w)
        assert self.errors == []

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
