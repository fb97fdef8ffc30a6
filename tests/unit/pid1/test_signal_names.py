"""The names of signals, which are found without the enumeration of them."""

from __future__ import annotations

import signal

import pytest

from supervice.pid1.signals import name


@pytest.mark.parametrize("number", sorted(signal.valid_signals()))
def test_a_name_is_the_one_that_the_library_has(number: int) -> None:
    try:
        expected = signal.Signals(number).name
    except ValueError:
        expected = f"SIGRTMIN+{number - signal.SIGRTMIN}"
    assert name(number) == expected


@pytest.mark.parametrize("number", [0, 32, 65, 99, -1])
def test_what_is_no_signal_is_said_to_be_none(number: int) -> None:
    assert name(number) == f"signal {number}"
