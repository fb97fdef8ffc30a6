"""How long root waits for an answer while others crowd the daemon: readers, idle HTTP clients, a restart of all."""

from __future__ import annotations

import grp
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median

from tests.benchmarks.peers import Peer, Program, Supervice
from tests.benchmarks.results import Results
from tests.benchmarks.session import Bench, Failed, Session, many
from tests.ports import free_port
from tests.process.harness.rpc import frame

GROUPS = ("crowd",)
READERS = 600
HTTP_CLIENTS = 300
QUESTIONS = 100
PROGRAMS = 4000
# A group that its members may read with; each reader has a uid of its own, or the quota of one would hold.
GROUP = "users"
FIRST_UID = 20_000


class _Crowded(Supervice):
    """The same peer with an HTTP server and a group that may read."""

    def __init__(self, peer: Supervice) -> None:
        self.__dict__.update(peer.__dict__)
        self.port = free_port()

    def head(self, folder: Path) -> str:
        return super().head(folder) + f"socket_group = {GROUP}\nhttp = 127.0.0.1:{self.port}\n"


def readers(bench: Bench, peer: Supervice, results: Results) -> None:
    """`status` of root while 600 connections follow the events and 300 HTTP clients say nothing."""
    crowded = _Crowded(peer)
    with Session(bench, crowded, lambda run: many(run, "up", 100)) as run:
        run.up(100)
        path = f"{run.folder}/s.sock"
        os.chmod(run.folder, 0o755)
        os.chmod(run.folder.parent, 0o755)
        crowd = [_follower(path, FIRST_UID + number // 8) for number in range(READERS)]
        crowd += [socket.create_connection(("127.0.0.1", crowded.port), 5) for _ in range(HTTP_CLIENTS)]
        times = [_ask(path) for _ in range(QUESTIONS)]
        results.add("crowd.status", peer.name, median(times))
        results.add("crowd.status.worst", peer.name, max(times))
        for one in crowd:
            one.close()


def restart_all(bench: Bench, peer: Peer, results: Results, count: int = PROGRAMS) -> None:
    """The longest wait of a client while another has all programs restarted."""

    def programs(run: Session) -> list[Program]:
        return many(run, "up", count, startsecs=0)

    with Session(bench, peer, programs) as run:
        run.up(count, 120)
        run.settle()
        path = f"{run.folder}/s.sock"
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(path)
            asking.sendall(frame({"command": "restart", "name": "all"}))
            asking.setblocking(False)
            times: list[float] = []
            until = time.monotonic() + 120
            while not _answered(asking):
                times.append(_ask(path, name="p0"))
                run.reports.take(0.02)
                if time.monotonic() > until:
                    raise Failed("the restart of all was not over after 120 s")
        results.add("crowd.restart-all.wait", peer.name, max(times))


def _answered(asking: socket.socket) -> bool:
    try:
        return bool(asking.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def _ask(path: str, **of: str) -> float:
    """Milliseconds of one connection, question and answer."""
    before = time.monotonic()
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(30)
        asking.connect(path)
        asking.sendall(frame({"command": "status", **of}))
        with asking.makefile("rb") as answers:
            body = answers.read(int.from_bytes(answers.read(4)))
    if not body.startswith(b'{"status": "ok"'):
        raise Failed(f"status answers {body[:200]!r}")
    return 1000 * (time.monotonic() - before)


def _follower(path: str, uid: int) -> socket.socket:
    """A connection that `uid` made, a member of the group, and that follows the events."""
    one = socket.socket(socket.AF_UNIX)
    _as_user(uid, lambda: one.connect(path))
    with suppress(BrokenPipeError, ConnectionResetError):  # no place for this one
        one.sendall(frame({"command": "events", "follow": True}))
    return one


def _as_user(uid: int, do: Callable[[], None]) -> None:
    gid = grp.getgrnam(GROUP).gr_gid
    os.setegid(gid)
    os.seteuid(uid)
    try:
        do()
    finally:
        os.seteuid(0)
        os.setegid(0)
