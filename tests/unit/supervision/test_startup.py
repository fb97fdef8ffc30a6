"""Who is started when and what for, and who is pulled along (no children)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from supervice import logger
from supervice.lean.loop import PART, sleep
from supervice.lifecycle.states import (
    BACKOFF,
    EXITED,
    FATAL,
    RUNNING,
    STARTING,
    STOPPED,
    STOPPING,
    UNHEALTHY,
)
from supervice.models import ScheduleConfig
from supervice.supervision import startup as module
from supervice.supervision.startup import BOOT
from tests.fakes.starting import World, one


@pytest.fixture(autouse=True)
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(logger, "warning", said.append)
    return said


# -- the beginning ---------------------------------------------------------------------------------------


def test_what_starts_with_the_daemon_starts_by_priority_and_what_needs_it_after_it() -> None:
    world = World(
        one("web", "db"), one("b"), one("a", priority=1), one("db"), one("hand", autostart=False),
        one("nightly", schedule=ScheduleConfig(("@daily",))),
    ).begin()  # fmt: skip
    assert World.story == ["a", "b", "db"]
    assert world.waiting() == ["web"]
    assert world.startup.waiting_for(world["web"]) == ["db:started"]
    assert world.startup.waiting_for(world["b"]) == []
    world.become("db", RUNNING)
    assert World.story == ["a", "b", "db", "web"]
    assert [world[name].asked for name in ("a", "web")] == [[BOOT], ["dependency: db is ready"]]
    assert world.waiting() == []


def test_the_foreground_command_waits_for_its_call() -> None:
    world = World(one("a"), one("main"))
    world["main"].foreground = ["sh"]
    assert [process.config.name for process in world.startup.first()] == ["a"]
    world.begin()
    assert World.story == ["a"]
    assert world.startup.command is world["main"]
    assert world.waiting() == ["main"]
    rows = world.startup.record.report(Waits(world))["processes"]
    assert [row["name"] for row in rows] == ["a", "main"]
    world.do(world.startup.start_command, world.startup.start_command)
    assert world["main"].asked == [BOOT]
    assert world.waiting() == []


def test_before_the_beginning_there_is_no_command_and_no_schedule() -> None:
    world = World(one("main"))
    world.do(world.startup.start_command)
    assert (World.story, world.startup.plans) == ([], None)


def test_those_of_one_priority_start_in_the_order_of_the_file() -> None:
    World(one("c"), one("a"), one("b")).begin()
    assert World.story == ["c", "a", "b"]


def test_the_record_knows_whose_change_let_it_start() -> None:
    world = World(one("web", "db"), one("db")).begin().become("db", RUNNING)
    rows = {row["name"]: row["released_by"] for row in world.startup.record.report(Waits(world))["processes"]}
    assert rows == {"web": "db", "db": None}


class Waits:
    """The queue as the record asks it."""

    def __init__(self, world: World) -> None:
        self.why_left, self.waiting_for = world.startup.why_left, world.startup.waiting_for


def test_what_is_asked_in_the_beginning_is_of_the_beginning_and_the_rest_later() -> None:
    world = World(one("a"), one("hand", autostart=False)).begin().ask("hand")
    rows = world.startup.record.report(Waits(world))["processes"]
    assert {row["name"]: row["later"] for row in rows} == {"a": False, "hand": True}


def test_with_nothing_to_start_it_is_asked_whether_this_is_the_end() -> None:
    assert World(one("hand", autostart=False)).begin().judged == 1


def test_after_the_end_has_begun_nothing_is_started_until_the_next_run() -> None:
    world = World(one("web", "db"), one("db"), one("main"))
    world["main"].foreground = ["sh"]
    world.begin()
    world.do(lambda: world.table.shutting_down("the end"))
    assert world.told == ["web"]
    assert world.waiting() == []
    world.become("db", RUNNING).ask("web")
    world.do(world.startup.start_command)
    assert World.story == ["db"]
    world.become("db", STOPPED)
    world.begin()
    assert World.story == ["db", "db"]
    assert world.waiting() == ["web", "main"]


def test_what_is_due_when_the_end_begins_is_not_started() -> None:
    world = World(one("a"))
    world.do(lambda: (world.startup.begin(), world.table.shutting_down("the end")))
    assert World.story == []


# -- what is asked ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [STARTING, RUNNING, UNHEALTHY, BACKOFF])
def test_one_that_is_on_its_way_is_asked_itself(state: str) -> None:
    """A process in BACKOFF tries at once."""
    world = World(one("web", "db"), one("db")).become("web", state)
    world.ask("web")
    assert world["web"].asked == ["asked"]
    assert world.waiting() == []


def test_each_of_several_is_asked_whatever_the_others_are() -> None:
    world = World(one("runs"), one("a"), one("web", "db"), one("b"), one("db")).become("runs", RUNNING)
    world.table.hold(["db"])
    world.ask("runs", "a", "web", "b")
    assert World.story == ["runs", "a", "b"]
    assert world.waiting() == ["web"]


def test_one_that_is_being_stopped_waits_for_what_it_needs_too() -> None:
    world = World(one("web", "db"), one("db")).become("web", STOPPING)
    world.ask("web")
    assert world.waiting() == ["web"]
    assert world["db"].asked == ["dependency: web needs it (asked)"]


def test_what_is_needed_is_pulled_along_with_what_it_needs_itself() -> None:
    needs = [one("web", "app"), one("app", "db"), one("db", autostart=False), one("other")]
    world = World(*needs).ask("web")
    assert World.story == ["db"]
    assert world["db"].asked == ["dependency: app needs it (dependency: web needs it (asked))"]
    assert world.waiting() == ["web", "app"]
    world.become("db", RUNNING).become("app", RUNNING)
    assert World.story == ["db", "app", "web"]


@pytest.mark.parametrize(
    ("state", "by_itself", "by_hand"),
    [(STOPPED, True, True), (EXITED, False, True), (FATAL, False, True), (STOPPING, False, True)],
)
def test_by_hand_all_is_pulled_along_that_rests_else_only_what_was_never_stopped(
    state: str, by_itself: bool, by_hand: bool
) -> None:
    for hand, pulled in ((False, by_itself), (True, by_hand)):
        world = World(one("web", "db"), one("db")).become("db", state, reason="x")
        world.ask("web", by_hand=hand)
        assert bool(world["db"].asked) is pulled


def test_what_an_operator_has_stopped_is_pulled_along_by_hand_only_and_wanted_again() -> None:
    world = World(one("web", "db"), one("db"))
    world.table.hold(["db", "web"])
    world.ask("web")
    assert (World.story, world.waiting(), set(world.table.held)) == ([], ["web"], {"db", "web"})
    world.ask("web", by_hand=True)
    assert (World.story, set(world.table.held)) == (["db"], set())


def test_what_a_reload_stops_is_not_pulled_along() -> None:
    world = World(one("web", "db"), one("db"))
    world.table.leave(["db"])
    world.ask("web", by_hand=True)
    assert (World.story, world.waiting()) == ([], ["web"])


def test_one_that_is_taken_out_is_told_and_is_in_no_list() -> None:
    world = World(one("web", "db"), one("db")).ask("web")
    assert world.startup.cancel(world["web"])
    assert not world.startup.cancel(world["web"])
    assert world.told == ["web"]
    world.become("db", RUNNING)
    assert world["web"].asked == []


def test_one_who_does_not_watch_any_more_is_not_told() -> None:
    world = World(one("web", "db"), one("db"))
    heard: list[Any] = []
    world.startup.watch(heard.append)()
    world.ask("web").startup.cancel(world["web"])
    assert heard == []


# -- what may start --------------------------------------------------------------------------------------


def test_a_condition_that_has_gone_again_is_waited_for() -> None:
    """The last one may come and go in one turn."""
    world = World(one("web", "db"), one("db")).ask("web")
    world.do(lambda: (world["db"].become(RUNNING), world["db"].become(BACKOFF)))
    assert (world["web"].asked, world.waiting()) == ([], ["web"])
    world.become("db", RUNNING)
    assert world["web"].asked == ["dependency: db is ready"]


@pytest.mark.parametrize(
    ("condition", "state", "how", "word"),
    [
        ("started", RUNNING, {"ready": False}, "RUNNING"),
        ("started", RUNNING, {}, "ready"),
        ("ready", RUNNING, {}, "ready"),
        ("healthy", RUNNING, {"healthy": True}, "healthy"),
        ("completed", EXITED, {}, "done"),
    ],
)
def test_the_trigger_says_what_was_waited_for(
    condition: str, state: str, how: dict[str, Any], word: str
) -> None:
    kind = "oneshot" if condition == "completed" else "simple"
    world = World(one("web", f"db:{condition}"), one("db", type=kind)).ask("web")
    world.become("db", state, **how)
    assert world["web"].asked == [f"dependency: db is {word}"]


def test_one_that_was_started_past_the_queue_waits_no_longer() -> None:
    world = World(one("web", "db"), one("db")).ask("web").become("web", STARTING)
    assert world.waiting() == []
    assert world.told == ["web"]
    world.become("web", STOPPED).become("db", RUNNING)
    assert world["web"].asked == []


def test_one_that_is_stopped_and_asked_to_start_again_goes_on_waiting() -> None:
    world = World(one("web", "db"), one("db")).become("web", RUNNING)
    world.do(lambda: world["web"].become(STOPPING), lambda: world.startup.request([world["web"]], "asked"))
    world.become("web", STOPPED)
    assert world.waiting() == ["web"]


def test_when_the_last_has_been_started_it_is_asked_whether_this_is_the_end() -> None:
    world = World(one("a"), one("web", "db"), one("db"))
    world.ask("a", "web")
    assert world.judged == 0
    world.become("db", RUNNING)
    assert world.judged == 1


def test_many_are_started_in_parts_and_all_else_has_its_turn_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here each takes half a part."""
    world = World(*(one(f"p{number}") for number in range(6)))
    now = [0.0]

    def moment() -> float:
        now[0] += PART / 2
        return now[0]

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=moment))
    started: list[int] = []

    async def story() -> None:
        world.startup.request(list(world.table.processes.values()), "asked")
        while len(World.story) < 6:
            await sleep(world.loop, 0)
            started.append(len(World.story))

    world.loop.run_until_complete(story())
    assert World.story == [f"p{number}" for number in range(6)]
    assert 1 in started
    assert world.judged == 1
