"""What happens to the soaked daemon from outside: clients of every kind, signals, new configurations."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.soak.scene import configuration

PATIENCE = 20


def frame(message: object) -> bytes:
    body = json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body


class Actors:
    """Does one thing after the other, each in its own rhythm, and counts them."""

    def __init__(self, folder: Path, pid: int, port: int) -> None:
        self.folder = folder
        self.pid = pid
        self.port = port
        self.version = 0
        self.done: dict[str, int] = {}
        self.failed: list[str] = []
        self._random = random.Random(6)
        self._followers: list[socket.socket] = []
        self._commands: list[subprocess.Popen[bytes]] = []
        now = time.monotonic()
        # Each with its seconds between two times.
        self._plan: list[tuple[float, Callable[[], None]]] = [
            (0.1, self.status),
            (0.4, self.toggle),
            (0.7, self.follow),
            (1.0, self.garbage),
            (1.3, self.logs),
            (2.0, self.crowd),
            (2.5, self.reload),
            (3.0, self.reopen),
            (3.5, self.hang_up),
            (4.0, self.kill_one),
            (5.0, self.command_line),
        ]
        self._due = [now + seconds for seconds, _do in self._plan]

    def turn(self) -> None:
        """Does what is due."""
        self._commands = [one for one in self._commands if one.poll() is None]
        for index, (seconds, do) in enumerate(self._plan):
            if time.monotonic() >= self._due[index]:
                name = do.__name__
                try:
                    do()
                    self.done[name] = self.done.get(name, 0) + 1
                except (OSError, ValueError) as error:
                    self.failed.append(f"{name}: {error!r}")
                self._due[index] = time.monotonic() + seconds

    def close(self) -> None:
        for one in self._followers:
            one.close()
        for command in self._commands:
            command.wait(PATIENCE)

    def _connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(str(self.folder / "s.sock"))
        return client

    def _ask(self, **request: Any) -> dict[str, Any]:
        with self._connect() as client:
            client.sendall(frame(request))
            return _reply(client)

    def _ok(self, **request: Any) -> dict[str, Any]:
        reply = self._ask(**request)
        if reply["status"] != "ok":
            raise ValueError(f"{request}: {reply}")
        return reply

    def status(self) -> None:
        if len(self._ok(command="status")["processes"]) < 20:
            raise ValueError("status lacks processes")

    def toggle(self) -> None:
        self._ok(command=self._random.choice(["start", "stop", "restart"]), name="toggle")

    def logs(self) -> None:
        self._ok(command="logs", name="crash-1")
        self._ok(command="why", name="crash-1")
        self._ok(command="health")

    def follow(self) -> None:
        """Followers come and go; most never read."""
        follower = self._connect()
        follower.sendall(frame({"command": self._random.choice(["logs", "logs", "events"]), "follow": True}))
        self._followers.append(follower)
        while len(self._followers) > 6:
            self._followers.pop(self._random.randrange(len(self._followers))).close()
        for one in self._followers[::2]:
            one.setblocking(False)
            try:
                one.recv(1 << 18)
            except BlockingIOError:
                pass

    def garbage(self) -> None:
        for data in (
            b"\xff\xff\xff\xff",
            struct.pack(">I", 10) + b"{not json!",
            struct.pack(">I", 100) + b"half",
        ):
            with self._connect() as client:
                client.sendall(data)
        with self._connect():
            pass

    def crowd(self) -> None:
        """Fifty clients at once."""
        clients = [self._connect() for _ in range(50)]
        for client in clients:
            client.sendall(frame({"command": "status"}))
        for client in clients:
            _reply(client)
            client.close()

    def _rewrite(self) -> None:
        self.version += 1
        new = self.folder / "new.conf"
        new.write_text(configuration(str(self.folder), self.port, self.version))
        new.rename(self.folder / "c.conf")

    def reload(self) -> None:
        self._rewrite()
        reply = self._ok(command="reload")
        if not reply["added"] or not reply["removed"]:
            raise ValueError(f"reload changed nothing: {reply}")
        self._ok(command="reload")  # nothing new

    def hang_up(self) -> None:
        os.kill(self.pid, signal.SIGHUP)

    def reopen(self) -> None:
        if self._random.random() < 0.5:
            os.kill(self.pid, signal.SIGUSR2)
        else:
            self._ok(command="reopen")

    def kill_one(self) -> None:
        """A program that is up dies."""
        rows = self._ok(command="status")["processes"]
        victim = self._random.choice([row for row in rows if row["name"].startswith("steady")])
        if victim["pid"]:
            os.kill(victim["pid"], signal.SIGKILL)

    def command_line(self) -> None:
        socket_path = str(self.folder / "s.sock")
        for verb in (["status"], ["health"], ["logs", "-n", "5", "writer-0"]):
            self._commands.append(
                subprocess.Popen(
                    [sys.executable, "-m", "supervice.cli.ctl", "-s", socket_path, *verb],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=Path(__file__).parents[2],
                )
            )


def _reply(client: socket.socket) -> dict[str, Any]:
    data = b""
    while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
        piece = client.recv(1 << 16)
        if not piece:
            raise ValueError("the daemon hung up")
        data += piece
    reply: dict[str, Any] = json.loads(data[4:])
    return reply
