"""Replies larger than a frame are cut into pages and put together again, whatever they hold."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervice.control import paging
from supervice.control.paging import Pages, add_page
from supervice.control.protocol import MAX_FRAME, FrameReader


def through(reply: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """What a client has of `reply` in the end, and in how many pages it came."""
    whole: dict[str, Any] = {}
    pages, reader, count, more = Pages(reply), FrameReader(), 0, True
    while more:
        assert not pages.done
        frame = pages.frame()
        assert len(frame) <= MAX_FRAME + 4
        [page] = reader.feed(frame)
        assert page["status"] == reply["status"]
        more = add_page(whole, page)
        count += 1
    assert pages.done
    return whole, count


def test_t6_the_status_of_6000_programs_comes_in_pages() -> None:
    rows = [
        {"name": f"p{n}", "state": "RUNNING", "reason": "x" * 300, "waiting_for": []} for n in range(6000)
    ]
    reply = {"status": "ok", "processes": rows}
    whole, count = through(copy.deepcopy(reply))
    assert whole == reply
    assert count == 3


def test_t6_what_fits_is_one_page() -> None:
    reply = {"status": "ok", "message": "m", "results": [{"name": "a"}], "none": [], "pids": {}}
    assert through(copy.deepcopy(reply)) == (reply, 1)


def test_t6_a_dict_is_cut_too() -> None:
    reply = {"status": "ok", "pids": {f"p{n}": n for n in range(100_000)}}
    whole, count = through(copy.deepcopy(reply))
    assert whole == reply
    assert count > 1


def test_t6_one_program_with_20000_processes_is_cut_inside() -> None:
    processes = [{"name": f"p:{n:05}", "state": "RUNNING", "reason": "r" * 100} for n in range(20_000)]
    programs = [{"name": "a"}, {"name": "p", "depends_on": ["a"], "processes": processes}, {"name": "z"}]
    reply = {"status": "ok", "programs": programs}
    whole, count = through(copy.deepcopy(reply))
    assert whole == reply
    assert count > 3


def test_a_long_text_beside_the_rows_is_cut() -> None:
    whole, _ = through({"status": "ok", "message": "m" * 2_000_000, "results": [{"name": "a"}]})
    assert len(whole["message"]) == paging.LONGEST_TEXT + 1


def test_a_row_without_a_list_that_is_too_large_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Pages({"status": "ok", "logs": [{"data": "x" * (2 * MAX_FRAME)}]}).frame()


VALUES = st.one_of(st.none(), st.integers(), st.text(max_size=40), st.lists(st.text(max_size=8), max_size=30))
ROWS = st.lists(st.dictionaries(st.sampled_from("abcde"), VALUES, max_size=4), max_size=80)
REPLIES = st.fixed_dictionaries(
    {"status": st.just("ok"), "n": st.integers()},
    optional={
        "x": ROWS,
        "y": st.lists(st.text(max_size=8), max_size=100),
        "z": st.dictionaries(
            st.text(max_size=9), VALUES.filter(lambda v: not isinstance(v, list)), max_size=50
        ),
    },
)


@settings(deadline=None)
@given(REPLIES, st.integers(3000, 8000))
def test_any_reply_survives(reply: dict[str, Any], room: int) -> None:
    before, paging._ROOM = paging._ROOM, room
    try:
        assert through(copy.deepcopy(reply))[0] == reply
    finally:
        paging._ROOM = before
