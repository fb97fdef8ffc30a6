"""The targets of `parsers` whose input is lines of text: schedules, output and its formats, expressions on it."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Iterator

from supervice.checks.line_matcher import LineMatcher
from supervice.config.expressions import expression
from supervice.output.formats import make
from supervice.output.pump import BRISK, Pump
from supervice.output.ring import Ring
from supervice.schedules import stamp
from supervice.schedules.advice import doubts
from supervice.schedules.description import say
from supervice.schedules.expression import parse_lines
from supervice.schedules.timeline import Timeline, Zone
from supervice.schedules.zones import _file_of_rule, _of_file, _zones
from supervice.supervisord.tap import Tap
from supervice.web.escaping import visible
from supervice.web.tail import pieces_of
from tests.fakes.output import FakeOutput, FakeRouter, FakeSink

PREFIX = b"web | "
# 2026-03-29 00:30 UTC, half an hour before clocks are changed in Europe, and 2028-02-28.
INSTANTS = (1774744200, 1835308800)


def pieces(data: bytes) -> Iterator[bytes]:
    """The same bytes as they may come: in many small pieces and a few longer ones."""
    at = 0
    while at < len(data):
        size = 1 + at * 7 % 23
        yield data[at : at + size]
        at += size


def schedules(data: bytes) -> None:
    """The lines of `schedule`, behind an optional first line `TZ=RULE`; or a stamp."""
    try:
        assert 0 <= stamp.read(data) < 1e12
    except ValueError as error:
        assert "write" in str(error)
    text = data.decode("utf-8", "surrogateescape")
    zone = Zone("UTC", None)
    if text.startswith("TZ="):
        rule, _, text = text[3:].partition("\n")
        zone = zone_of(rule, zone)
    try:
        lines = parse_lines(text)
    except ValueError as error:
        assert str(error)
        return
    for line in lines:
        assert say(line)
        doubts(line)
    timeline = Timeline(lines, zone, 90, "web")
    for instant in INSTANTS:
        found = timeline.next_after(instant)
        assert found is None or instant < found < instant + 51 * 366 * 86400
        assert found is not None or not timeline.goes_by_the_clock or zone.name != "UTC"
        distance = timeline.next_distance(instant, instant + 100)
        assert distance is None or instant + 100 < distance
        count, last = timeline.between(instant, instant + 86400)
        assert bool(count) == (found is not None and found <= instant + 86400), (count, found)
        assert instant <= last <= instant + 86400


def zone_of(rule: str, otherwise: Zone) -> Zone:
    _zones.clear()
    try:
        return _of_file(_file_of_rule(rule), rule, rule)
    except ValueError as error:
        assert str(error)
        return otherwise


def logs(data: bytes) -> None:
    """What a program writes: each format of it, what is kept of it, what a page shows, and without colours."""
    raw, recorded = logged(data, "raw")
    assert raw == recorded == data
    for log_format in ("prefix", "prefix-time", "json"):
        written, recorded = logged(data, log_format)
        assert recorded == data
        if log_format == "prefix":
            assert written == prefixed(data)
        if log_format == "json":
            said = [json.loads(line)["message"] for line in written.split(b"\n")[:-1]]
            assert said == [
                line.decode("utf-8", "replace") for line in data.removesuffix(b"\n").split(b"\n") if data
            ]
    ring = Ring(200)
    for number, piece in enumerate(pieces(data)):
        ring.append(number % 5 == 4, b"", memoryview(piece))
    assert sum(len(ring.kept(name)[1]) for name in ("stdout", "stderr")) <= 200
    assert len(ring.tail(3)) <= 3
    assert ring.timed(10**6) is not None
    text = data.decode("utf-8", "replace")
    shown = visible(text)
    assert all(c.isprintable() or c.isspace() for c in shown)
    assert pieces_of([{"stream": "stdout", "data": text}, {"stream": "stderr", "data": text}])
    for strip, capture in ((True, 0), (False, 50), (True, 50)):
        assert tapped([data], strip, capture) == tapped(pieces(data), strip, capture)


def logged(data: bytes, log_format: str) -> tuple[bytes, bytes]:
    """What is written into a sink, and what is recorded, of a program that writes this in pieces."""
    router, sink, output = FakeRouter(), FakeSink(), FakeOutput()
    ours, theirs = os.pipe()
    try:
        pump = Pump(router, output, ours, 0, sink, make(log_format, "web"))
        pump.start(7)
        for piece in pieces(data):
            os.write(theirs, piece)
            router.loop.now += 2 * BRISK
            router.loop.readers[ours]()
    finally:
        os.close(theirs)
    router.loop.readers[ours]()
    assert pump.fd < 0
    assert not router.loop.live
    return sink.data, output.recorded


def prefixed(data: bytes) -> bytes:
    """The same by other means: a prefix before each line, and after a carriage return that ends none."""
    lines = re.sub(rb"\r(?!\n)", b"\r" + PREFIX, data)
    return re.sub(rb"^(?=.)", PREFIX, lines, flags=re.M | re.S)


def tapped(
    parts: Iterator[bytes] | list[bytes], strip: bool, capture: int
) -> tuple[bytes, list[bytes], bytes]:
    """What is logged, the messages in it, and what is told of what is logged."""
    messages: list[bytes] = []
    told: list[bytes] = []
    tap = Tap(
        strip=strip,
        capture=capture,
        on_log=lambda _pid, text: told.append(text),
        on_message=lambda _pid, text: messages.append(text),
    )
    out = b"".join([tap.feed(part, 7) for part in parts]) + tap.end(7)
    return out, messages, b"".join(told)


def expressions(data: bytes) -> None:
    """An expression, and behind the first newline a line that it is searched in: what `re` says, if it says something."""
    text, _, line = data.decode("ascii", "ignore").partition("\n")
    text, line = text[:60], line.partition("\n")[0][:10]  # `re` goes back, for ever
    try:
        matcher = LineMatcher(expression(text))
    except ValueError as error:
        assert "write" in str(error) or "not a regular expression" in str(error), error
        return
    found = matcher.search(line.encode(), float("inf"))
    assert isinstance(found, bool)
    if found and matcher.words:
        assert any(word in line.encode() for word in matcher.words)
    if not line and r"\B" in text:
        return  # `re` finds it there from Python 3.14 on
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            theirs = re.search(text.encode(), line.encode())
        except re.error:
            return  # two groups of one name, and other things that change nothing
    assert found is (theirs is not None)
