"""Lines that stay unfinished: when they are passed on, and what is never torn by it. No processes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.output.file_sink import FileSink
from supervice.output.formats import make
from supervice.output.pump import Pump
from supervice.output.unfinished import PATIENCE, torn_character
from tests.fakes.output import FakeOutput, FakeRouter, FakeSink


class Bench:
    """Pumps that write into one sink."""

    def __init__(
        self, sink: FakeSink | FileSink | None = None, log_format: str = "raw", count: int = 1
    ) -> None:
        self.router = FakeRouter()
        self.sink = FakeSink() if sink is None else sink
        self.outputs = [FakeOutput() for _ in range(count)]
        self.ends: list[int] = []
        self.pumps: list[Pump] = []
        for output in self.outputs:
            ours, theirs = os.pipe()
            self.ends.append(theirs)
            self.pumps.append(Pump(self.router, output, ours, 0, self.sink, make(log_format, "web")))
            self.pumps[-1].start(7)

    @property
    def written(self) -> bytes:
        assert isinstance(self.sink, FakeSink)
        return self.sink.data

    def say(self, text: bytes, number: int = 0) -> None:
        os.write(self.ends[number], text)
        self.router.loop.readers[self.pumps[number].fd]()

    def wait(self, seconds: float) -> None:
        self.router.loop.advance(seconds)

    def close(self) -> None:
        for pump in self.pumps:
            pump.close()
        for end in self.ends:
            os.close(end)


@pytest.fixture(autouse=True)
def running(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the program computes: the last one counts."""
    answers = [False]
    monkeypatch.setattr("supervice.output.unfinished.is_running", lambda pid: answers[-1])
    return answers


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def test_a_line_that_stays_unfinished_is_passed_on_after_200_ms(bench: Bench) -> None:
    bench.say(b"Enter password: ")
    bench.wait(0.19)
    assert bench.written == b""
    bench.wait(0.02)
    assert bench.written == b"Enter password: "
    assert bench.outputs[0].recorded == b"Enter password: "
    bench.say(b"thanks\n")
    assert bench.written == bench.outputs[0].recorded == b"Enter password: thanks\n"


def test_a_cut_line_waits_on_while_its_program_computes_or_has_no_cpu(
    bench: Bench, running: list[bool]
) -> None:
    running.append(True)
    lines = b"x" * 63 + b"\n"
    bench.say(lines * 64 + b"0123456789")
    bench.wait(2.5)
    assert bench.written == lines * 64
    bench.say(b"end\n" + lines * 64 + b"abc")
    assert bench.written == lines * 64 + b"0123456789end\n" + lines * 64
    bench.wait(1.5)
    assert not bench.written.endswith(b"abc")
    running.append(False)
    bench.wait(0.21)
    assert bench.written.endswith(b"abc")


def test_a_cut_line_waits_for_five_seconds_at_most(bench: Bench, running: list[bool]) -> None:
    running.append(True)
    lines = b"x" * 63 + b"\n"
    bench.say(lines * 64 + b"0123456789")
    bench.wait(4.98)
    assert bench.written == lines * 64
    bench.wait(0.03)
    assert bench.written == lines * 64 + b"0123456789"


def test_a_line_written_by_hand_does_not_wait_for_a_program_that_computes(
    bench: Bench, running: list[bool]
) -> None:
    running.append(True)
    bench.say(b"Working... ")
    bench.wait(0.21)
    assert bench.written == b"Working... "


def test_a_line_that_a_block_has_cut_waits_for_a_second(bench: Bench) -> None:
    """Its program is in the middle of its output; on a busy machine it may not run for 200 ms."""
    lines = b"x" * 63 + b"\n"
    bench.say(lines * 64 + b"0123456789")
    bench.wait(0.99)
    assert bench.written == lines * 64
    bench.say(b"abcdef\n")
    assert bench.written == lines * 64 + b"0123456789abcdef\n"
    bench.say(lines * 64 + b"prompt: ")
    bench.wait(1.01)
    assert bench.written.endswith(b"\nprompt: ")


def test_a_few_bytes_behind_a_block_wait_as_long(bench: Bench, running: list[bool]) -> None:
    """What a full pipe has not taken comes as a small rest; the program goes on when it has the CPU."""
    running.append(True)
    lines = b"x" * 63 + b"\n"
    bench.say(lines * 64 + b"0123456789")
    bench.wait(0.7)
    bench.say(b"end\n" + lines + b"0123")
    bench.wait(3)
    assert bench.written == lines * 64 + b"0123456789end\n" + lines
    bench.say(b"end\n")
    bench.wait(0.9)
    bench.say(b"prompt: ")  # and not in the midst of anything any more
    bench.wait(0.21)
    assert bench.written.endswith(b"prompt: ")


