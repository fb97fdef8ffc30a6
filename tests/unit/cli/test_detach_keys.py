"""The keys that end `attach`, in every way in which they can be typed; and who may attach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.cli.detach_keys import DEFAULT, DetachKeys, parse
from supervice.control.access import may


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (DEFAULT, b"\x10\x11"),
        ("Ctrl-P Ctrl-Q", b"\x10\x11"),
        ("ctrl-@,ctrl-_,ctrl-[", b"\x00\x1f\x1b"),
        ("ctrl-a,d", b"\x01d"),
        ("~ .", b"~."),
        ("-", b"-"),
        ("^-x", b"\x18"),
    ],
)
def test_keys_are_written_as_with_docker(text: str, keys: bytes) -> None:
    assert parse(text) == keys


@pytest.mark.parametrize("text", ["", " , ", "ctrl-", "ctrl-pq", "ctrl-é", "alt-p", "ab", "ctrl-1", "\x7f"])
def test_what_is_no_key_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse(text)


def test_the_first_key_alone_is_passed_on_when_no_other_comes() -> None:
    keys = DetachKeys(b"\x10\x11")
    assert keys.feed(b"a\x10") == b"a"
    assert keys.waits
    assert keys.late() == b"\x10"
    assert not keys.waits
    assert keys.feed(b"\x11b") == b"\x11b"
    assert not keys.detached


def test_nothing_behind_the_keys_is_passed_on() -> None:
    keys = DetachKeys(b"\x10\x11")
    assert keys.feed(b"a\x10\x10") == b"a\x10"
    assert keys.feed(b"\x11b") == b""
    assert keys.detached
    assert keys.feed(b"more") == b""


@given(
    st.binary(min_size=1, max_size=4).map(lambda text: bytes(c % 2 for c in text)),
    st.lists(st.binary(max_size=8).map(lambda text: bytes(c % 3 for c in text)), max_size=8),
)
def test_all_is_passed_on_up_to_the_first_place_of_the_keys(wanted: bytes, pieces: list[bytes]) -> None:
    keys = DetachKeys(wanted)
    passed = b"".join(map(keys.feed, pieces))
    typed = b"".join(pieces)
    at = typed.find(wanted)
    assert keys.detached is (at >= 0)
    assert passed + keys.late() == (typed if at < 0 else typed[:at])


def test_only_root_and_the_daemons_own_user_may_attach() -> None:
    assert may("all", "attach")
    assert not may("read", "attach")
    assert not may("read", "input")
    assert not may(None, "attach")
