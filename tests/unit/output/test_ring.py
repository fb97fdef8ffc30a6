"""The last lines in memory, bounded, and followers that cannot hurt each other."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.output.ring import SMALL, TICK, Ring, Subscription
from tests.fakes.loop import FakeLoop


def add(ring: Ring, stream: int, data: bytes, head: bytes = b"") -> None:
    ring.append(stream, head, memoryview(data))


@given(
    pieces=st.lists(st.tuples(st.integers(0, 1), st.lists(st.integers(0, 200), min_size=1, max_size=30))),
    limit=st.integers(300, 3000),
)
def test_it_is_bounded_and_keeps_the_newest_whole_lines(
    pieces: list[tuple[int, list[int]]], limit: int
) -> None:
    ring = Ring(limit)
    everything = []
    number = 0
    for stream, lengths in pieces:
        data = b""
        for length in lengths:
            line = b"%d %s" % (number, b"x" * length)
            number += 1
            everything.append((("stdout", "stderr")[stream], line))
            data += line + b"\n"
        add(ring, stream, data)
        assert sum(len(part.data) for part in ring._parts) == sum(ring._sizes) <= limit
    kept = ring.tail(10**6)
    assert kept == [line for line in everything if line in kept]  # in order
    for name in ("stdout", "stderr"):
        mine = [line for line in everything if line[0] == name]
        left = ring.tail(10**6, name)
        assert left == mine[len(mine) - len(left) :]  # without gaps
        if len(left) < len(mine):  # nothing was given up that half of the room would have held
            size = sum(len(line) + 1 for _, line in left)
            assert size + len(mine[-len(left) - 1][1]) + 1 > limit // 2


def test_a_chatty_stdout_leaves_the_last_errors() -> None:
    ring = Ring(2000)
    add(ring, 1, b"panic: out of cheese\n")
    for _ in range(50):
        add(ring, 0, b"x" * 999 + b"\n")
    assert ring.tail(5, "stderr") == [("stderr", b"panic: out of cheese")]


def test_short_lines_share_an_object() -> None:
    ring = Ring(65536)
    for _ in range(100):
        add(ring, 0, b"short line\n")
    assert len(ring._parts) == 1
    for _ in range(10000):
        add(ring, 0, b"short line\n")
    assert len(ring._parts) <= 65536 // SMALL + 2


def test_tail_by_stream_and_number() -> None:
    ring = Ring(65536)
    add(ring, 0, b"one\ntwo\n")
    add(ring, 1, b"oops\n")
    add(ring, 0, b"ee\n", b"thr")
    assert ring.tail(2) == [("stderr", b"oops"), ("stdout", b"three")]
    assert ring.tail(9, "stderr") == [("stderr", b"oops")]
    assert ring.tail(2, "stdout") == [("stdout", b"two"), ("stdout", b"three")]
    assert ring.tail(0) == []


@pytest.mark.parametrize("end", ["", "\n"])
def test_of_one_millisecond_what_began_first_comes_first(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """A line that is finished after another stream's, or not yet, stands where it began."""
    monkeypatch.setattr(time, "time_ns", lambda: 10**18)
    ring = Ring(10_000)
    for stream, text in ((0, "one\ntwo"), (1, "three\nfour"), (0, end), (1, "\nfive\n")):
        ring.append(stream, b"", memoryview(text.encode()))
    lines = [line.decode() for _, line in ring.tail(10)]
    assert lines == ["one", "two", "three", "four", "five"]
    assert [line.decode() for _, line in ring.tail(2)] == (["two", "five"] if not end else ["four", "five"])


def test_a_long_line_in_parts_is_one_line() -> None:
    ring = Ring(65536)
    add(ring, 0, b"x" * 5000)
    add(ring, 1, b"between\n")
    add(ring, 0, b"y" * 5000 + b"\n")
    assert ring.tail(5) == [("stdout", b"x" * 5000 + b"y" * 5000), ("stderr", b"between")]