def test_the_time_counts_from_the_first_byte(bench: Bench) -> None:
    """Dots that come faster than that are seen all the same."""
    for _ in range(5):
        bench.say(b".")
        bench.wait(0.05)
    assert bench.written == b"...."
    bench.wait(0.2)
    assert bench.written == b"....."


def test_no_timer_runs_while_no_line_waits(bench: Bench) -> None:
    assert not bench.router.loop.live
    bench.say(b"whole\n")
    assert not bench.router.loop.live
    bench.say(b"half")
    assert len(bench.router.loop.live) == 1
    bench.say(b" of it\n")
    assert not bench.router.loop.live
    bench.say(b"prompt> ")
    bench.wait(10)
    assert not bench.router.loop.live
    bench.say(b"begun")
    bench.pumps[0].close()
    assert not bench.router.loop.live


def test_a_line_that_ends_and_another_that_begins_has_its_own_time(bench: Bench) -> None:
    bench.say(b"one")
    bench.wait(0.15)
    bench.say(b" whole\ntwo")
    bench.wait(0.15)
    assert bench.written == b"one whole\n"
    bench.wait(0.06)
    assert bench.written == b"one whole\ntwo"


def test_the_end_of_a_line_that_came_while_we_were_late_is_read_first(bench: Bench) -> None:
    bench.say(b"a line")
    os.write(bench.ends[0], b" that ended\n")  # in the pipe when the timer runs
    bench.router.loop.now = 5
    bench.router.loop.live[0].run()
    bench.router.loop.turn()
    assert bench.written == b"a line that ended\n"


def test_a_line_that_begins_while_another_one_is_due_has_its_own_time(bench: Bench) -> None:
    bench.say(b"one")
    bench.router.loop.now = 0.2
    bench.router.loop.live[0].run()
    bench.say(b" ended\ntwo")  # before its turn comes
    bench.router.loop.turn()
    assert bench.written == b"one ended\n"
    bench.wait(0.2)
    assert bench.written == b"one ended\ntwo"


def test_json_says_that_the_line_goes_on() -> None:
    bench = Bench(log_format="json")
    bench.say(b"Enter password: ")
    bench.wait(0.2)
    bench.say(b"thanks\nnext\n")
    rows = [json.loads(line) for line in bench.written.splitlines()]
    assert [(row["message"], row.get("partial")) for row in rows] == [
        ("Enter password: ", True),
        ("thanks", None),
        ("next", None),
    ]
    bench.close()


def test_a_prefix_is_written_once_for_a_line() -> None:
    bench = Bench(log_format="prefix")
    bench.say(b"Connecting ")
    bench.wait(0.2)
    bench.say(b"done\n")
    assert bench.written == b"web | Connecting done\n"
    bench.close()


def test_a_character_is_not_torn(bench: Bench) -> None:
    text = "grün €".encode()
    bench.say(text[:-1])
    bench.wait(0.2)
    assert bench.written == "grün ".encode()
    bench.say(text[-1:])
    bench.wait(0.2)
    assert bench.written == text
    bench.say(b"\xe2\x82")  # a beginning alone is passed on in the end
    bench.wait(0.2)
    assert bench.written == text + b"\xe2\x82"


@given(st.text(min_size=1))
def test_only_the_end_of_a_text_can_be_a_torn_character(text: str) -> None:
    data = text.encode("utf-8", "replace")
    assert torn_character(data) == 0
    for cut in range(1, len(data)):
        whole = data[: cut - torn_character(data[:cut])]
        assert whole.decode(errors="replace") == text[: len(whole.decode(errors="ignore"))] or cut < 4


class Stalled(FakeSink):
    waiting: object = None

    def wait(self, source: object, first: bool) -> None:
        assert self.waiting is None
        self.waiting = source


def test_a_stalled_sink_gets_it_when_it_takes_output_again(bench: Bench) -> None:
    sink = bench.pumps[0].sink = Stalled()
    bench.say(b"half")
    sink.blocked = True
    bench.wait(5)
    assert sink.data == b""
    assert sink.waiting is bench.pumps[0]
    assert not bench.router.loop.live  # a reader that stands still for hours wakes no process
    sink.blocked = False
    bench.pumps[0].resume()
    bench.wait(0.2)
    assert sink.data == b"half"


def test_a_cut_line_stays_one_while_the_sink_stalls(bench: Bench, running: list[bool]) -> None:
    running.append(True)
    sink = bench.pumps[0].sink = Stalled()
    lines = b"x" * 63 + b"\n"
    bench.say(lines * 64 + b"0123456789")
    sink.blocked = True
    bench.wait(6)
    sink.blocked = False
    bench.pumps[0].resume()
    bench.wait(3)
    assert sink.data == lines * 64
    running.append(False)
    bench.wait(0.21)
    assert sink.data == lines * 64 + b"0123456789"


