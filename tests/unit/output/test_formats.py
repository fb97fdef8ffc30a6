"""What prefix and json make of a block of lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.output.formats import make, timestamp


def test_prefix() -> None:
    fmt = make("prefix", "web")
    assert fmt is not None
    assert fmt(b"one\n\ntwo\n", "stdout", 1, False) == b"web | one\nweb | \nweb | two\n"
    assert fmt(b"one\nlast", "stdout", 1, False) == b"web | one\nweb | last"
    assert fmt(b" goes on\nnext\n", "stdout", 1, True) == b" goes on\nweb | next\n"


def test_what_follows_a_carriage_return_is_not_taken_for_another_programs_line() -> None:
    """A terminal goes back to the first column, and would show `db | ready` as if it came from db."""
    fmt = make("prefix", "web")
    assert fmt is not None
    assert fmt(b"a\rdb | ready\r\n", "stdout", 1, False) == b"web | a\rweb | db | ready\r\n"
    assert (
        fmt(b"10%\r", "stdout", 1, False, True) + fmt(b"20%\n", "stdout", 1, True)
        == b"web | 10%\rweb | 20%\n"
    )
    assert fmt(b"one\r\ntwo\r\n", "stdout", 1, False) == b"web | one\r\nweb | two\r\n"


def test_prefix_with_time_and_colour() -> None:
    fmt = make("prefix-time", "web", colour=True)
    assert fmt is not None
    line = fmt(b"hello\n", "stdout", 1, False)
    assert line.startswith(b"\x1b[3")
    assert line.endswith(b"Z web | \x1b[0mhello\n")


@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b""))))
def test_json_is_one_object_a_line(lines: list[bytes]) -> None:
    fmt = make("json", 'we"b')
    assert fmt is not None
    made = fmt(b"".join(line + b"\n" for line in lines), "stderr", 7, False)
    objects = [json.loads(line) for line in made.split(b"\n")[:-1]]
    assert [o["message"] for o in objects] == [line.decode("utf-8", "replace") for line in lines]
    for one in objects:
        assert (one["program"], one["stream"], one["pid"]) == ('we"b', "stderr", 7)
        assert one["time"].endswith("Z")


def test_json_last_line_and_parts() -> None:
    fmt = make("json", "web")
    assert fmt is not None
    last = fmt(b"no newline", "stdout", 7, False)
    assert last.endswith(b"}\n")
    assert "partial" not in json.loads(last)
    assert json.loads(fmt(b"x" * 70000, "stdout", 7, False))["partial"] is True


def test_raw_is_nothing_and_others_are_refused() -> None:
    assert make("raw", "web") is None
    with pytest.raises(ValueError, match="prefix"):
        make("xml", "web")


def test_timestamp() -> None:
    assert timestamp(0.0) == "1970-01-01T00:00:00.000Z"
    assert timestamp(1700000000.9999) == "2023-11-14T22:13:20.999Z"
