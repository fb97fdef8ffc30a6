"""How what was found becomes smaller."""

from __future__ import annotations

from typing import NoReturn

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.once import failure, kind_of, smaller


@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=60))
def test_what_does_not_matter_is_left_out(before: bytes, between: bytes, behind: bytes) -> None:
    data = smaller(before + b"<" + between + b">" + behind, lambda one: b">" in one.partition(b"<")[2])
    assert data == b"<>"


def test_what_has_to_be_there_becomes_plain() -> None:
    assert smaller(b"\x00\xffxy\x07", lambda one: len(one) >= 4) == b"aaaa"


def test_what_takes_too_long_stays_as_it_is() -> None:
    assert smaller(b"much too long", lambda one: True, give_up=0.0) == b"much too long"


def test_the_same_failure_is_of_one_type_from_one_place() -> None:
    def target(data: bytes) -> None:
        if data.startswith(b"a"):
            raise ValueError(data)
        if data.startswith(b"b"):
            raise ValueError(data)
        assert data

    first, again, other, none = (failure(target, data) for data in (b"a", b"ab", b"b", b"c"))
    assert kind_of(first) == kind_of(again) != kind_of(other)
    assert none is None
    assert kind_of(none) is None
    assert isinstance(failure(target, b""), AssertionError)


def boom(_data: bytes) -> NoReturn:
    raise KeyError("boom")


def test_the_place_is_that_of_the_innermost_call() -> None:
    assert kind_of(failure(boom, b"")) == kind_of(failure(boom, b"x"))
