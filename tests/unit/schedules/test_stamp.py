"""What `schedule_stamp` holds."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supervice.schedules.stamp import LONGEST, read, write


@given(st.floats(0, 253402300799.0))
@example(253402300799.0)
def test_a_stamp_is_read_back_to_the_last_bit(until: float) -> None:
    """A stamp that is a little early would make its time up a second time."""
    assert read(write(until)) == until
    assert len(write(until)) < LONGEST


def test_a_stamp_can_be_read_and_written_by_people() -> None:
    assert write(1780282800.0) == b"1780282800.0 2026-06-01T03:00:00Z\n"
    assert read(b"1780282800\n") == 1780282800.0
    assert read(b"1780282800 by hand") == 1780282800.0
    assert read(b"1780282800".ljust(LONGEST)) == 1780282800.0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"yesterday",
        b"nan",
        b"inf",
        b"-5",
        b"1e300",
        b"\xff\xfe",
        b"1".ljust(LONGEST + 1),
        b"253402300800",
        "\u0661".encode(),
    ],
)
def test_what_is_no_stamp_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="is not a stamp; remove it"):
        read(data)


@given(st.binary(max_size=400))
def test_any_file_is_a_stamp_or_a_value_error(data: bytes) -> None:
    try:
        assert read(data) >= 0
    except ValueError:
        pass
