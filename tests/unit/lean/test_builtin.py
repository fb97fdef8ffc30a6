"""Names and numbers of signals are those of the standard library."""

from __future__ import annotations

import signal

from supervice.lean import builtin


def test_every_name_has_the_number_of_the_standard_library() -> None:
    for name, member in signal.Signals.__members__.items():
        assert builtin.signal_number(name) == member
    for name in ("SIG_DFL", "SIG_BLOCK", "SIGNAL", "SIG", "", "TERM", "alarm", "ITIMER_PROF"):
        assert builtin.signal_number(name) == 0
    assert {builtin.signal_number(name) for name in dir(signal)} == {0, *map(int, signal.Signals)}


def test_every_number_has_the_name_of_the_standard_library() -> None:
    for number in range(-1, 70):
        known = number in {int(member) for member in signal.Signals}
        assert builtin.signal_name(number) == (signal.Signals(number).name if known else "")
