"""What one look finds, beside the last one and beside what was accepted."""

from __future__ import annotations

import pytest

from supervice.watch import contents
from supervice.watch.contents import Changes, Contents


def test_what_is_away_is_not_changed_and_is_again_when_it_is_back() -> None:
    known = Contents()
    known.look({"a": 1, "b": 1})
    known.accept()
    assert known.look({"a": 2, "b": 2}) == Changes(True, ("a", "b"))
    assert known.look({"b": 2}) == Changes(False, ("b",), gone=("a",))
    assert known.look({"b": 2}) == Changes(False, ("b",))
    assert known.look({"a": 2, "b": 2}) == Changes(False, ("a", "b"), back=("a",))
    assert known.look({"a": 2}) == Changes(False, ("a",), gone=("b",))
    assert known.look({"b": 1}) == Changes(True, (), gone=("a",), back=("b",))


def test_nothing_differs_before_the_first_look_and_after_what_was_seen_is_accepted() -> None:
    known = Contents()
    assert known.changed() == ()
    known.accept()
    assert known.look({"b": 1, "a": 1}) == Changes(True, ("a", "b"))
    known.accept()
    assert known.changed() == ()
    assert known.look({"b": 1, "a": 1}) == Changes()


def test_what_is_accepted_while_a_file_is_away_is_not_what_it_held() -> None:
    known = Contents()
    known.look({"a": 1})
    known.accept()
    known.look({"a": 2})
    known.look({})
    known.accept()
    assert known.look({"a": 2}) == Changes(False, ("a",), back=("a",))
    assert known.look({"a": 1}) == Changes(True, ())


def test_the_first_to_go_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accepted or not; a name that is forgotten is a new one when it comes back."""
    monkeypatch.setattr(contents, "MOST_AWAY", 2)
    known = Contents()
    known.look({"a": 1, "c": 1})
    known.accept()
    known.look({"a": 1, "b": 1, "c": 1, "d": 1})
    known.look({"b": 1, "c": 1, "d": 1})
    known.look({"c": 1, "d": 1})
    assert known.look({"a": 1, "c": 1, "d": 1}) == Changes(False, ("d",), back=("a",))
    known.look({"c": 1, "d": 1})
    assert known.look({"d": 1}).gone == ("c",), "b is forgotten"
    assert known.look({}).gone == ("d",), "a is forgotten"
    assert known.look({"a": 1, "b": 1, "c": 1, "d": 1}) == Changes(True, ("a", "b", "d"), back=("c", "d"))
