"""What a flood of notifications costs: how often /proc is asked, and how long one turn of the loop takes."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from supervice.notify import server
from supervice.notify.server import BATCH, DEEPEST, LONGEST, TURN, NotifySocket
from tests.fakes.loop import FakeLoop

LEADER = 10_000_000  # above every pid that there can be, ours too (PID_MAX_LIMIT)
COST = 0.000036  # seconds for one look at /proc


class Flood:
    """A socket with messages, and processes by their parent: each look at one takes time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.loop = FakeLoop()
        self.notify = NotifySocket(self.loop)
        self.parents: dict[int, int] = {}
        self.queue: list[int] = []  # the senders
        self.looks = 0
        self.heard: list[int] = []
        monkeypatch.setattr(server, "read_stat", self.read_stat)
        monkeypatch.setattr(self.notify, "_receive", self.receive)
        self.notify.register(LEADER, self.listen)

    def listen(self, sender: int, _message: Any) -> None:
        self.heard.append(sender)

    def receive(self) -> tuple[bytes, list[tuple[int, int, bytes]], int, None]:
        if not self.queue:
            raise BlockingIOError
        credentials = struct.pack("3i", self.queue.pop(0), 0, 0)
        return b"STATUS=x", [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, credentials)], 0, None

    def read_stat(self, pid: int) -> SimpleNamespace | None:
        self.looks += 1
        self.loop.now += COST
        return SimpleNamespace(ppid=self.parents[pid], session=pid) if pid in self.parents else None

    def chain(self, first: int, length: int, above: int = LEADER) -> int:
        """Makes processes, each the parent of the next; returns the last. `first`: a number within the program."""
        for pid in range(LEADER + first, LEADER + first + length):
            self.parents[pid] = above
            above = pid
        return above

    def turn(self) -> float:
        """Returns the seconds that it took."""
        before = self.loop.now
        (reader,) = self.loop.readers.values()
        reader()
        return self.loop.now - before


@pytest.fixture
def flood(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flood]:
    one = Flood(monkeypatch)
    yield one
    monkeypatch.undo()
    one.notify.close()


@pytest.mark.parametrize("above", [LEADER, 1], ids=["a program", "a stranger"])
def test_a_flood_of_one_process_is_looked_up_once_a_turn(flood: Flood, above: int) -> None:
    deep = flood.chain(2000, DEEPEST, above)
    flood.queue = [deep] * 3 * BATCH
    for _ in range(3):
        flood.turn()
    assert flood.queue == []
    assert flood.looks == 3 * DEEPEST
    assert flood.heard == ([deep] * 3 * BATCH if above == LEADER else [])


def test_processes_with_the_same_ancestors(flood: Flood) -> None:
    deep = flood.chain(2000, DEEPEST - 1)
    senders = [flood.chain(3000 + n, 1, deep) for n in range(BATCH)]
    flood.queue = list(senders)
    flood.notify.drain()
    assert flood.heard == senders
    assert flood.looks == DEEPEST - 1 + BATCH


def test_a_turn_ends_when_its_time_is_over_and_the_next_goes_on(flood: Flood) -> None:
    senders = [flood.chain(10_000 * n, DEEPEST) for n in range(1, BATCH)]
    flood.queue = list(senders)
    while flood.queue:
        assert flood.turn() < TURN + DEEPEST * COST + COST
    assert flood.heard == senders


def test_the_last_words_of_a_program_are_read_however_long_it_takes(flood: Flood) -> None:
    senders = [flood.chain(10_000 * n, DEEPEST) for n in range(1, 20)]
    flood.queue = list(senders)
    flood.notify.drain()
    assert flood.heard == senders


def test_too_deep_a_process_does_not_silence_those_above_it(flood: Flood) -> None:
    deep = flood.chain(2000, DEEPEST + 10)
    flood.queue = [deep, deep - 20]
    flood.turn()
    assert flood.heard == [deep - 20]


def reused(flood: Flood, pid: int) -> None:
    flood.parents[pid] = 1


def forgotten(flood: Flood, _pid: int) -> None:
    flood.notify.forget(flood.listen)


@pytest.mark.parametrize("change", [reused, forgotten])
def test_what_was_found_holds_for_one_turn(flood: Flood, change: Callable[[Flood, int], None]) -> None:
    deep = flood.chain(2000, 3)
    flood.queue = [deep]
    flood.turn()
    change(flood, deep)
    flood.queue = [deep]
    flood.turn()
    assert flood.heard == [deep]


def test_a_program_that_begins_or_ends_within_a_turn(flood: Flood) -> None:
    deep = flood.chain(2000, 3)
    heard: list[int] = []

    def ends(sender: int, _message: Any) -> None:
        heard.append(sender)
        flood.notify.forget(ends)
        flood.notify.register(LEADER, flood.listen)

    flood.notify.register(LEADER, ends)
    flood.queue = [deep, deep]
    flood.turn()
    assert (heard, flood.heard) == ([deep], [deep])


def test_a_message_is_as_long_as_systemd_takes_one() -> None:
    one = NotifySocket(FakeLoop())
    heard: list[bool] = []
    one.register(os.getpid(), lambda _sender, message: heard.append(message.ready))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(one.address.replace("@", "\0", 1))
        for text in (b"READY=1\n", b"READY=0\n"):
            sock.send(text.ljust(LONGEST, b"x"))
            sock.send(b"READY=1\n".ljust(LONGEST + 1, b"x"))
    one.drain()
    one.close()
    assert heard == [True, False]
    assert LONGEST == 4096
