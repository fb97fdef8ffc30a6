"""What reads foreign bytes, one function a target: bytes in, and an exception out only when something is wrong.

Each catches the errors that its parser documents, and asserts what holds for any input: the same in pieces as in one,
never more than so much, read back as it was written. `guided` runs them under atheris, `once` on single inputs, and
tests/unit/fuzz on the corpus and on mutations of it.
"""

from __future__ import annotations

import runpy
import tempfile
import xmlrpc.client
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from supervice.api import requests
from supervice.config import load
from supervice.config.effective import program_values, supervisor_values
from supervice.control.protocol import (
    CommandError,
    FrameReader,
    command_of,
    decode_body,
    encode,
    encode_reply,
)
from supervice.http.messages import Request, Response
from supervice.notify.protocol import LONGEST_STATUS, LONGEST_TIME, parse
from supervice.supervisord.listeners.protocol import ListenerProtocol
from supervice.supervisord.rpc.codec import Malformed, parse_call
from supervice.supervisord.rpc.codec import encode as as_xml
from tests.fakes.http_client import answers, rpc_handler
from tests.fuzz.parsers_of_lines import expressions, logs, pieces, schedules
from tests.paths import ROOT

Target = Callable[[bytes], None]

CORPUS = ROOT / "tests" / "fuzz" / "corpus"


def frames(data: bytes) -> None:
    """Of the control socket; what begins with { would be too long a frame, and is taken for the body of one."""
    if data.startswith(b"{"):
        try:
            messages = [decode_body(data)]
        except CommandError:
            return
    else:
        whole, cut = FrameReader(), FrameReader()
        messages = whole.feed(data)
        assert messages == [message for piece in pieces(data) for message in cut.feed(piece)]
        assert (repr(whole.error), whole.partial) == (repr(cut.error), cut.partial)
    for message in messages:
        try:
            command_of(message)
            requests.parse(message)
        except CommandError as error:
            assert "\n" not in error.message
            encode(error.reply())
        assert FrameReader().feed(encode_reply({"status": "ok", "echo": message}))
        try:
            frame = encode(message)
        except ValueError:  # it is longer as ASCII, or has an infinite number
            continue
        assert FrameReader().feed(frame) == [message]


def http(data: bytes) -> None:
    """What a client sends to a server with a guard, XML-RPC, forms, a stream and an API."""
    whole, cut = answers([data]), answers(pieces(data))
    assert whole.requests == cut.requests
    assert whole.statuses == cut.statuses
    assert whole.lines == cut.lines == []


def xml(data: bytes) -> None:
    """The body of an XML-RPC call, whose answer the standard library has to understand."""
    answer = rpc_handler().handle(Request("POST", "/RPC2", {}, data))
    if not isinstance(answer, Response):
        answer = finished(answer)
    assert isinstance(answer.body, bytes)
    try:
        name, params = parse_call(data)
    except Malformed:
        assert answer.status == 400
        return
    assert name
    assert answer.status == 200
    try:
        xmlrpc.client.loads(answer.body)
    except xmlrpc.client.Fault:
        pass
    for param in params:
        written = as_xml(param)
        call = f"<methodCall><methodName>m</methodName><params><param>{written}</param></params></methodCall>"
        assert [as_xml(one) for one in parse_call(call.encode())[1]] == [written]


def finished(work: Any) -> Any:
    """The result of a coroutine that waits for nothing."""
    try:
        work.__await__().send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


def configuration(data: bytes) -> None:
    """A file of either dialect: values, or problems that can be printed."""
    if b"include" in data and (b"/" in data or b".." in data):
        return  # what else lies on this machine decides then
    path = Path(folder().name, "x.conf")
    path.write_bytes(data)
    loaded = load(str(path), environ={"A": "1"}, cwd=str(path.parent), daemon_defaults=True)
    for problem in loaded.problems:
        assert problem.severity in ("error", "warning")
        assert problem.message.isprintable(), problem.message
        assert len(problem.message) < 1000, problem.message
        assert 0 <= problem.line <= data.count(b"\n") + data.count(b"\r") + 1
        str(problem).encode()
    if loaded.errors:
        return
    stock = loaded.dialect == "supervisord"
    for process in loaded.processes:
        assert process.numprocs == 1
        assert process.command or stock
        list(program_values(process, stock))
    list(supervisor_values(loaded.config, loaded.dialect))


@cache
def folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for one file, as long as this process lives."""
    return tempfile.TemporaryDirectory(prefix="supervice-fuzz-")


def notifications(data: bytes) -> None:
    """A datagram of sd_notify(3): always an answer, within its bounds, and later lines win."""
    message = parse(data)
    assert message.status is None or (message.status.isprintable() and len(message.status) <= LONGEST_STATUS)
    assert message.mainpid is None or 0 < message.mainpid < 10**19
    for time in (message.watchdog_time, message.extend):
        assert time is None or 0 < time <= LONGEST_TIME
    later = parse(data + b"\nREADY=1\nSTATUS=late\nMAINPID=7\nEXTEND_TIMEOUT_USEC=1000000")
    assert (later.ready, later.status, later.mainpid, later.extend) == (True, "late", 7, 1.0)
    assert (later.watchdog_time, later.stopping) == (message.watchdog_time, message.stopping)


def listeners(data: bytes) -> None:
    """What an event listener says: the same however it comes, and nothing after what breaks the protocol."""
    whole, cut = ListenerProtocol(), ListenerProtocol()
    said: list[list[str]] = [[], []]
    for machine, answer, parts in ((whole, said[0], [data]), (cut, said[1], pieces(data))):
        machine.feed(b"READY\n")
        machine.sent()
        for part in parts:
            answer += machine.feed(part)
    assert said[0] == said[1]
    assert whole.state == cut.state
    assert bool(whole.complaint) == (said[0][-1:] == ["broken"])
    assert "broken" not in said[0][:-1]


PARSERS: dict[str, Target] = {
    "frames": frames,
    "http": http,
    "xml": xml,
    "configuration": configuration,
    "notifications": notifications,
    "listeners": listeners,
    "schedules": schedules,
    "logs": logs,
    "expressions": expressions,
}


def target_of(name: str) -> Target:
    """One of PARSERS, or the function `target` of a file."""
    if name in PARSERS:
        return PARSERS[name]
    target: Target = runpy.run_path(name)["target"]
    return target


def corpus_of(name: str) -> list[Path]:
    return sorted((CORPUS / name).glob("*.input"))