def test_a_line_whose_beginning_was_dropped_is_dropped_to_its_end(bench: Bench) -> None:
    """`log_overflow = drop`, and a full disk: the next line is whole again, in memory too."""

    class Full(FakeSink):
        full = True

        def write(self, source: Any, head: bytes, data: bytes | bytearray, end: int) -> None:
            if self.full:
                source.lose(len(head) + end, data.count(b"\n", 0, end), not data.endswith(b"\n", 0, end))
            else:
                super().write(source, head, data, end)

    sink = bench.pumps[0].sink = Full()
    bench.say(b"begun")
    bench.wait(0.2)
    sink.full = False
    bench.say(b" and ended\nnext\n")
    assert sink.data == b"next\n"
    assert bench.outputs[0].recorded == b"begun\nnext\n"
    assert not bench.router.loop.live


def test_who_looks_for_a_line_sees_all_of_it(bench: Bench) -> None:
    """`ready = log:` finds what was passed on in two parts, and a prompt too."""
    seen: list[bytes] = []
    bench.outputs[0].spy = lambda pid, text: seen.append(text)
    bench.say(b"now lis")
    bench.wait(0.2)
    bench.say(b"tening\n")
    assert seen == [b"now lis", b"now listening\n"]


def test_a_file_of_one_process_gets_it_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sink = FileSink(FakeRouter(), str(path), 0, 0)
    sink.users = 1
    bench = Bench(sink)
    bench.say(b"one\ntwo")
    assert path.read_bytes() == b"one\ntwo"
    bench.say(b" and ")
    assert path.read_bytes() == b"one\ntwo and "
    assert bench.outputs[0].recorded == b"one\n"
    bench.wait(0.2)
    bench.say(b"three\nfour\n")
    assert path.read_bytes() == bench.outputs[0].recorded == b"one\ntwo and three\nfour\n"
    bench.say(b"last")
    bench.close()
    assert path.read_bytes() == bench.outputs[0].recorded == b"one\ntwo and three\nfour\nlast"
    sink.close()


def test_a_file_of_two_waits(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sink = FileSink(FakeRouter(), str(path), 0, 0)
    sink.users = 2
    bench = Bench(sink, count=2)
    bench.say(b"half of ", 0)
    bench.say(b"other line\n", 1)
    bench.say(b"a line\n", 0)
    assert path.read_bytes() == b"other line\nhalf of a line\n"
    bench.close()
    sink.close()


@pytest.mark.parametrize("users", [1, 2])
def test_a_line_that_was_begun_goes_into_the_next_file_whole(tmp_path: Path, users: int) -> None:
    path = tmp_path / "log"
    sink = FileSink(FakeRouter(), str(path), 20, 3)
    sink.users = users
    bench = Bench(sink)
    bench.say(b"0123\nPassword: ")
    bench.wait(0.2)
    assert path.read_bytes() == b"0123\nPassword: "
    bench.say(b"thanks\n")
    assert (tmp_path / "log.1").read_bytes() == b"0123\n"
    assert path.read_bytes() == b"Password: thanks\n"
    bench.close()
    sink.close()


chunks = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.lists(st.sampled_from([b"a", b"bc", b"\n", "ü".encode(), b"\xc3"]), min_size=1, max_size=6),
        st.sampled_from([0.0, 0.03, 0.12, 0.3]),
    ),
    max_size=25,
)


@given(chunks)
def test_what_ends_in_time_is_never_torn_and_no_byte_is_lost(
    script: list[tuple[int, list[bytes], float]],
) -> None:
    bench = Bench(count=3)
    said = [b"", b"", b""]
    begun: list[float | None] = [None, None, None]
    quick: list[bytes] = []  # lines whose end came in time
    loop = bench.router.loop
    for number, pieces, pause in script:
        text = b"".join(pieces)
        begin = begun[number]
        if begin is None:
            begin = loop.now
        for at, line in enumerate(lines := text.split(b"\n")):
            if at < len(lines) - 1:
                rest = said[number].rsplit(b"\n", 1)[-1] if at == 0 else b""
                if loop.now - begin < PATIENCE - 0.01:
                    quick.append(b"%d" % number + rest + line)
                begin = loop.now
        begun[number] = begin if lines[-1] else None
        said[number] += text
        bench.say(text, number)
        bench.wait(pause)
    bench.wait(1)
    for number, output in enumerate(bench.outputs):
        assert output.recorded == said[number]
    assert not loop.live
    bench.close()
    # what the shared sink has: every quick line whole, behind a newline or the beginning
    shown = b"\n" + bench.written
    for line in quick:
        assert b"\n" + line[1:] + b"\n" in shown or line[1:] == b""
