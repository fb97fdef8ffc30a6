"""What one look finds, beside the last one and beside what was accepted."""

from __future__ import annotations

import pytest

from supervice.watch import picture as pictures
from supervice.watch.picture import Changes, Picture


def test_what_is_away_is_not_changed_and_is_again_when_it_is_back() -> None:
    picture = Picture()
    picture.look({"a": 1, "b": 1})
    picture.accept()
    assert picture.look({"a": 2, "b": 2}) == Changes(True, ("a", "b"))
    assert picture.look({"b": 2}) == Changes(False, ("b",), gone=("a",))
    assert picture.look({"b": 2}) == Changes(False, ("b",))
    assert picture.look({"a": 2, "b": 2}) == Changes(False, ("a", "b"), back=("a",))
    assert picture.look({"a": 2}) == Changes(False, ("a",), gone=("b",))
    assert picture.look({"b": 1}) == Changes(True, (), gone=("a",), back=("b",))


def test_nothing_differs_before_the_first_look_and_after_what_was_seen_is_accepted() -> None:
    picture = Picture()
    assert picture.changed() == ()
    picture.accept()
    assert picture.look({"b": 1, "a": 1}) == Changes(True, ("a", "b"))
    picture.accept()
    assert picture.changed() == ()
    assert picture.look({"b": 1, "a": 1}) == Changes()


def test_what_is_accepted_while_a_file_is_away_is_not_what_it_held() -> None:
    picture = Picture()
    picture.look({"a": 1})
    picture.accept()
    picture.look({"a": 2})
    picture.look({})
    picture.accept()
    assert picture.look({"a": 2}) == Changes(False, ("a",), back=("a",))
    assert picture.look({"a": 1}) == Changes(True, ())


def test_the_first_to_go_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accepted or not; a name that is forgotten is a new one when it comes back."""
    monkeypatch.setattr(pictures, "MOST_AWAY", 2)
    picture = Picture()
    picture.look({"a": 1, "c": 1})
    picture.accept()
    picture.look({"a": 1, "b": 1, "c": 1, "d": 1})
    picture.look({"b": 1, "c": 1, "d": 1})
    picture.look({"c": 1, "d": 1})
    assert picture.look({"a": 1, "c": 1, "d": 1}) == Changes(False, ("d",), back=("a",))
    picture.look({"c": 1, "d": 1})
    assert picture.look({"d": 1}).gone == ("c",), "b is forgotten"
    assert picture.look({}).gone == ("d",), "a is forgotten"
    assert picture.look({"a": 1, "b": 1, "c": 1, "d": 1}) == Changes(True, ("a", "b", "d"), back=("c", "d"))
