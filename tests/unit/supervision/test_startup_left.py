"""Who is left stopped, why, and when it is asked again; how long what is waited for may take (no children)."""

from __future__ import annotations

import pytest

from supervice import logger
from supervice.lifecycle.states import (
    EXITED,
    FATAL,
    RUNNING,
    STARTING,
    STOPPED,
)
from tests.fakes.starting import World, one


@pytest.fixture(autouse=True)
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(logger, "warning", said.append)
    return said


# -- who is left stopped ---------------------------------------------------------------------------------


def test_what_needs_one_that_has_failed_is_left_with_all_that_wait_for_it(lines: list[str]) -> None:
    world = World(one("top", "web"), one("web", "db"), one("db"), one("other")).ask("top")
    assert world.waiting() == ["top", "web"]
    before = world.judged
    world.become("db", FATAL, reason="exit code 1")
    cause = "db is FATAL: exit code 1"
    assert world.left() == {
        "web": (f"needs db:started, but {cause}", "db"),
        "top": (f"needs web:started, but {cause}", "db"),
    }
    assert lines == [
        f"web: not started: needs db:started, but {cause}",
        f"top: not started: needs web:started, but {cause}",
    ]
    assert sorted(world.told) == ["top", "web"]
    assert world.waiting() == []
    assert world.judged > before


@pytest.mark.parametrize(
    ("kind", "state", "expected", "reason", "cause"),
    [
        ("simple", EXITED, True, "", "db has ended"),
        ("oneshot", EXITED, False, "exit code 3", "db has ended: exit code 3"),
        ("simple", FATAL, True, "", "db is FATAL"),
        ("oneshot", EXITED, True, "", ""),
        ("simple", STOPPED, True, "", ""),
    ],
)
def test_what_cannot_come_any_more_is_not_waited_for(
    kind: str, state: str, expected: bool, reason: str, cause: str
) -> None:
    """Whether it was so before, or becomes so meanwhile."""
    for first in (True, False):
        world = World(one("web", "db:ready"), one("db", type=kind))
        world["db"].expected = expected
        world.table.hold(["db"])
        if first:
            world["db"].become(state, reason=reason)
            world.startup.rebuild()
        world.ask("web")
        if not first:
            world.become("db", STARTING).become("db", state, reason=reason)
        assert world.left() == ({"web": (f"needs db:ready, but {cause}", "db")} if cause else {})


def test_one_that_was_left_is_the_cause_for_what_is_asked_later() -> None:
    world = World(one("top", "web"), one("web", "db"), one("db")).become("db", FATAL)
    world.ask("web").ask("top")
    assert world.left()["top"] == ("needs web:started, but db is FATAL", "db")


def test_one_that_is_asked_again_or_runs_was_not_left() -> None:
    for way in ("runs", "is taken out"):
        world = World(one("web", "db"), one("db")).become("db", FATAL).ask("web")
        assert world.startup.left() == ["web"]
        if way == "runs":
            world.become("web", STARTING)
        else:
            world.startup.cancel(world["web"])
        assert world.startup.left() == []
    world.become("web", STOPPED)
    world.ask("web", by_hand=True)
    assert (world.startup.left(), world.waiting()) == ([], ["web"])
    assert (world.startup.why_left(world["db"]), world.startup.cause(world["db"])) == ("", "")


def test_while_what_failed_is_to_be_started_again_it_is_waited_for() -> None:
    world = World(one("web", "db"), one("db", "disk"), one("disk")).become("db", FATAL)
    world.ask("web", "db")
    assert (world.waiting(), world.startup.left()) == (["web", "db"], [])


def test_one_that_is_left_takes_no_turn_of_the_others() -> None:
    world = World(one("first"), one("web", "db"), one("top", "web"), one("last"), one("db"))
    world.become("db", FATAL).ask("first", "web", "top", "last")
    assert World.story == ["first", "last"]
    assert world.startup.left() == ["web", "top"]


def test_what_is_needed_on_two_ways_is_left_once_and_what_needs_it_too(lines: list[str]) -> None:
    world = World(
        one("last", "top"), one("top", "web", "api"), one("web", "mid"), one("api", "mid"), one("mid", "db"),
        one("db"),
    )  # fmt: skip
    world.ask("last").become("db", FATAL)
    assert sorted(world.startup.left()) == sorted(world.told) == ["api", "last", "mid", "top", "web"]
    assert len(lines) == 5


def test_one_that_was_left_and_is_asked_again_is_not_left_while_it_waits() -> None:
    world = World(one("web", "db"), one("db")).become("db", FATAL).ask("web")
    assert world.startup.left() == ["web"]
    world.ask("web", by_hand=True)
    assert (world.startup.left(), world.waiting()) == ([], ["web"])


def test_what_is_being_removed_at_this_moment_is_waited_for() -> None:
    """The reload that does so says in its next step what is needed instead."""
    world = World(one("web", "db"), one("db"))
    world.table.remove("db")
    world.ask("web")
    assert (world.waiting(), world.startup.left()) == (["web"], [])


# -- how long it may take --------------------------------------------------------------------------------


def test_patience_is_the_start_time_of_all_that_is_waited_for_and_not_up() -> None:
    world = World(
        one("top", "web", startsecs=100), one("web", "db", "cache", startsecs=1), one("db", startsecs=2),
        one("cache", startsecs=4), one("other", startsecs=50),
    )  # fmt: skip
    world.become("cache", RUNNING).ask("top")
    everything = list(world.table.processes.values())
    assert world.startup.patience([world["top"]]) == 3.0
    assert world.startup.patience([world["web"]]) == 2.0
    assert world.startup.patience(everything) == 2.0
    assert world.startup.patience([world["db"], world["other"]]) == 0.0


def test_what_is_needed_on_two_ways_takes_its_time_once() -> None:
    world = World(one("top", "a", "b"), one("a", "db"), one("b", "db"), one("db", startsecs=8))
    for name in ("a", "b"):
        world.become(name, RUNNING)
    world.table.hold(["db"])
    world.become("a", STOPPED).become("b", STOPPED).ask("top")
    assert world.startup.patience([world["top"], world["a"], world["b"]]) == 8.0


# -- a reload --------------------------------------------------------------------------------------------


def test_after_a_reload_those_that_wait_wait_for_what_they_need_now() -> None:
    world = World(one("web", "db"), one("db", autostart=False), one("cache", autostart=False)).ask("web")
    world["web"].config = one("web", "cache")
    world.do(world.table.rebuild)
    assert world.startup.waiting_for(world["web"]) == ["cache:started"]
    assert world["cache"].asked == ["dependency: web needs it (asked)"]


def test_after_a_reload_those_that_need_nothing_any_more_start_with_their_trigger() -> None:
    world = World(one("web", "db"), one("db")).ask("web")
    world["web"].config = one("web")
    world.do(world.table.rebuild)
    assert world["web"].asked == ["asked"]


def test_what_was_removed_waits_no_longer_and_was_not_left() -> None:
    world = World(one("web", "db"), one("gone", "db"), one("failed"), one("lost", "failed"), one("db"))
    world.become("failed", FATAL).ask("web", "gone", "lost")
    assert (world.waiting(), world.startup.left()) == (["web", "gone"], ["lost"])
    for name in ("gone", "lost"):
        world.table.remove(name)
        world.table.add(one(name, "db"))  # another by that name
    world.table.remove("lost")
    world.do(world.table.rebuild)
    assert (world.waiting(), world.startup.left()) == (["web"], [])
