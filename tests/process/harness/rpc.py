"""An `RpcServer` in a thread of its own, on either loop, and raw clients for it."""

from __future__ import annotations

import json
import socket
import struct
from pathlib import Path
from typing import Any

from supervice.control.server import RpcServer
from tests.fakes.control import FakeCommands
from tests.process.harness.loop_thread import LoopThread


def frame(message: Any) -> bytes:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body


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

    def echoed(self) -> str:
        """The command that the next reply answers."""
        reply = self.receive()
        assert reply is not None
        command: str = reply["echo"]["command"]
        return command

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
