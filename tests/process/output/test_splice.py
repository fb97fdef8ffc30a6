"""What goes from pipe to pipe without being looked at is still whole lines, counted, with the last ones known."""

from __future__ import annotations

import os
from functools import partial

import pytest

from supervice.output.pump import Pump
from supervice.output.sinks import StreamSink
from supervice.supervisord.tap import Tap, TappedPump
from tests.process.harness.output import SPEW, Lab, Reader, numbered

SIZE = 24_000_000


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What each `splice` has moved."""
    sizes: list[int] = []
    splice = StreamSink.splice

    def count(sink: StreamSink, source: object, fd: int, size: int) -> int:
        done = splice(sink, source, fd, size)  # type: ignore[arg-type]
        sizes.append(done)
        return done

    monkeypatch.setattr(StreamSink, "splice", count)
    return sizes


def test_lines_of_two_floods_and_a_quiet_program(lab: Lab, reader: Reader, moved: list[int]) -> None:
    lab.make(stdout_fd=reader.write_end)
    floods = [lab.program("a"), lab.program("b")]
    for n, program in enumerate(floods):
        program.python(SPEW + f"spew(b'flood{n}', {SIZE})")
    quiet = lab.program("quiet")
    quiet.python("import os, time\nfor n in range(200): os.write(1, b'quiet %08d\\n' % n); time.sleep(0.002)")
    log = lab.router.log_stream()
    said = 0
    for program in [*floods, quiet]:
        while program.child.poll() is None:
            reader.read()
            log(b"the daemon's own %d\n" % said)
            said += 1
            lab.turn(0.001)
        program.output.exited()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    lines = reader.read().split(b"\n")
    assert lines.pop() == b""
    for n, program in enumerate(floods):
        tag = b"flood%d " % n
        assert [line for line in lines if line.startswith(tag)] == numbered(tag.strip(), SIZE)
        tail = [text for _, text in program.output.tail(200)]
        assert tail == numbered(tag.strip(), SIZE)[-200:]
    assert [line for line in lines if line.startswith(b"quiet")] == [b"quiet %08d" % n for n in range(200)]
    ours = [line for line in lines if line.startswith(b"the daemon")]
    assert len(ours) + log.lost_lines == said
    assert len(lines) == 2 * (SIZE // 120) + 200 + len(ours)
    assert sum(moved) > SIZE // 4, "nearly everything was copied"


@pytest.mark.parametrize("length", [50_000, 65_535, 65_536])
def test_long_lines_stay_whole(lab: Lab, reader: Reader, moved: list[int], length: int) -> None:
    """A `splice` ends anywhere in a line; the line that another program writes comes after its end."""
    lab.make(stdout_fd=reader.write_end)
    programs = [lab.program("a"), lab.program("b")]
    for n, program in enumerate(programs):
        program.python(
            f"import os\nfor n in range(150):\n"
            f" v = memoryview((b'{n} %04d ' % n).ljust({length - 1}, b'.') + b'\\n')\n"
            f" while v: v = v[os.write(1, v[:50001]):]"
        )
    for program in programs:
        program.ends(20, reader)
        program.output.exited()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    lines = reader.read().split(b"\n")[:-1]
    assert sorted(lines) == [
        (b"%d %04d " % (n, i)).ljust(length - 1, b".") for n in (0, 1) for i in range(150)
    ]
    assert sum(moved)


def test_a_follower_sees_every_line(lab: Lab, reader: Reader, moved: list[int]) -> None:
    lab.make(stdout_fd=reader.write_end)
    program = lab.program()
    seen: list[bytes] = []
    follower = program.output.subscribe(lambda: None)
    program.python(SPEW + "spew(b'all', 6000000)")
    while program.child.poll() is None:
        reader.read()
        lab.turn(0.001)
        lost, pieces = follower.take()
        seen.append(b"\n" * lost + b"".join(text for _, text in pieces))
    program.output.exited()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    lost, pieces = follower.take()
    seen.append(b"\n" * lost + b"".join(text for _, text in pieces))
    assert b"".join(seen).count(b"\n") == 50_000
    assert moved == []
    follower.close()


def test_a_reader_that_goes_away_in_the_middle(lab: Lab, reader: Reader, moved: list[int]) -> None:
    """The program neither blocks nor dies of it, and what is lost is counted."""
    lab.make(stdout_fd=reader.write_end)
    lab.router.own(0)
    os.dup2(lab.router.devnull(), reader.write_end)
    program = lab.program()
    program.python(SPEW + f"spew(b'gone', {SIZE})")
    lab.until(lambda: reader.read() is not None and sum(moved) > 1_000_000)
    os.dup2(lab.router.devnull(), reader.fd)
    assert program.reap() == 0
    lab.idle()
    assert program.output.lost_bytes > SIZE // 2
    assert program.output.tail(1) == [("stdout", numbered(b"gone", SIZE)[-1])]
    assert len(lab.messages) == 1


def test_where_splice_is_refused(lab: Lab, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a sandbox may: everything goes on with reading and writing."""

    def refused(*_args: object, **_named: object) -> int:
        raise PermissionError(1, "not here")

    monkeypatch.setattr(os, "splice", refused)
    lab.make(stdout_fd=reader.write_end)
    program = lab.program()
    program.python(SPEW + "spew(b'copied', 6000000)")
    lab.until(lambda: reader.read() is not None and program.child.poll() is not None)
    program.output.exited()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    assert reader.read().split(b"\n")[:-1] == numbered(b"copied", 6_000_000)
    assert not lab.router.own(0).piped


def test_a_tap_sees_every_byte(lab: Lab, reader: Reader, moved: list[int]) -> None:
    """`ready = log:` looks at every line, and a tap (an event listener, escape sequences) at every byte."""
    lab.make(stdout_fd=reader.write_end)
    lines: list[bytes] = []
    spied = lab.program("spied")
    spied.output.spy = lambda _pid, text: lines.append(text)
    told: list[bytes] = []
    tap = Tap(strip=False, capture=0, on_log=lambda _pid, data: told.append(data))
    lab.router.taps = lambda config, _: partial(TappedPump, tap=tap) if config.name == "tapped" else Pump
    tapped = lab.program("tapped")
    for program, name in ((spied, "spied"), (tapped, "tapped")):
        program.python(SPEW + f"spew(b'{name}', 6000000)")
        program.ends(reader=reader)
        program.output.exited()
    lab.until(lambda: reader.read() is not None and not lab.router.pending())
    assert b"".join(lines).split(b"\n")[:-1] == numbered(b"spied", 6_000_000)
    assert b"".join(told).split(b"\n")[:-1] == numbered(b"tapped", 6_000_000)
    assert moved == []
