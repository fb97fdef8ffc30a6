"""Which end was a kill for want of memory: the counter's rises and the deaths, in whatever order they come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervice.lifecycle.kill_tally import Tally, claimed, counted, written_off


def test_a_death_after_a_rise_accounts_for_it() -> None:
    tally, memory = claimed(counted(Tally(3), 4))
    assert memory
    assert claimed(tally)[1] is False  # the next one was killed by hand
    assert written_off(tally) == (Tally(4, 0, 0), 0)


def test_a_death_without_a_rise_is_not_called_one() -> None:
    assert claimed(counted(Tally(3), 3)) == (Tally(3), False)


def test_what_no_leader_accounts_for_is_written_off_once() -> None:
    tally, number = written_off(counted(Tally(0), 2))
    assert (tally, number) == (Tally(2, 0, 2), 2)
    assert claimed(tally)[1] is False  # too late: this death is another matter
    assert written_off(tally)[1] == 0


def test_a_counter_that_cannot_be_read_claims_nothing() -> None:
    assert counted(Tally(3), None) == Tally(3)
    assert claimed(counted(Tally(3), None))[1] is False


def test_a_counter_that_falls_is_that_of_another_cgroup() -> None:
    assert counted(Tally(7, 2, 1), 1) == Tally(1, 0, 1)


@given(st.lists(st.one_of(st.integers(1, 3), st.sampled_from(["died", "late"]))))
def test_each_kill_is_accounted_for_once(steps: list[int | str]) -> None:
    """No kill has two victims, and none is forgotten."""
    tally, count, claims, written = Tally(0), 0, 0, 0
    for step in steps:
        if step == "died":
            tally, memory = claimed(tally)
            claims += memory
        elif step == "late":
            tally, number = written_off(tally)
            written += number
        else:
            assert isinstance(step, int)
            count += step
            tally = counted(tally, count)
    assert claims + written + tally.open == count
    assert tally.lost == written
