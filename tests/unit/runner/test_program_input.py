"""What is written to a program waits until it reads, in order, and no longer than its run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.runner.program_input import LIMIT, ProgramInput
from tests.fakes.loop import FakeLoop


class Child:
    """What a run has of it."""

    def __init__(self, given: ProgramInput) -> None:
        self.fd = os.dup(given.open())
        given.opened()
        os.set_blocking(self.fd, False)
        self.heard = b""

    def read(self, size: int = 1 << 20) -> bytes:
        try:
            self.heard += os.read(self.fd, size)
        except BlockingIOError:
            pass
        return self.heard

    def at_end(self) -> bool:
        try:
            return os.read(self.fd, 1) == b""
        except BlockingIOError:
            return False

    def exit(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class World:
    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.input = ProgramInput(self.loop)
        self.child = Child(self.input)

    def drain(self) -> bytes:
        """The child reads all that there is to read."""
        while self.loop.writers:
            self.child.read()
            for ready in list(self.loop.writers.values()):
                ready()
        return self.child.read()

    def close(self) -> None:
        self.input.end()
        self.child.exit()


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def test_it_is_open_and_no_end_is_read(world: World) -> None:
    assert not world.child.at_end()
    world.input.write(b"a line\n")
    assert world.child.read() == b"a line\n"
    assert not world.child.at_end()


def test_what_is_not_read_waits_and_its_writers_are_told(world: World) -> None:
    told: list[tuple[str, bool]] = []
    for name in "abc":
        text = name.encode() * 100_000
        world.input.write(text, lambda done, name=name: told.append((name, done)))  # type: ignore[misc]
    assert told == []
    assert world.input.waiting > 200_000
    assert world.drain() == b"a" * 100_000 + b"b" * 100_000 + b"c" * 100_000
    assert told == [("a", True), ("b", True), ("c", True)]
    assert world.input.waiting == 0
    assert not world.loop.writers


def test_too_much_is_refused(world: World) -> None:
    while world.input.waiting <= LIMIT:
        world.input.write(b"x" * 65536)
    with pytest.raises(BlockingIOError):
        world.input.write(b"x")
    world.drain()
    world.input.write(b"again")


def test_a_child_that_has_closed_it_and_one_that_is_gone(world: World) -> None:
    told: list[bool] = []
    world.input.write(b"x" * 1_000_000, told.append)
    world.child.exit()
    with pytest.raises(BrokenPipeError):
        world.input.write(b"more")
    for ready in list(world.loop.writers.values()):
        ready()  # the kernel says that there is an error
    assert told == [False]
    assert not world.loop.writers
    with pytest.raises(BrokenPipeError):
        world.input.write(b"more")


def test_the_next_run_reads_nothing_that_the_last_one_left(world: World) -> None:
    told: list[bool] = []
    world.input.write(b"x" * 1_000_000, told.append)
    world.input.end()
    assert told == [False]
    with pytest.raises(BrokenPipeError):
        world.input.write(b"between the runs")
    world.child.exit()
    world.child = Child(world.input)
    world.input.write(b"new\n")
    assert world.child.read() == b"new\n"


def test_its_end_comes_behind_what_was_written(world: World) -> None:
    world.input.write(b"x" * 300_000)
    world.input.close()
    with pytest.raises(BrokenPipeError):
        world.input.write(b"behind the end")
    assert world.drain() == b"x" * 300_000
    assert world.child.at_end()


@given(
    st.lists(st.tuples(st.binary(max_size=40_000), st.sampled_from([0, 100, 70_000])), max_size=12),
)
def test_every_byte_arrives_once_and_in_order(script: list[tuple[bytes, int]]) -> None:
    world = World()
    written = b""
    told: list[bool] = []
    for text, read in script:
        world.input.write(text, told.append)
        written += text
        world.child.read(read)
        for ready in list(world.loop.writers.values()):
            ready()
    assert world.drain() == written
    assert told == [True] * len(script)
    world.close()
