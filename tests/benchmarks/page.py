"""`python -m tests.benchmarks.page [SUPERVICE]`: what the page costs a daemon with 100 programs.

Its first byte, its weight, 200 open pages while ten processes a second change, a look at what all processes use.
Prints one line a figure, with the goal. On a busy machine `chrt -r 10 python -m tests.benchmarks.page` (as root) measures
as alone: script and daemon run before everything else.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests import procfs
from tests.ports import free_port
from tests.process.harness.rpc import frame

PROGRAMS = 100
PAGES = 200
CHANGES = 10  # a second
SECONDS = 20
ASSETS = ("", "page.css", "page.js", "icon.svg")


class Daemon:
    def __init__(self, command: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bp"))
        self.socket = f"{self.folder}/s.sock"
        self.port = free_port()
        head = f"[supervice]\nsocket = {self.socket}\nhttp = 127.0.0.1:{self.port}\nlogfile = {self.folder}/log\n"
        programs = "".join(f"[program:p{n}]\ncommand = sleep 1000\nstartsecs = 0\n" for n in range(PROGRAMS))
        (self.folder / "supervice.conf").write_text(head + programs)
        self.process = subprocess.Popen([command, "-c", str(self.folder / "supervice.conf")])
        until = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                rows = self.ask(command="status")["processes"]
                if all(row["state"] == "RUNNING" for row in rows):
                    break
            if time.monotonic() > until:
                raise SystemExit("the programs do not run after 30 s")
            time.sleep(0.02)

    def ask(self, **request: object) -> dict[str, list[dict[str, object]]]:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(30)
            asking.connect(self.socket)
            asking.sendall(frame(request))
            with asking.makefile("rb") as answers:
                return dict(json.loads(answers.read(int.from_bytes(answers.read(4)))))

    def open(self, path: str) -> socket.socket:
        """Asks for a path; whose answer comes. Each page is a host of its own, as far as the daemon sees."""
        self.hosts = getattr(self, "hosts", 0) + 1
        source = f"127.0.1.{1 + self.hosts % 250}"
        one = socket.create_connection(("127.0.0.1", self.port), 30, source_address=(source, 0))
        one.sendall(f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        return one

    def get(self, path: str) -> tuple[float, bytes]:
        """Milliseconds to the first byte, and everything."""
        began = time.monotonic()
        with self.open(path) as one:
            data = one.recv(1)
            took = 1000 * (time.monotonic() - began)
            while more := one.recv(1 << 16):
                data += more
        return took, data

    def memory(self) -> float:
        """MiB that it has for itself."""
        return procfs.memory_kib(self.process.pid)["pss"] / 1024

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class Pages:
    """Open pages that do as page.js does: those without a stream ask for news at the daemon's pace."""

    def __init__(self, daemon: Daemon, count: int) -> None:
        self.daemon = daemon
        self.chosen = selectors.DefaultSelector()
        self.polls: list[float] = []
        self.bytes = 0
        self.poll = 5.0
        for number in range(count):
            self._listen()
            self.turn(0.01 if number % 10 == 0 else 0)
        self.turn(1)

    def _listen(self) -> None:
        one = self.daemon.open("events?from=")
        one.setblocking(False)
        self.chosen.register(one, selectors.EVENT_READ, "stream")

    def turn(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            due = [at for at in self.polls if at <= time.monotonic()]
            for at in due:
                self.polls.remove(at)
                one = self.daemon.open("news?from=")
                one.setblocking(False)
                self.chosen.register(one, selectors.EVENT_READ, "news")
            for key, _ in self.chosen.select(max(0, min(left, 0.05))):
                self._read(key)
            if left <= 0:
                return

    def _read(self, key: selectors.SelectorKey) -> None:
        one = key.fileobj
        assert isinstance(one, socket.socket)
        with contextlib.suppress(BlockingIOError):
            data = one.recv(1 << 20)
            self.bytes += len(data)
            if data:
                return
            self.chosen.unregister(one)
            one.close()
            self.polls.append(time.monotonic() + self.poll)  # ended by the daemon, or answered

    @property
    def streams(self) -> int:
        return sum(key.data == "stream" for key in self.chosen.get_map().values())

    def close(self) -> None:
        for key in list(self.chosen.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()


def churn(daemon: Daemon, pages: Pages | None) -> float:
    """Has ten processes a second killed; per cent of a core that the daemon used."""
    rows = daemon.ask(command="status")["processes"]
    used, began = procfs.cpu_seconds(daemon.process.pid), time.monotonic()
    for number in range(SECONDS * CHANGES):
        daemon.ask(command="signal", name=rows[number % len(rows)]["name"], signal="KILL")
        left = began + (number + 1) / CHANGES - time.monotonic()
        if pages is not None:
            pages.turn(max(0, left))
        else:
            time.sleep(max(0, left))
    return 100 * (procfs.cpu_seconds(daemon.process.pid) - used) / (time.monotonic() - began)


def figures(daemon: Daemon) -> Iterator[tuple[str, float, str, str]]:
    """(what, measured, unit, goal)."""
    first = daemon.get("")[0]
    used = procfs.cpu_seconds(daemon.process.pid)
    times = [daemon.get("")[0] for _ in range(100)]
    yield "page, first byte, median of 100", median(times), "ms", "below 10"
    yield "the same, best", min(times), "ms", ""
    yield "the same, of the processor, whole", 10 * (procfs.cpu_seconds(daemon.process.pid) - used), "ms", ""
    yield "the same, first request, which loads the page's modules", first, "ms", ""
    sizes = {path: len(daemon.get(path)[1]) for path in ASSETS}
    yield f"page with {', '.join(ASSETS[1:])}", sum(sizes.values()) / 1024, "KB", "below 60"
    cost = {}
    for more in ({}, {"resources": True}):
        used, times = procfs.cpu_seconds(daemon.process.pid), []
        for _ in range(50):
            began = time.monotonic()
            daemon.ask(command="status", **more)
            times.append(1000 * (time.monotonic() - began))
        cost[bool(more)] = (median(times), min(times), 20 * (procfs.cpu_seconds(daemon.process.pid) - used))
    looks = [more - plain for more, plain in zip(cost[True], cost[False], strict=True)]
    for how, took in zip(("median", "best", "of the processor"), looks, strict=True):
        yield f"a look at what {PROGRAMS} processes use, {how}", took, "ms", "below 15"
    time.sleep(1)
    alone = churn(daemon, None)
    yield f"{CHANGES} changes a second, no page open", alone, "% of a core", ""
    before = daemon.memory()
    pages = Pages(daemon, PAGES)
    opened = daemon.memory()
    watched = churn(daemon, pages)
    yield f"{PAGES} pages open, {pages.streams} of them with a stream", watched - alone, "% more", "below 5"
    yield "the same, memory", max(opened, daemon.memory()) - before, "MiB", "below 20"
    yield "the same, sent to all", pages.bytes / SECONDS / 1024, "KB a second", ""
    pages.close()


def main() -> None:
    command = sys.argv[1] if sys.argv[1:] else str(Path(sys.executable).with_name("supervice"))
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    daemon = Daemon(command)
    try:
        for what, measured, unit, goal in figures(daemon):
            print(f"{what}: {measured:.1f} {unit}{f' (goal: {goal})' if goal else ''}", flush=True)
    finally:
        daemon.close()


if __name__ == "__main__":
    main()
