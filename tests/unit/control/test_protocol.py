"""The control socket's frames: whatever the chunks, the same messages; whatever the bytes, no other error."""

from __future__ import annotations

import json
import math
import struct
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.control import protocol
from supervice.control.protocol import CommandError, FrameReader, ProtocolError, command_of, encode
from supervice.lean import json as lean_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
messages = st.dictionaries(st.text(), values, max_size=4)


def frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def feed_in_chunks(reader: FrameReader, data: bytes, cuts: list[int]) -> list[dict[str, Any]]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    out = []
    for start, end in pairwise(edges):
        out += reader.feed(data[start:end])
    return out


@given(st.lists(messages, max_size=5), st.lists(st.integers(min_value=0), max_size=12))
def test_any_chunking_gives_the_same_messages(sent: list[dict[str, Any]], cuts: list[int]) -> None:
    reader = FrameReader()
    assert feed_in_chunks(reader, b"".join(map(encode, sent)), cuts) == sent
    assert reader.error is None
    assert not reader.partial


@given(
    st.lists(messages, max_size=2),
    st.binary(max_size=64),
    st.lists(st.integers(min_value=0), max_size=12),
    st.booleans(),
)
def test_any_bytes_give_messages_or_a_protocol_error(
    before: list[dict[str, Any]], garbage: bytes, cuts: list[int], framed: bool
) -> None:
    data = b"".join(map(encode, before)) + (frame(garbage) if framed else garbage)
    whole, cut = FrameReader(), FrameReader()
    first = whole.feed(data)
    assert first[: len(before)] == before
    assert feed_in_chunks(cut, data, cuts) == first
    assert (whole.error is None) == (cut.error is None)
    if whole.error is not None and cut.error is not None:
        assert whole.error.reply() == cut.error.reply()
        assert whole.feed(encode({"command": "status"})) == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(b""), "EMPTY_REQUEST"),
        (frame(b"{"), "INVALID_JSON"),
        (frame(b"   "), "INVALID_JSON"),
        (frame(b'{"a": NaN}'), "INVALID_JSON"),
        (frame(b'{"a": Infinity}'), "INVALID_JSON"),
        (frame(b"{} {}"), "INVALID_JSON"),
        (frame(b'{"a": "\xff"}'), "INVALID_JSON"),
        (frame(b'{"a": ' + b"9" * 5000 + b"}"), "INVALID_JSON"),
        (frame(b"[" * 500_000), "INVALID_JSON"),
        (frame(b'{"a":' * 100_000), "INVALID_JSON"),
        (frame(b"[]"), "INVALID_REQUEST"),
        (frame(b"null"), "INVALID_REQUEST"),
        (frame(b'"status"'), "INVALID_REQUEST"),
        (struct.pack(">I", protocol.MAX_FRAME + 1), "INVALID_REQUEST"),
        (b"GET / HTTP/1.1\r\n", "INVALID_REQUEST"),
        (b"\xff\xff\xff\xff", "INVALID_REQUEST"),
    ],
)
def test_what_is_no_frame_says_why(data: bytes, code: str) -> None:
    reader = FrameReader()
    assert reader.feed(data) == []
    assert reader.error is not None
    assert reader.error.code == code
    assert reader.error.reply()["message"]
    assert len(encode(reader.error.reply())) < 1000


def test_white_space_around_json_is_json() -> None:
    assert FrameReader().feed(frame(b' \r\n\t{"a": 1} \n')) == [{"a": 1}]


def test_a_frame_of_exactly_one_mebibyte_fits_and_one_more_does_not() -> None:
    room = protocol.MAX_FRAME - len('{"a": ""}')
    assert FrameReader().feed(encode({"a": "x" * room})) == [{"a": "x" * room}]
    with pytest.raises(ValueError, match="do not fit"):
        encode({"a": "x" * (room + 1)})


def test_a_partial_frame_is_seen() -> None:
    reader = FrameReader()
    data = encode({"command": "status"})
    reader.feed(data[:2])
    assert reader.partial
    assert reader.feed(data[2:]) == [{"command": "status"}]
    assert not reader.partial


