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
OPEN = 40  # pages at once; the daemon keeps 32, so that some are ended by it


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
        self._hung_up = False
        self._random = random.Random(6)
        self._followers: list[socket.socket] = []
        self._streams: list[socket.socket] = []
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
            (1.1, self.page),
            (1.7, self.write_watched),
            (2.3, self.stream),
            (4.5, self.execute),
            (5.0, self.command_line),
        ]
        self._due = [now + seconds for seconds, _do in self._plan]

    def turn(self) -> bool:
        """Does one thing that is due; returns whether there was any. On a busy machine each takes its time."""
        self._commands = [one for one in self._commands if one.poll() is None]
        now = time.monotonic()
        index = min(range(len(self._plan)), key=self._due.__getitem__)
        if self._due[index] > now:
            return False
        seconds, do = self._plan[index]
        name = do.__name__
        try:
            do()
            self.done[name] = self.done.get(name, 0) + 1
        except (OSError, ValueError) as error:
            self.failed.append(f"{name}: {error!r}")
        self._due[index] = time.monotonic() + seconds
        return True

    def close(self) -> None:
        for one in self._followers + self._streams:
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

    def _get(self, path: str) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(str(self.folder / "http.sock"))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return client

    def page(self) -> None:
        for path in ("/", "/metrics", "/readyz", "/api/v1/status", "/api/v1/schedule"):
            with self._get(path) as client:
                said = client.recv(1 << 12)
                # Never ready: there is a program that is nowhere.
                wanted = b"HTTP/1.1 503" if path == "/readyz" else b"HTTP/1.1 200"
                if not said.startswith(wanted):
                    raise ValueError(f"{path}: {said[:80]!r}")

    def stream(self) -> None:
        """Pages that are open for a while; some never read, and more than there may be at once."""
        for _ in range(6 if self._streams else OPEN):
            stream = self._get(self._random.choice(["/events", "/events?program=crash-1"]))
            self._streams.append(stream)
        begun = self._streams[-1].recv(1 << 12)
        if not begun.startswith(b"HTTP/1.1 200"):
            raise ValueError(f"no stream: {begun[:80]!r}")
        while len(self._streams) > OPEN:
            self._streams.pop(
                0
            ).close()  # the daemon has ended the oldest, so that it has as many at all times
        for one in self._streams[::2]:
            one.setblocking(False)
            try:
                one.recv(1 << 18)
            except (BlockingIOError, ConnectionError):
                pass

    def write_watched(self) -> None:
        """A file that changes, one that is replaced, and one that comes and goes."""
        (self.folder / "watched").write_text(f"{self._random.random()}\n")
        below = self.folder / "watched.d"
        below.mkdir(exist_ok=True)
        (below / "new").write_text(f"{self._random.random()}\n")
        (below / "new").rename(below / f"{self._random.randrange(3)}.conf")
        (below / f"{self._random.randrange(3)}.conf").unlink(missing_ok=True)

    def execute(self) -> None:
        """The command takes on what the program has, and is no child of the daemon's."""
        self._command("exec", "steady:00", "--", "true")
        self._ok(command="exec", name="asked", argv=["true"])

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
        # On a busy machine a SIGHUP is obeyed only now, and has read the new file first.
        overtaken, self._hung_up = self._hung_up, False
        if not overtaken and (not reply["added"] or not reply["removed"]):
            raise ValueError(f"reload changed nothing: {reply}")
        self._ok(command="reload")  # nothing new

    def hang_up(self) -> None:
        os.kill(self.pid, signal.SIGHUP)
        self._hung_up = True

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
        for verb in (["status"], ["health"], ["logs", "-n", "5", "writer-0"]):
            self._command(*verb)

    def _command(self, *verb: str) -> None:
        self._commands.append(
            subprocess.Popen(
                [sys.executable, "-m", "supervice.cli.ctl", "-s", str(self.folder / "s.sock"), *verb],
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
