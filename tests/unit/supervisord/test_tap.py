"""What is taken out of a program's output before it is logged: messages between the tokens, escape sequences."""

from __future__ import annotations

import itertools
import os
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from supervice.supervisord.tap import BEGIN, END, Ansi, ListenerPump, Tap, TappedPump, overlap
from tests.fakes.output import FakeOutput, FakeRouter, FakeSink


def split(text: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in itertools.pairwise(places)]


def run(pieces: list[bytes], **options: Any) -> tuple[bytes, list[bytes], bytes]:
    """What is logged, the messages, and what was told as log."""
    messages: list[bytes] = []
    told: list[bytes] = []
    tap = Tap(
        **{"strip": False, "capture": 0, **options},
        on_log=lambda pid, data: told.append(data),
        on_message=lambda pid, data: messages.append(data),
    )
    logged = b"".join([*(tap.feed(piece, 7) for piece in pieces), tap.end(7)])
    return logged, messages, b"".join(told)


WORDS = st.sampled_from([b"a line\n", b"<!--X", b"<", b"-->", b"", b"<!--XSUPERVISOR:", b"text"])
PARTS = st.lists(st.tuples(WORDS, WORDS), max_size=5)


@given(PARTS, WORDS, st.lists(st.integers(0, 500)))
def test_messages_are_taken_out_wherever_the_reads_end(
    parts: list[tuple[bytes, bytes]], last: bytes, cuts: list[int]
) -> None:
    text = b"".join(outside + BEGIN + inside + END for outside, inside in parts) + last
    logged, messages, told = run(split(text, cuts), capture=1000)
    assert messages == [inside for _, inside in parts]
    assert logged == b"".join(outside for outside, _ in parts) + last
    assert told == b"".join(outside + inside for outside, inside in parts) + last


def test_what_is_told_comes_in_the_order_it_was_written() -> None:
    told: list[tuple[str, bytes]] = []
    tap = Tap(
        strip=False,
        capture=100,
        on_log=lambda pid, data: told.append(("log", data)),
        on_message=lambda pid, data: told.append(("message", data)),
    )
    tap.feed(b"before" + BEGIN + b"within" + END + b"after", 7)
    assert told == [("log", b"before"), ("log", b"within"), ("message", b"within"), ("log", b"after")]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300)))
def test_what_holds_no_message_is_not_changed(text: bytes, cuts: list[int]) -> None:
    assume(BEGIN not in text)
    assert run(split(text, cuts), capture=10) == (text, [], text)


def test_text_that_cannot_begin_a_token_is_not_held_back() -> None:
    tap = Tap(strip=False, capture=10)
    assert tap.feed(b"hi", 1) == b"hi"
    assert tap.feed(b"no newline <!--", 1) == b"no newline "
    assert tap.feed(b">", 1) == b"<!-->"


def test_of_a_long_message_the_end_is_kept() -> None:
    assert run([BEGIN, b"0123456789", b"abc", END], capture=5)[1] == [b"89abc"]


def test_a_message_without_its_end_is_none_and_not_lost() -> None:
    assert run([b"x", BEGIN + b"half", b"<!--XSUP"], capture=10) == (
        b"x" + BEGIN + b"half<!--XSUP",
        [],
        b"xhalf<!--XSUP",
    )


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (b"\x1b[1;31mred\x1b[0m\n", b"red\n"),
        (b"\x1b[2K\x1b[1Gbar", b"bar"),
        (b"\x1b[?25lx", b"x"),
        (b"no escape", b"no escape"),
        (b"\x1b(B", b"\x1b(B"),
        (b"\x1b[\n", b"\x1b[\n"),
        (b"\x1b[" + b"1" * 100 + b"m", b"\x1b[" + b"1" * 100 + b"m"),
        (b"ends \x1b[1", b"ends \x1b[1"),
    ],
)
@given(cuts=st.lists(st.integers(0, 200)))
def test_control_sequences_are_removed_wherever_the_reads_end(
    text: bytes, plain: bytes, cuts: list[int]
) -> None:
    ansi = Ansi()
    assert b"".join([*map(ansi.feed, split(text, cuts)), ansi.end()]) == plain


def test_colours_within_a_message_are_removed_too() -> None:
    assert run([b"a", BEGIN, b"\x1b[1mb", END], capture=9, strip=True)[:2] == (b"a", [b"b"])


@given(st.binary(max_size=40), st.binary(min_size=1, max_size=6))
def test_overlap_is_the_longest(data: bytes, token: bytes) -> None:
    size = overlap(data, token)
    assert size < len(token)
    assert data.endswith(token[:size])
    assert not any(data.endswith(token[:n]) for n in range(size + 1, len(token)))


# -- in a pump -------------------------------------------------------------------------------------------


def pumped(make: Any, sink: Any, writes: list[bytes], size: int = 65536) -> None:
    read, write = os.pipe()
    pump = make(FakeRouter(size), FakeOutput(), read, 0, sink, None)
    pump.start(7)
    for data in writes:
        os.write(write, data)
        pump._readable()
    os.close(write)
    pump._readable()
    assert pump.fd == -1


def test_a_message_without_newline_comes_through_a_pump_at_once() -> None:
    messages: list[bytes] = []
    sink = FakeSink()
    read, write = os.pipe()
    tap = Tap(strip=False, capture=100, on_message=lambda pid, data: messages.append(data))
    pump = TappedPump(FakeRouter(65536), FakeOutput(), read, 0, sink, None, tap=tap)
    pump.start(7)
    os.write(write, b"one\n" + BEGIN + b"hello" + END)
    pump._readable()
    assert messages == [b"hello"]
    assert sink.data == b"one\n"
    os.close(write)
    pump._readable()


def test_what_was_held_back_and_is_longer_than_the_buffer_is_not_lost() -> None:
    sink = FakeSink()
    tap = Tap(strip=False, capture=100)
    pumped(lambda *args: TappedPump(*args, tap=tap), sink, [BEGIN[:20], b"x" * 64, BEGIN[:20]], size=64)
    assert sink.data == BEGIN[:20] + b"x" * 64 + BEGIN[:20]


def test_a_listener_is_heard_and_its_log_has_what_it_said() -> None:
    heard: list[bytes] = []
    sink = FakeSink()
    pumped(lambda *args: ListenerPump(*args, heard=heard.append), sink, [b"READY\n", b"RESULT 2\nOK"])
    assert heard == [b"READY\n", b"RESULT 2\nOK"]
    assert sink.data == b"READY\nRESULT 2\nOK"
