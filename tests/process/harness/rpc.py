"""An `RpcServer` in a thread of its own, on either loop, and raw clients for it."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervice.control.protocol import CommandError
from supervice.control.server import RpcServer
from tests.process.harness.loop_thread import LoopThread


def frame(message: Any) -> bytes:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body


class FakeCommands:
    """Answers with what it was asked, waits when it is told to, and streams on demand."""

    def __init__(self) -> None:
        self.loop: Any = None
        self.executed: list[dict[str, Any]] = []
        self.finished: list[str] = []
        self.cancelled: list[str] = []
        self.waiting: list[Any] = []
        self.streams: list[Callable[[dict[str, Any]], bool]] = []
        self.stopped = 0

    async def execute(self, request: dict[str, Any]) -> dict[str, Any]:
        self.executed.append(request)
        if request.get("hold"):
            future = self.loop.create_future()
            self.waiting.append(future)
            try:
                await future
            except BaseException:
                self.cancelled.append(request["command"])
                raise
        if request.get("boom"):
            raise RuntimeError("boom")
        if request.get("big"):
            return {"status": "ok", "data": "x" * request["big"]}
        if request["command"] == "unknown":
            raise CommandError("UNKNOWN_COMMAND", "unknown command")
        self.finished.append(request["command"])
        return {"status": "ok", "echo": request}

    def follow(self, request: dict[str, Any], send: Callable[[dict[str, Any]], bool]) -> Callable[[], None]:
        if request.get("name") == "nobody":
            raise CommandError("NOT_FOUND", "Process not found: nobody")
        self.streams.append(send)
        send({"status": "ok", "hello": True})
        return self._stop

    def _stop(self) -> None:
        self.stopped += 1

    def release(self) -> None:
        for future in self.waiting:
            if not future.done():
                future.set_result(None)


class Served(LoopThread):
    """A server that runs."""

    def __init__(self, kind: str, path: Path, **options: Any) -> None:
        self.path = path
        self.options = options
        self.commands = FakeCommands()
        self.lines: list[str] = []
        self.server: RpcServer
        super().__init__(kind)

    def open(self) -> None:
        self.commands.loop = self.loop
        self.server = RpcServer(
            self.loop, self.commands, path=str(self.path), log=self.lines.append, **self.options
        )
        self.server.open()

    def close(self) -> None:
        self.server.close()

    def client(self) -> RawClient:
        return RawClient(self.path)


class RawClient:
    """A client that may behave as badly as a test wants."""

    def __init__(self, path: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(path))  # without a time limit: with one, a full queue is an error at once
        self.sock.settimeout(20)

    def send(self, *messages: Any) -> RawClient:
        self.sock.sendall(b"".join(frame(message) for message in messages))
        return self

    def raw(self, data: bytes) -> RawClient:
        self.sock.sendall(data)
        return self

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                piece = self.sock.recv(min(count - len(data), 1 << 20))
            except ConnectionResetError:
                piece = b""
            if not piece:
                return b""
            data += piece
        return data

    def receive(self) -> dict[str, Any] | None:
        """The next reply; None at the end."""
        header = self._exactly(4)
        if not header:
            return None
        reply: dict[str, Any] = json.loads(self._exactly(struct.unpack(">I", header)[0]))
        return reply

    def ask(self, message: Any) -> dict[str, Any]:
        reply = self.send(message).receive()
        assert reply is not None
        return reply

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
