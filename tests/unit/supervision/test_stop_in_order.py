"""What is said while processes are stopped, and some of them outside of a shutdown; on a clock that jumps."""

from __future__ import annotations

from typing import Any

import pytest

from supervice.lean.loop import sleep
from supervice.lifecycle.states import EXITED, RESTING, RUNNING, STOPPED
from supervice.pid1.signals import AFTER_KILL
from supervice.supervision.shutdown import LONGEST_SETTLE, SLOW, Progress, longest_stop
from tests.fakes.stopping import NEVER, World, a_world, stopping

world = pytest.fixture(name="world")(a_world)


# -- what is said while it lasts -------------------------------------------------------------------------


def test_every_two_seconds_the_log_says_who_is_waited_for(world: World) -> None:
    world.add("web", wait=10, takes=4.5), world.add("db", wait=10, takes=2.5)
    world.run(world.shutdown().run())
    first, second = world.said
    assert first.startswith("info: waiting for web (STOPPING")
    assert "db (STOPPING" in first
    assert second.startswith("info: waiting for web (STOPPING")
    assert "db" not in second


def test_outside_of_a_shutdown_it_is_said_less_often(world: World) -> None:
    web: Any = world.add("web", state=RUNNING)
    from supervice.runner.waiting import Until

    progress = Progress(world.loop, Until([web], RESTING))
    world.run(sleep(world.loop, SLOW * 2.5))
    assert len(world.said) == 2
    progress.stop()
    world.run(sleep(world.loop, SLOW * 3))
    assert len(world.said) == 2


def test_it_says_what_each_waits_for(world: World) -> None:
    from supervice.runner.waiting import Until

    class Queue:
        def waiting_for(self, process: Any) -> list[str]:
            return ["db:ready"]

    web: Any = world.add("web", state=STOPPED)
    progress = Progress(world.loop, Until([web], RESTING), 1.0, Queue())  # type: ignore[arg-type]
    world.run(sleep(world.loop, 1.5))
    progress.stop()
    assert world.said == ["info: waiting for web (STOPPED, pid 7; starts as soon as db is ready)"]


# -- some of them, outside of a shutdown -----------------------------------------------------------------


def test_each_is_told_what_it_is_stopped_for_and_has_its_own_time(world: World) -> None:
    web, db = world.add("web", needs="db", takes=2), world.add("db")
    assert world.run(stopping(world)) == []
    assert web.asked == [{"trigger": "for web", "at": 0.0}]
    assert db.asked == [{"trigger": "for db", "at": 2.0}]
    assert world.said == []


def test_those_that_cannot_be_stopped_are_returned_and_the_rest_goes_on(world: World) -> None:
    stuck, quick = world.add("stuck", wait=3, needs="db"), world.add("quick", wait=1, needs="db")
    stuck.dies, stuck.takes = False, NEVER
    db = world.add("db")
    db.dies, db.takes = False, NEVER
    assert world.run(stopping(world)) == [stuck, db]
    assert quick.state == STOPPED
    assert db.asked[0]["at"] == 3 + AFTER_KILL
    assert world.loop.now == longest_stop(world.programs, [stuck, db]) - longest_rest(db) + db.stop_time()


def longest_rest(process: Any) -> float:
    """A process that is not at rest has its wait in every sum."""
    wait: float = process.stop_time()
    return wait


def test_each_level_may_finish_what_it_is_at_and_who_ends_by_it_is_not_stopped(world: World) -> None:
    web, other = world.add("web"), world.add("other")
    third = world.add("third")
    settled: list[tuple[list[str], float]] = []
    unwanted: set[str] = set()

    async def settle(level: list[Any], seconds: float) -> None:
        settled.append(([p.config.name for p in level], seconds))
        web.become(EXITED)
        unwanted.add("other")

    world.run(stopping(world, settle=settle, wanted=lambda p: p.config.name not in unwanted))
    assert settled == [(["web", "other", "third"], LONGEST_SETTLE)]
    assert (web.asked, other.asked) == ([], [])
    assert len(third.asked) == 1


def test_no_level_is_settled_of_which_nothing_is_to_be_stopped(world: World) -> None:
    world.add("web", state=STOPPED)

    async def settle(level: list[Any], seconds: float) -> None:
        raise AssertionError

    world.run(stopping(world, settle=settle))


def test_what_a_process_at_rest_has_left_is_stopped_with_it(world: World) -> None:
    """Only that of the chosen ones, and not once they are wanted again."""
    for name in ("web", "kept", "back"):
        world.add(name, state=EXITED).has_left_any = True
    world.add("clean", state=EXITED)
    world.add("stuck", wait=1, takes=NEVER).dies = False
    world.programs[-1].has_left_any = True
    chosen = [p for p in world.programs if p.config.name != "kept"]
    world.run(stopping(world, chosen, wanted=lambda p: p.config.name != "back"))
    assert world.looked_after == ["web"]


def test_the_time_that_it_may_take_is_that_of_the_slowest_of_each_level(world: World) -> None:
    web, other = world.add("web", wait=3, needs="db"), world.add("other", wait=8, needs="db")
    db, gone = world.add("db", wait=5), world.add("gone", wait=60, state=EXITED)
    every = world.programs
    assert longest_stop(every, every) == 8 + AFTER_KILL + 5 + AFTER_KILL
    assert longest_stop(every, [web, db]) == 3 + AFTER_KILL + 5 + AFTER_KILL
    assert longest_stop(every, [other]) == 8 + AFTER_KILL
    assert longest_stop(every, [gone]) == AFTER_KILL
    assert longest_stop(every, []) == 0.0