def test_the_end_is_of_the_present_run_alone() -> None:
    ring = Ring(65536)
    add(ring, 0, b"of the first run\n")
    add(ring, 1, b"and its error\n")
    assert ring.end(1024) == b"of the first run\nand its error\n"
    ring.begin_run()
    assert ring.end(1024) == b""
    add(ring, 1, b"of the second\n")
    assert ring.end(1024) == b"of the second\n"
    assert len(ring.tail(10)) == 3


@given(
    pieces=st.lists(
        st.tuples(
            st.integers(0, 1), st.integers(0, 50), st.lists(st.integers(0, 200), min_size=1, max_size=8)
        )
    ),
    limit=st.integers(300, 20000),
)
def test_each_line_has_the_time_at_which_it_began(
    pieces: list[tuple[int, int, list[int]]], limit: int
) -> None:
    """Within a tick; a part whose beginning is cut off knows it too."""
    ring = Ring(limit)
    now = 1_700_000_000_000
    came: dict[bytes, int] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("supervice.output.ring.time.time_ns", lambda: now * 1_000_000)
        for stream, pause, lengths in pieces:
            now += pause
            for length in lengths:
                line = b"%d %s" % (len(came), b"x" * length)
                came[line] = now
                add(ring, stream, line[:5])
                now += 3
                add(ring, stream, b"\n", line[5:])
    timed = ring.timed(10**6)
    assert [(name, line) for _, name, line in timed] == ring.tail(10**6)
    for when, _, line in timed:
        assert came[line] - TICK < when <= came[line]


def test_when_costs_little() -> None:
    ring = Ring(65536)
    with pytest.MonkeyPatch.context() as patch:
        for second in range(2000):
            patch.setattr("supervice.output.ring.time.time_ns", lambda s=second: s * 10**9)
            add(ring, 0, b"a line of a program that says one each second, %03d\n" % second)
    assert sum(len(part.marks) for part in ring._parts) <= 12 * (len(ring.tail(10**6)) + len(ring._parts))


def test_a_slow_follower_loses_only_its_own_lines() -> None:
    loop = FakeLoop()
    followers: list[Subscription] = []
    told = []
    slow = Subscription(loop, lambda: told.append("slow"), 1000, followers)
    quick = Subscription(loop, lambda: told.append("quick"), 1000, followers)
    got = []
    for number in range(100):
        for follower in followers:
            follower.offer(0, b"line %03d and the rest of it\n" % number, 0)
        lost, pieces = quick.take()
        assert lost == 0
        got += pieces
    assert len(got) == 100
    lost, pieces = slow.take()
    assert lost + len(pieces) == 100
    assert lost > 0
    assert pieces[-1] == ("stdout", b"line 099 and the rest of it\n")
    assert slow.take() == (0, [])
    loop.turn()
    assert told.count("slow") == 1


def test_lines_that_were_too_many_for_one_turn_count_as_lost() -> None:
    loop = FakeLoop()
    follower = Subscription(loop, lambda: None, 1000, [])
    follower.offer(0, b"a\nb\n", 0)
    follower.offer(1, b"z\n", 500)
    assert follower.take() == (502, [("stderr", b"z\n")])


def test_the_rest_of_a_line_joins_it_within_bounds() -> None:
    follower = Subscription(FakeLoop(), lambda: None, 10_000, [])
    for piece in (b"Enter ", b"password: ", b"thanks\n", b"next\n"):
        follower.offer(0, piece, 0)
    assert follower.take() == (0, [("stdout", b"Enter password: thanks\n"), ("stdout", b"next\n")])
    for _ in range(1000):
        follower.offer(0, b"." * 100, 0)  # a line that never ends
    follower.offer(1, b"other\n", 0)
    _, pieces = follower.take()
    assert sum(len(piece) for _, piece in pieces) <= 10_000
    assert max(len(piece) for _, piece in pieces) <= SMALL


def test_a_closed_follower_is_told_nothing() -> None:
    loop = FakeLoop()
    followers: list[Subscription] = []
    follower = Subscription(loop, lambda: 1 / 0, 1000, followers)
    follower.offer(0, b"a\n", 0)
    follower.close()
    follower.close()
    loop.turn()
    assert not followers
