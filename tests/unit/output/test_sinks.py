"""Sinks that can stall: order, back-pressure, dropping, a reader that is gone. Real pipes, no processes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervice.output.sinks import QUEUE_LIMIT, StreamSink
from supervice.output.stdout import identity, open_own, open_path
from tests.fakes.output import FakeRouter, FakeSource, put


class Pipe:
    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)
        os.set_blocking(self.write_end, False)

    def read(self) -> bytes:
        found = b""
        try:
            while data := os.read(self.read_end, 1 << 20):
                found += data
        except BlockingIOError:
            pass
        return found

    def close(self) -> None:
        for fd in (self.read_end, self.write_end):
            try:
                os.close(fd)
            except OSError:
                pass


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


@pytest.fixture
def owner() -> FakeRouter:
    return FakeRouter()


def block(number: int, size: int) -> bytes:
    line = b"%08d %s\n" % (number, b"x" * 90)
    return line * (size // len(line))


def test_what_the_pipe_does_not_take_waits_and_comes_in_order(pipe: Pipe, owner: FakeRouter) -> None:
    sink = StreamSink(owner, os.dup(pipe.write_end), "stdout", False)
    sink.users = 1
    one, two = FakeSource(), FakeSource()
    data = block(1, 3 << 20)
    put(sink, one, data)
    assert sink.blocked
    assert owner.level == 1
    sink.wait(one, False)
    sink.wait(two, False)
    put(sink, two, b"the daemon's own\n")
    found = b""
    while sink.blocked:
        found += pipe.read()
        owner.loop.writers[sink.fd]()
    found += pipe.read()
    assert found == data + b"the daemon's own\n"
    assert (one.resumed, two.resumed) == (1, 1)
    assert owner.level == 0
    assert not owner.loop.writers
    sink.close()


def test_waiters_stop_being_resumed_when_it_stalls_again(pipe: Pipe, owner: FakeRouter) -> None:
    sink = StreamSink(owner, os.dup(pipe.write_end), "stdout", False)
    sink.users = 1
    order: list[str] = []

    class Waiter(FakeSource):
        def __init__(self, name: str, again: bool) -> None:
            super().__init__()
            self.name, self.again = name, again

        def resume(self) -> None:
            order.append(self.name)
            if self.again:
                self.again = False
                put(sink, self, block(2, 3 << 20))
                sink.wait(self, True)

    put(sink, FakeSource(), block(1, 3 << 20))
    sink.wait(Waiter("a", True), False)
    sink.wait(Waiter("b", False), False)
    while sink.blocked:
        pipe.read()
        owner.loop.writers[sink.fd]()
    assert order == ["a", "a", "b"]
    sink.close()


def test_drop_counts_whole_lines_and_never_blocks(pipe: Pipe, owner: FakeRouter) -> None:
    sink = StreamSink(owner, os.dup(pipe.write_end), "stdout", True)
    sink.users = 1
    source = FakeSource()
    first = block(1, 3 << 20)
    put(sink, source, first)  # more than the pipe holds: the rest is queued, it was accepted
    for number in range(2, 12):
        put(sink, source, block(number, 100_000))
    assert not sink.blocked
    assert sink.queued <= len(first) + QUEUE_LIMIT
    assert source.lines == 10 * (100_000 // 100)
    found = b""
    while owner.loop.writers:
        found += pipe.read()
        owner.loop.writers[sink.fd]()
    put(sink, source, b"again\n")
    found += pipe.read()
    assert found == first + b"again\n"
    assert any("10000 lines" in text for _, text in owner.messages)
    sink.close()


def test_drop_in_a_long_line_cuts_it_visibly(pipe: Pipe, owner: FakeRouter) -> None:
    sink = StreamSink(owner, os.dup(pipe.write_end), "stdout", True)
    sink.users = 1
    source = FakeSource()
    put(sink, source, block(1, 3 << 20))
    put(sink, source, b"y" * QUEUE_LIMIT)
    assert source.torn
    sink.close()


def test_another_source_begins_a_new_line(pipe: Pipe, owner: FakeRouter) -> None:
    sink = StreamSink(owner, os.dup(pipe.write_end), "stdout", False)
    one, two = FakeSource(), FakeSource()
    put(sink, one, b"", b"no newline")
    put(sink, one, b" yet")
    put(sink, two, b"other\n")
    put(sink, one, b"again\n", b"once ")
    assert pipe.read() == b"no newline yet\nother\nonce again\n"
    sink.close()


def test_a_reader_that_is_gone(pipe: Pipe, owner: FakeRouter) -> None:
    sink = StreamSink(owner, os.dup(pipe.write_end), "stdout", False)
    source = FakeSource()
    put(sink, source, b"line\n")
    os.close(pipe.read_end)
    for _ in range(3):
        put(sink, source, b"one\ntwo\n")
    assert (source.bytes, source.lines) == (24, 6)
    assert not sink.blocked
    assert len(owner.messages) == 1
    sink.close()


def test_a_reader_that_goes_away_while_output_waits(pipe: Pipe, owner: FakeRouter) -> None:
    sink = StreamSink(owner, os.dup(pipe.write_end), "stdout", False)
    sink.users = 1
    source = FakeSource()
    put(sink, source, block(1, 3 << 20))
    sink.wait(source, False)
    os.close(pipe.read_end)
    owner.loop.writers[sink.fd]()
    assert not sink.blocked
    assert source.resumed == 1
    assert owner.level == 0
    put(sink, source, b"x\n")
    assert source.lines == 1
    sink.close()


def test_closed_stdout_is_dev_null(owner: FakeRouter) -> None:
    free = os.dup(0)
    os.close(free)
    assert identity(free) is None
    fd, send = open_own(free)
    assert fd == -1
    sink = StreamSink(owner, fd, "stdout", False, send)
    source = FakeSource()
    put(sink, source, b"line\n")
    assert source.bytes == 5
    sink.close()


def test_own_pipe_keeps_its_flags(pipe: Pipe) -> None:
    os.set_blocking(pipe.write_end, True)
    fd, send = open_own(pipe.write_end)
    try:
        assert send is None
        assert not os.get_blocking(fd)
        assert os.get_blocking(pipe.write_end)
        assert identity(fd) == identity(pipe.write_end)
    finally:
        os.close(fd)


@pytest.mark.parametrize("nowait", [True, False])
def test_own_pipe_that_cannot_be_opened_anew(
    pipe: Pipe, owner: FakeRouter, monkeypatch: pytest.MonkeyPatch, nowait: bool
) -> None:
    """`docker run -u 12345`: the pipe is root's. The shared description stays blocking, we do not wait."""
    os.set_blocking(pipe.write_end, True)
    real = os.open

    def refused(path: Any, *args: Any, **kwargs: Any) -> int:
        if str(path).startswith("/proc/self/fd/"):
            raise PermissionError
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refused)
    if not nowait:
        monkeypatch.delattr(os, "RWF_NOWAIT")
    fd, send = open_own(pipe.write_end)
    sink = StreamSink(owner, fd, "stdout", False, send)
    sink.users = 1
    data = block(1, 2 << 20)
    put(sink, FakeSource(), data)
    assert sink.blocked
    found = b""
    while sink.blocked:
        found += pipe.read()
        owner.loop.writers[fd]()
    found += pipe.read()
    assert found == data
    assert os.get_blocking(pipe.write_end)
    sink.close()


