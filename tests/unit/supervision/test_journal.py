"""The last events: all of them, the last few, and those that come."""

from __future__ import annotations

from typing import Any

from supervice.supervision.journal import KEPT_EVENTS, Journal


def reasons(events: list[dict[str, Any]]) -> list[str]:
    return [event["reason"] for event in events]


def noted(count: int) -> Journal:
    journal = Journal()
    for number in range(count):
        journal.note("RELOAD", "supervice", str(number))
    return journal


def test_the_last_of_them_the_oldest_first() -> None:
    journal = noted(5)
    assert reasons(journal.events()) == ["0", "1", "2", "3", "4"]
    assert reasons(journal.events(2)) == ["3", "4"]
    assert journal.events(0) == []
    assert reasons(journal.events(9)) == ["0", "1", "2", "3", "4"]


def test_no_more_are_kept_than_that() -> None:
    assert reasons(noted(KEPT_EVENTS + 3).events())[0] == "3"


def test_a_follower_has_the_last_ones_first_and_hears_nothing_once_it_is_gone() -> None:
    journal = noted(3)
    few: list[dict[str, Any]] = []
    new: list[dict[str, Any]] = []

    def into(heard: list[dict[str, Any]]) -> Any:
        return lambda frame: heard.append(frame["event"])

    stop, _ = journal.follow(into(few), 2), journal.follow(into(new))
    journal.note("RELOAD", "supervice", "3")
    stop()
    stop()
    journal.note("RELOAD", "supervice", "4")
    assert reasons(few) == ["1", "2", "3"]
    assert reasons(new) == ["3", "4"]
