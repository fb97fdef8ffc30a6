"""What a number of quiet programs costs: start, memory, wake-ups, queries. One session measures all that is asked for."""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from pathlib import Path

from tests import procfs
from tests.benchmarks.peers import (
    Peer,
    Supervice,
    SuperviceImage,
    SuperviceStatic,
    SuperviceStaticSingle,
    Upstream,
)
from tests.benchmarks.results import Results
from tests.benchmarks.session import Bench, Failed, Session, many

GROUPS = ("start", "memory", "idle", "status", "clients")
IDLE_SECONDS = 10.0
# What the programs have as startsecs, and supervisors that know no such thing as their own habit.
STARTSECS = 1.0


def population(
    bench: Bench, peer: Peer, count: int, groups: set[str], results: Results, first: bool = True
) -> None:
    """One session with `count` programs. What takes long is done in the first run only."""
    with Session(bench, peer, lambda run: many(run, "up", count)) as run:
        reports = run.up(count, 90)
        if "start" in groups:
            cpu = run.cpu()
            results.add(f"start.first.{count}", peer.name, (reports[0].when - run.began) / 1e6)
            results.add(
                f"start.last.{count}", peer.name, (max(one.when for one in reports) - run.began) / 1e6
            )
            results.add(f"start.cpu.{count}", peer.name, 1000 * cpu)
            if count == 1 and isinstance(peer, Supervice):
                bare = min(run.time_command(_bare_python(run, sys.executable))[0] for _ in range(3))
                results.add("start.bare.1", peer.name, bare)
                results.add("start.ratio.1", peer.name, (reports[0].when - run.began) / 1e6 / bare)
        if groups == {"start"}:
            return
        run.settle()
        if "memory" in groups:
            _memory(run, f"memory.{{}}.{count}", results)
        if "idle" in groups and first and (count == 100 or type(peer) is Supervice):
            _idle(run, count, results)
        if peer.init:
            return
        if "status" in groups and count >= 100:
            _status(run, count, results)
        if "clients" in groups and count == 100 and isinstance(peer, Supervice | Upstream):
            _clients(run, 100, results)


def logging_population(bench: Bench, peer: Peer, count: int, results: Results) -> None:
    """Memory when each program's output goes to a file of its own."""
    with Session(bench, peer, lambda run: many(run, "up", count, "file")) as run:
        run.up(count, 90)
        run.settle()
        _memory(run, f"memory.logging-{{}}.{count}", results)


def _memory(run: Session, row: str, results: Results) -> None:
    own = run.own()
    found = [procfs.memory_kib(pid) for pid in own]
    for name in ("pss", "rss", "private"):
        results.add(row.format(name), run.peer.name, sum(one[name] for one in found) / 1024)
    results.add(row.format("processes"), run.peer.name, len(own))
    results.add(row.format("threads"), run.peer.name, sum(map(procfs.threads, own)))


def _idle(run: Session, count: int, results: Results) -> None:
    """Once every program counts as started: until then there is a timer for each."""
    seconds = IDLE_SECONDS if count == 100 else IDLE_SECONDS / 5
    time.sleep(STARTSECS + 0.5)
    run.settle()
    own = run.own()
    switches, cpu = sum(map(procfs.voluntary_switches, own)), run.cpu()
    time.sleep(seconds)
    results.add(f"idle.cpu.{count}", run.peer.name, 1000 * (run.cpu() - cpu) * 10 / seconds)
    wakeups = sum(map(procfs.voluntary_switches, own)) - switches
    results.add(f"idle.wakeups.{count}", run.peer.name, wakeups * 10 / seconds)


def _status(run: Session, count: int, results: Results) -> None:
    """Each beside a bare Python, so that the ratio holds whatever the machine does meanwhile."""
    argv = run.peer.status(run.folder, run.programs)
    python = str(Path(sys.executable))
    for _ in range(3):
        took, said = run.time_command(argv)
        if sum(program.name in said or run.peer.name in ("s6", "runit") for program in run.programs) < count:
            raise Failed("status does not name every program")
        results.add(f"status.{count}", run.peer.name, took)
        if isinstance(run.peer, Supervice):
            health, _said = run.time_command(run.peer.health(run.folder))
            bare, _said = run.time_command(_bare_python(run, python))
            results.add(f"status.health.{count}", run.peer.name, health)
            results.add(f"status.bare.{count}", run.peer.name, bare)
            results.add(f"status.ratio.{count}", run.peer.name, took / bare)
            results.add(f"status.health-ratio.{count}", run.peer.name, health / bare)


def _bare_python(run: Session, default: str) -> list[str]:
    """The same interpreter, in the same way, doing nothing."""
    if isinstance(run.peer, SuperviceStatic | SuperviceStaticSingle):
        return [str(Path(run.peer.path(run.peer.command)).parents[1] / "lib/python"), "-c", "print(1)"]
    shebang = Path(run.peer.path(run.peer.command)).read_text().splitlines()[0].removeprefix("#!").split()
    return [*(shebang or [default]), "-c", "print(1)"]


def _clients(run: Session, count: int, results: Results) -> None:
    """So many clients at once, each with one question for everything; the replies are read when all have come."""
    body = json.dumps({"command": "status"}).encode()
    frame = struct.pack(">I", len(body)) + body
    before, cpu = time.monotonic(), run.cpu()
    clients = []
    for _ in range(count):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        client.connect(f"{run.folder}/s.sock")
        client.sendall(frame)
        clients.append(client)
    replies = []
    for client in clients:
        data = b""
        while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
            piece = client.recv(1 << 16)
            if not piece:
                raise Failed("a client was sent away")
            data += piece
        client.close()
        replies.append(data[4:])
    results.add(f"clients.all.{count}", run.peer.name, 1000 * (time.monotonic() - before))
    results.add(f"clients.cpu.{count}", run.peer.name, 1000 * (run.cpu() - cpu))
    if any(len(json.loads(reply)["processes"]) != len(run.programs) for reply in replies):
        raise Failed("a client got less than the truth")


def applies(peer: Peer, count: int) -> bool:
    """Whether the peer is asked to run so many."""
    if peer.init:
        return count == 1
    if isinstance(peer, SuperviceImage):
        return count in (1, 1000)
    if count == 10:
        return type(peer) is Supervice
    return count <= peer.reach


def measured_at(peer: Peer, count: int) -> set[str]:
    """The groups that have a row for so many programs of this peer."""
    found = {"start", "memory"}
    if count == 100 or type(peer) is Supervice:
        found.add("idle")
    if count >= 100:
        found.add("status")
    if count == 100 and isinstance(peer, Supervice | Upstream):
        found.add("clients")
    return found
