"""How the time of a shutdown is divided: filled up and not scaled."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supervice.config.stop_budget import cut_stops, timeout_for
from supervice.lifecycle.states import Policy
from supervice.lifecycle.steps import waits
from supervice.lifecycle.stop_shares import RESERVE, RESERVE_SHARE, fill_up, reserve
from supervice.models import ProgramConfig

times = st.floats(0, 1e5, allow_nan=False, allow_subnormal=False)


def test_s1_a_long_wait_takes_nothing_from_a_short_one() -> None:
    assert fill_up([10, 3600], 30) == [10, 20]
    assert fill_up([3600, 10], 30) == [20, 10]
    assert fill_up([10, 10, 10, 10], 30) == [7.5] * 4
    assert fill_up([], 30) == []


@given(needs=st.lists(times, max_size=12), budget=times)
@example(needs=[0.1] * 10, budget=sum([0.1] * 10))  # a tenth of it is less than 0.1
def test_s1_it_fits_and_each_keeps_what_it_can(needs: list[float], budget: float) -> None:
    shares = fill_up(needs, budget)
    assert len(shares) == len(needs)
    assert sum(shares) <= max(budget, 0) * (1 + 1e-9) + 1e-9 or shares == needs
    assert all(0 <= share <= need for share, need in zip(shares, needs, strict=True))
    if sum(needs) <= budget:
        assert shares == needs
        return
    assert sum(shares) == pytest.approx(budget)  # nothing is saved
    even = budget / len(needs)
    cut = [share for share, need in zip(shares, needs, strict=True) if share < need]
    assert all(share >= min(need, even) * (1 - 1e-9) for share, need in zip(shares, needs, strict=True))
    assert all(share >= max(shares) * (1 - 1e-9) for share in cut)  # who is cut has as much as any other
    if budget >= len(needs):
        assert all(share >= min(need, 1) * (1 - 1e-9) for share, need in zip(shares, needs, strict=True))


@given(needs=st.lists(times, min_size=1, max_size=8), budget=times, used=st.floats(0, 1))
def test_s1_what_one_level_does_not_use_goes_to_the_rest(
    needs: list[float], budget: float, used: float
) -> None:
    first, *rest = fill_up(needs, budget)
    again = fill_up(needs[1:], budget - first * used)
    assert all(later >= before * (1 - 1e-9) - 1e-9 for before, later in zip(rest, again, strict=True))


def test_s1_the_ladder_of_one_program_is_filled_up_too() -> None:
    policy = Policy(stop_ladder=((15, 10.0), (3, 3600.0)))
    assert waits(policy, 30.0) == (10.0, 20.0)
    assert waits(policy, None) == waits(policy, 3610.0) == ()  # as configured


def test_s1_check_has_both_figures() -> None:
    db = ProgramConfig("db", "x", priority=1)
    horizon = ProgramConfig("horizon", "x", priority=3, stopwaitsecs=3600)
    assert cut_stops([db, horizon], 30) == {"horizon": (3600, 18)}
    assert cut_stops([db], 30) == cut_stops([db], 10) == {}
    assert cut_stops([], 30) == {}


@given(timeout=times)
def test_what_is_kept_back_is_a_share_of_a_short_budget(timeout: float) -> None:
    assert reserve(timeout) == pytest.approx(min(2.0, 0.15 * timeout))
    assert (RESERVE, RESERVE_SHARE) == (2.0, 0.15)


@given(seconds=times)
def test_the_timeout_that_is_proposed_is_enough_and_not_much_more(seconds: float) -> None:
    whole = timeout_for(seconds)
    assert whole - reserve(whole) >= seconds
    assert whole == int(seconds) or whole - 1 - reserve(whole - 1) < seconds
