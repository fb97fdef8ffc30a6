"""XML-RPC on the wire, against the standard library's, and whatever bytes may come."""

from __future__ import annotations

import datetime
import xmlrpc.client
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supervice.http.server import Request, Response
from supervice.lean.loop import Loop
from supervice.supervisord.rpc.codec import (
    DEEPEST,
    FAULTS,
    Fault,
    Malformed,
    encode,
    fault_response,
    parse_call,
    response,
)
from supervice.supervisord.rpc.handler import Method, XmlRpcHandler

# what XML 1.0 can hold
CHARACTERS = st.characters(
    exclude_categories=["Cs", "Cc"], include_characters="\n\t", exclude_characters="\ufffe\uffff"
)
TEXT = st.text(CHARACTERS, max_size=20)
SCALARS = (
    TEXT | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(VALUES, max_size=4).map(tuple), st.sampled_from(["a", "supervisor.getState"]))
def test_calls_of_the_standard_library_are_understood(params: tuple[Any, ...], name: str) -> None:
    assert parse_call(xmlrpc.client.dumps(params, name).encode()) == (name, list(params))


@given(VALUES)
def test_the_standard_library_understands_us(value: Any) -> None:
    assert xmlrpc.client.loads(response(value)) == ((value,), None)


@given(st.text())
@example("a\r\nb\r\0\x1b[1m\ufffe\ud800")
def test_any_text_arrives_in_some_form(text: str) -> None:
    got: Any
    ((got,), _) = xmlrpc.client.loads(response(text))
    assert len(got) == len(text)
    assert all(a == b or b in "\ufffd?" for a, b in zip(text, got, strict=True))


def test_the_rest_of_the_types() -> None:
    assert xmlrpc.client.loads(response([None, b"\xff", 2**40]))[0][0] == [None, "\ufffd", 2**40]
    when = xmlrpc.client.DateTime(datetime.datetime(2026, 1, 2, 3, 4, 5))
    call = xmlrpc.client.dumps((when, xmlrpc.client.Binary("é".encode()), None), "m", allow_none=True)
    assert parse_call(call.encode()) == ("m", ["20260102T03:04:05", "é", None])
    assert parse_call(b"<methodCall><methodName>m</methodName></methodCall>") == ("m", [])
    with pytest.raises(TypeError):
        encode(object())
    with pytest.raises(xmlrpc.client.Fault, match="NO_FILE: x") as raised:
        xmlrpc.client.loads(fault_response(Fault("NO_FILE", "x")))
    assert raised.value.faultCode == FAULTS["NO_FILE"]


def call(inner: str) -> bytes:
    return f"<methodCall><methodName>m</methodName><params>{inner}</params></methodCall>".encode()


def param(inner: str) -> bytes:
    return call(f"<param><value>{inner}</value></param>")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nothing",
        b"<methodCall/>",
        b"<methodCall><methodName> </methodName></methodCall>",
        b"<methodResponse/>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><methodCall><methodName>m</methodName></methodCall>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><methodCall><methodName>m</methodName></methodCall>',
        b'<?xml version="1.0" encoding="nonsense"?><methodCall/>',
        b'<?xml version="1.0" encoding="shift_jis"?><methodCall/>',
        param("<int>1_0</int>"),
        param("<int>" + "9" * 400 + "</int>"),
        param("<int></int>"),
        param("<boolean>2</boolean>"),
        param("<double>x</double>"),
        param("<base64>?</base64>"),
        param("<base64>/w==</base64>"),
        param("<wrong/>"),
        param("<int>1</int><int>2</int>"),
        param("<struct><member><name>a</name></member></struct>"),
        param("<struct><member><value>a</value></member></struct>"),
        param("<struct><member><name>a</name><value>1</value><value>2</value></member></struct>"),
        call("<param></param>"),
        call("<param><value/><value/></param>"),
        call("<value/>"),
        param("<array><data>" * 0 + "<value/>"),
        param(f"{'<array><data><value>' * DEEPEST}{'</value></data></array>' * DEEPEST}"),
    ],
)
def test_what_is_no_call(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_call(data)


def test_as_deep_as_allowed() -> None:
    depth = DEEPEST - 1
    _, [value] = parse_call(param(f"{'<array><data><value>' * depth}{'</value></data></array>' * depth}"))
    for _ in range(depth):
        [value] = value
    assert value == ""


def handler_on(loop: Any = None) -> XmlRpcHandler:
    return XmlRpcHandler(
        loop,
        {
            "a.one": Method(lambda text, more=1: text * more, "string string int", "help", 1),
            "a.boom": Method(lambda: 1 // 0, "int", "help"),
        },
    )


PIECES = st.sampled_from(
    ["<methodCall>", "</methodCall>", "<methodName>a.one</methodName>", "<methodName>a.boom</methodName>", "<params>",
     "</params>", "<param>", "</param>", "<value>", "</value>", "<int>1</int>", "<array>", "<data>", "</data>", "<struct>",
     "<member>", "<name>x</name>", "</member>", "</struct>", "</array>", "<string>s</string>", "&lt;", "&x;", "<!DOCTYPE x>",
     "<?xml version='1.0'?>", "\0", "x"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=20).map(lambda parts: "".join(parts).encode()) | st.binary(max_size=80))
def test_any_bytes_get_a_fault_or_a_400(data: bytes) -> None:
    answer = handler_on().handle(Request("POST", "/RPC2", {}, data))
    assert isinstance(answer, Response)
    assert isinstance(answer.body, bytes)
    if answer.status == 200:
        try:
            xmlrpc.client.loads(answer.body)
        except xmlrpc.client.Fault:
            pass
    else:
        assert answer.status == 400


@given(st.sampled_from(["a.one", "a.boom", "a.none"]), st.lists(VALUES, max_size=3).map(tuple))
def test_any_parameters_get_an_answer(name: str, params: tuple[Any, ...]) -> None:
    answer = handler_on().handle(Request("POST", "/RPC2", {}, xmlrpc.client.dumps(params, name).encode()))
    assert isinstance(answer, Response)
    assert isinstance(answer.body, bytes)
    try:
        ((value,), _) = xmlrpc.client.loads(answer.body)
    except xmlrpc.client.Fault as fault:
        code = fault.faultCode
    else:
        assert (name, value) == ("a.one", params[0] * (params[1] if len(params) > 1 else 1))
        return
    assert code in (FAULTS["UNKNOWN_METHOD"], FAULTS["INCORRECT_PARAMETERS"], FAULTS["FAILED"])


def test_only_post() -> None:
    answer = handler_on().handle(Request("GET", "/RPC2"))
    assert isinstance(answer, Response)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@given(
    st.lists(
        VALUES | st.fixed_dictionaries({"methodName": TEXT | st.just("a.one"), "params": st.lists(VALUES)}),
        max_size=20,
    )
)
def test_any_multicall_gets_as_many_answers(calls: list[Any]) -> None:
    loop = Loop()
    body = xmlrpc.client.dumps((calls,), "system.multicall").encode()
    try:
        answer = loop.run_until_complete(handler_on(loop).handle(Request("POST", "/RPC2", {}, body)))  # type: ignore[arg-type]
    finally:
        loop.close()
    answers: Any
    ((answers,), _) = xmlrpc.client.loads(answer.body)
    assert len(answers) == len(calls)
