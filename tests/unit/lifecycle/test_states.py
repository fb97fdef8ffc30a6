"""The words for an exit and for a time."""

from __future__ import annotations

import pytest

from supervice.lifecycle.states import describe, spell


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-11, "killed by SIGSEGV"),
        (-1, "killed by SIGHUP"),
        (-99, "killed by signal 99"),
    ],
)
def test_an_exit_in_words(status: int, words: str) -> None:
    assert describe(status) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.034, "0.03 s"),
        (0.994, "0.99 s"),
        (1.0, "1.0 s"),
        (1.12, "1.1 s"),
        (9.94, "9.9 s"),
        (10.0, "10 s"),
        (61.7, "62 s"),
    ],
)
def test_a_time_has_as_many_digits_as_are_of_interest(seconds: float, words: str) -> None:
    assert spell(seconds) == words