@pytest.mark.parametrize("bad", [{"a": "x" * 2_000_000}, {"a": object()}, {"a": math.nan}, {1j: 1}])
def test_a_reply_that_cannot_be_sent_becomes_an_error(bad: dict[Any, Any]) -> None:
    [reply] = FrameReader().feed(protocol.encode_reply(bad))
    assert reply["status"] == "error"
    assert reply["code"] == "INTERNAL_ERROR"
    assert "cannot be sent" in reply["message"]


def test_a_reply_nested_too_deeply_becomes_an_error() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    [reply] = FrameReader().feed(protocol.encode_reply({"a": deep}))
    assert reply["code"] == "INTERNAL_ERROR"


def test_the_status_of_a_thousand_programs_fits() -> None:
    process = {
        "name": "a-rather-long-program-name:0000",
        "group": "a-rather-long-group-name",
        "state": "BACKOFF",
        "pid": 4194304,
        "uptime": 12345678.123456,
        "healthy": False,
        "ready": False,
        "exitcode": 255,
        "signal": 15,
        "reason": "exited with code 255 after 12345678.12 s, restart 1000000 in 29.123 s " * 3,
        "restarts": 1000000,
        "waiting_for": ["database:healthy", "migrate:completed", "cache:started"],
        "status_text": "processing the request of a customer" * 2,
        "dropped_lines": 123456789,
    }
    [reply] = FrameReader().feed(protocol.encode_reply({"status": "ok", "processes": [process] * 1000}))
    assert len(reply["processes"]) == 1000


@given(values)
def test_fast_json_reads_and_writes_what_json_does(value: Any) -> None:
    assert json.loads(lean_json.dumps(value)) == value
    assert lean_json.loads(json.dumps(value)) == value
    assert lean_json.dumps(value) == json.dumps(value)


@given(st.dictionaries(st.text(max_size=3), st.lists(st.none() | st.text(max_size=2), max_size=9) | values))
def test_long_lists_are_written_in_pieces(value: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lean_json, "PIECE", 2)
        assert lean_json.dumps(value) == json.dumps(value)


def test_keys_of_a_long_object_are_what_json_makes_of_them() -> None:
    value = {3: [0] * 100, None: [1], True: "x", 2.5: {}}
    assert lean_json.dumps(value) == json.dumps(value)


@given(st.text(alphabet='{}[]",:0123456789.eE+- \ntruefalsn\\u', max_size=30))
def test_fast_json_refuses_what_json_refuses(text: str) -> None:
    def refuse(name: str) -> Any:
        raise ValueError(name)

    try:
        expected = json.loads(text, parse_constant=refuse)
    except ValueError:
        with pytest.raises(ValueError):
            lean_json.loads(text)
    else:
        assert repr(lean_json.loads(text)) == repr(expected)


def test_without_the_c_functions_json_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean_json, "_scan", None)
    monkeypatch.setattr(lean_json, "_write", None)
    assert lean_json.loads(lean_json.dumps({"a": [1, "é"]})) == {"a": [1, "é"]}
    with pytest.raises(ValueError):
        lean_json.dumps(math.nan)
    with pytest.raises(ValueError):
        lean_json.loads("NaN")


@pytest.mark.parametrize(
    "request_", [{}, {"command": ""}, {"command": 1}, {"command": None}, {"command": ["a"]}]
)
def test_a_request_needs_a_verb(request_: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match='write "command": "status"') as caught:
        command_of(request_)
    assert caught.value.code == "INVALID_REQUEST"


def test_a_request_gives_its_verb() -> None:
    assert command_of({"command": "restart", "name": 7}) == "restart"


def test_an_error_carries_its_extras() -> None:
    error = CommandError("FAILED", "2 of 3 failed", results=[1])
    assert error.reply() == {"status": "error", "code": "FAILED", "message": "2 of 3 failed", "results": [1]}
    assert isinstance(ProtocolError("INVALID_JSON", "x"), CommandError)