def test_own_socket(owner: FakeRouter) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        fd, send = open_own(ours.fileno())
        assert send is not None
        sink = StreamSink(owner, fd, "stdout", False, send)
        sink.users = 1
        data = block(1, 2 << 20)
        put(sink, FakeSource(), data)
        assert sink.blocked
        found = b""
        while len(found) < len(data):
            found += theirs.recv(1 << 20)
            if sink.blocked:
                owner.loop.writers[fd]()
        assert found == data
        assert ours.getblocking()
        sink.close()


def test_own_regular_file_shares_the_offset(tmp_path: Path, owner: FakeRouter) -> None:
    fd = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"before us\n")
    opened, send = open_own(fd)
    sink = StreamSink(owner, opened, "stdout", False, send)
    put(sink, FakeSource(), b"line\n")
    os.write(fd, b"after us\n")
    sink.close()
    os.close(fd)
    assert (tmp_path / "out").read_bytes() == b"before us\nline\nafter us\n"


def test_a_fifo_needs_no_reader_and_survives_one(tmp_path: Path, owner: FakeRouter) -> None:
    path = str(tmp_path / "fifo")
    os.mkfifo(path)
    sink = StreamSink(owner, open_path(path), path, False)
    source = FakeSource()
    put(sink, source, b"before the first read\n")
    for _ in range(2):
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        assert os.read(reader, 100).endswith(b"\n")
        os.close(reader)
        put(sink, source, b"between readers\n")
    assert source.bytes == 0
    sink.close()


def test_reopen_of_a_fifo_made_anew(tmp_path: Path, owner: FakeRouter) -> None:
    path = str(tmp_path / "fifo")
    os.mkfifo(path)
    sink = StreamSink(owner, open_path(path), path, False)
    sink.opener = lambda: open_path(path)
    os.unlink(path)
    os.mkfifo(path)
    sink.reopen()
    put(sink, FakeSource(), b"new\n")
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    assert os.read(reader, 100) == b"new\n"
    os.close(reader)
    sink.close()
