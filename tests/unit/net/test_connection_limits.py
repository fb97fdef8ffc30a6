"""Who gets a connection when many want one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervice.net.connection_limits import ConnectionLimits, owner_of_address

MOST = 512
OURS = 1000


def fill(places: ConnectionLimits, owner: int | str, own_uid: int = OURS) -> int:
    """How many places `owner` gets."""
    for count in range(2 * MOST):
        if places.refusal(owner, MOST, own_uid):
            return count
        places.take(owner)
    raise AssertionError("there is no end to it")


def test_a7_one_reader_gets_a_quarter_and_says_so() -> None:
    places = ConnectionLimits()
    assert fill(places, 12345) == 128
    assert "uid 12345 has 128 connections" in places.refusal(12345, MOST, OURS)
    assert places.refusal(12346, MOST, OURS) == ""
    places.give_back(12345)
    assert places.refusal(12345, MOST, OURS) == ""


def test_a7_all_readers_together_leave_places_to_root_and_to_the_daemon() -> None:
    places = ConnectionLimits()
    assert sum(fill(places, uid) for uid in range(2000, 2600)) == 448
    assert fill(places, OURS) == 496
    assert fill(places, 0) == 512


def test_a7_programs_that_run_as_our_own_user_leave_places_to_root() -> None:
    places = ConnectionLimits()
    fill(places, OURS)
    assert places.refusal(0, MOST, OURS) == ""


def test_one_address_gets_half_of_the_places() -> None:
    places = ConnectionLimits()
    assert fill(places, "192.0.2.1") == 256
    assert places.refusal("192.0.2.2", MOST, OURS) == ""


def test_the_owner_of_an_address() -> None:
    assert owner_of_address("192.0.2.1:80") == "192.0.2.1"
    assert owner_of_address("[2001:db8:1:2:3:4:5:6]:80") == "2001:db8:1:2::/64"
    assert owner_of_address("[2001:db8:1:2::6]:81") == "2001:db8:1:2::/64"
    assert owner_of_address("[fe80::1%eth0]:80") == "fe80:0:0:0::/64"
    assert owner_of_address("[::1]:80") == "0:0:0:0::/64"


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0, OURS, 1, 2, "a", "b"])), max_size=200))
def test_what_is_given_back_is_free_again(steps: list[tuple[bool, int | str]]) -> None:
    places, held = ConnectionLimits(), []
    for take, owner in steps:
        if take and not places.refusal(owner, 16, OURS):
            places.take(owner)
            held.append(owner)
        elif not take and owner in held:
            held.remove(owner)
            places.give_back(owner)
    for owner in held:
        places.give_back(owner)
    assert fill(places, 0) == MOST
