"""The last lines in memory, bounded, and followers that cannot hurt each other."""

from __future__ import annotations

import sys
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.output.ring import OVERHEAD, SMALL, TICK, Ring, Subscription
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
        assert sum(len(part.data) + part.extra for part in ring._parts) == sum(ring._sizes)
        assert sum(ring._sizes) <= limit
        assert sum(len(part.data) for part in ring._parts) <= limit
    kept = ring.tail(10**6)
    assert kept == [line for line in everything if line in kept]  # in order
    for name in ("stdout", "stderr"):
        mine = [line for line in everything if line[0] == name]
        left = ring.tail(10**6, name)
        assert left == mine[len(mine) - len(left) :]  # without gaps
        if len(left) < len(mine):  # nothing was given up that half of the room would have held
            size = sum(len(line) + 1 for _, line in left)
            size += OVERHEAD * sum(part.stream == ("stdout", "stderr").index(name) for part in ring._parts)
            assert size + OVERHEAD + len(mine[-len(left) - 1][1]) + 1 > limit // 2


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_small_room_keeps_the_newest_lines(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where each line has a mark of its own, which is longer than the line."""
    ring = Ring(4000)
    for number in range(20):
        monkeypatch.setattr("supervice.output.ring.time.time_ns", lambda s=number * seconds: s * 10**9)
        add(ring, 0, b"line%02d\n" % number)
    ring.resize(64)
    kept = [line for _, line in ring.tail(100)]
    assert kept == [b"line%02d" % number for number in range(20)][-len(kept) :]
    assert len(kept) == (9 if seconds == 0 else 3)
    assert sum(ring._sizes) <= 64


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


def lines_of(chunks: list[tuple[int, bytes]], lines: int, stream: str | None) -> list[tuple[str, bytes]]:
    """Returns what `tail` should, byte by byte: of the lines that ended last, what began first."""
    ended: list[tuple[int, str, bytes]] = []
    open_: dict[str, tuple[int, bytes]] = {}
    for number, (which, data) in enumerate(chunks):
        name = ("stdout", "stderr")[which]
        for place in range(len(data)):
            began, text = open_.pop(name, (number * 100_000 + place, b""))
            if data[place : place + 1] == b"\n":
                ended.append((began, name, text))
            else:
                open_[name] = began, text + data[place : place + 1]
    ended += [(open_[name][0], name, open_[name][1]) for name in ("stdout", "stderr") if name in open_]
    wanted = [line for line in ended if stream in (None, line[1])]
    return [line[1:] for line in sorted(wanted[-lines:])] if lines else []


TEXT = st.lists(st.sampled_from([b"\n", b"a", b"bc\n", b"d" * 90, b"\ne"]), max_size=12).map(b"".join)


@given(
    pieces=st.lists(st.tuples(st.integers(0, 1), TEXT), max_size=30),
    limit=st.sampled_from([1, 300, 900, 100_000]),
    lines=st.integers(0, 12),
    stream=st.sampled_from([None, "stdout", "stderr"]),
)
def test_the_last_lines_are_those_of_all_that_is_kept(
    pieces: list[tuple[int, bytes]], limit: int, lines: int, stream: str | None
) -> None:
    ring = Ring(limit)
    for which, data in pieces:
        add(ring, which, data)
    kept = [(part.stream, bytes(part.data)) for part in ring._parts]
    assert ring.tail(lines, stream) == lines_of(kept, lines, stream)
    if limit == 100_000:
        assert ring.tail(lines, stream) == lines_of(pieces, lines, stream)


@pytest.mark.parametrize("step", [0, TICK])
@pytest.mark.parametrize("streams", [1, 2])
def test_memory_is_bounded_whatever_is_written(
    monkeypatch: pytest.MonkeyPatch, streams: int, step: int
) -> None:
    """Newlines alone, from one stream or both in turn, at once or each with a time of its own."""
    now = 10**18
    monkeypatch.setattr("supervice.output.ring.time.time_ns", lambda: now)
    limit = 65536
    ring = Ring(limit)
    for number in range(limit):
        now += step * 1_000_000
        add(ring, number % streams, b"\n")
    held = [thing for part in ring._parts for thing in (part, part.data, part.marks)]
    assert sum(map(sys.getsizeof, held)) < 2.5 * limit
    assert len(ring.tail(10**6)) > 500


def test_ordinary_logs_keep_nearly_all_of_the_room() -> None:
    ring = Ring(65536)
    for number in range(2000):
        add(ring, 0, b"a line of an ordinary length, as programs write them: number %06d\n" % number)
    assert sum(len(part.data) for part in ring._parts) > 0.96 * 65536


def test_a_few_last_lines_cost_no_more_when_many_are_kept() -> None:
    ring = Ring(65536)
    add(ring, 0, b"\n" * 65536)
    tracemalloc.start()
    try:
        assert len(ring.timed(10)) == 10
        assert tracemalloc.get_traced_memory()[1] < 10_000
    finally:
        tracemalloc.stop()


def test_a_follower_that_gets_tiny_pieces_is_bounded() -> None:
    follower = Subscription(FakeLoop(), lambda: None, 65536, [])
    for number in range(65536):
        follower.offer(number % 2, b"\n", 0)
    lost, pieces = follower.take()
    assert len(pieces) < 600
    assert lost + len(pieces) == 65536


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


def test_what_is_forgotten_counts_as_gone() -> None:
    """The place of what comes next, as XML-RPC tells it, never goes back."""
    ring = Ring(65536)
    add(ring, 0, b"one\n")
    add(ring, 1, b"two\n")
    ring.forget(0)
    assert ring.kept("stdout") == (4, b"")
    assert ring.kept("stderr") == (0, b"two\n")
