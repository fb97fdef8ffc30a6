"""What a shutdown asks of each process, and with how much of its budget; on a clock that jumps."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from supervice.lean import loop as lean_loop
from supervice.lean.loop import sleep
from supervice.lifecycle.states import BACKOFF, EXITED, FATAL, RUNNING, STOPPED
from supervice.lifecycle.stop_shares import reserve
from supervice.pid1.signals import AFTER_KILL_AT_SHUTDOWN
from supervice.supervision.shutdown import SETTLE_SHARE
from tests.fakes.stopping import NEVER, World, a_world, stopping

world = pytest.fixture(name="world")(a_world)


# -- what is asked ---------------------------------------------------------------------------------------


def test_each_is_told_why_and_gets_all_of_its_time_where_that_fits(world: World) -> None:
    web, db = world.add("web", needs="db", wait=7), world.add("db", wait=9)
    world.run(world.shutdown(why="SIGTERM received").run())
    assert web.asked == [{"force": False, "within": 7, "trigger": "shutdown: SIGTERM received", "at": 0.0}]
    assert db.asked == [{"force": False, "within": 9, "trigger": "shutdown: SIGTERM received", "at": 0.5}]
    assert world.said == []


def test_the_reason_is_left_out_where_there_is_none(world: World) -> None:
    web = world.add("web")
    world.run(world.shutdown().run())
    assert web.asked[0]["trigger"] == "shutdown: "


@pytest.mark.parametrize("way", ["a retry", "a level", "by force", "some of them"])
def test_many_are_told_in_parts_and_all_else_has_its_turn_between(
    world: World, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Here each takes longer than a part may."""
    clock = itertools.count(0.0, 1.0)
    monkeypatch.setattr(lean_loop, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    for number in range(5):
        world.add(f"p{number}", state=BACKOFF if way == "a retry" else RUNNING, takes=50.0, wait=60.0)
    told: list[int] = []

    def look() -> None:
        told.append(sum(bool(program.asked) for program in world.programs))
        if told[-1] < 5:
            world.loop.call_soon(look)

    world.loop.call_soon(look)
    if way == "some of them":
        world.run(stopping(world))
    elif way == "by force":
        world.shutdown().force()
        world.run(sleep(world.loop, 1.0))
    else:
        world.run(world.shutdown(90).run())
    assert {1, 2, 3, 4} <= set(told)


@pytest.mark.parametrize("state", [STOPPED, EXITED, FATAL])
def test_what_rests_is_not_asked_unless_a_process_runs_beside_it(world: World, state: str) -> None:
    web, other = world.add("web", state=state), world.add("other", state=state)
    other.beside = object()
    world.run(world.shutdown(why="x").run())
    assert (web.asked, other.asked) == ([], [{"trigger": "shutdown: x", "at": 0.0}])
    assert world.loop.now == 0.0


def test_what_runs_is_asked_once_though_a_process_runs_beside_it(world: World) -> None:
    web = world.add("web")
    web.beside = object()
    world.run(world.shutdown().run())
    assert len(web.asked) == 1


def test_a_retry_is_called_off_first_and_takes_no_time(world: World) -> None:
    retry = world.add("retry", state=BACKOFF)
    world.add("web", needs="retry", takes=3)
    world.run(world.shutdown(why="x").run())
    assert retry.asked == [{"trigger": "shutdown: x", "at": 0.0}]
    assert world.loop.now == 3.0


# -- what of the budget ----------------------------------------------------------------------------------


def test_what_does_not_fit_is_cut_and_the_log_says_whom_and_to_what(world: World) -> None:
    """Ten seconds of which 1.5 are kept back; the two that want too long share what the third leaves."""
    slow, quick = world.add("slow", wait=60, takes=NEVER, needs="db"), world.add("quick", wait=2, needs="db")
    world.add("exact", wait=7.5, needs="db")
    db = world.add("db", wait=1, takes=NEVER)
    assert reserve(10) == 1.5
    world.run(world.shutdown(10).run())
    assert [p.asked[0]["within"] for p in (slow, quick)] == [7.5, 7.5]
    assert db.asked[0]["within"] == 1
    assert [line for line in world.said if "waiting for" not in line] == [
        "warning: the stop of slow (60 s) is cut to 7.5 s, so that everything fits shutdown_timeout = 10 s;"
        " SIGKILL follows"
    ]
    assert world.loop.now == 8.5


def test_all_of_a_level_that_are_cut_are_said_in_one_line(world: World) -> None:
    world.add("a", wait=60), world.add("b", wait=0.5), world.add("c", wait=90)
    world.run(world.shutdown(10).run())
    assert world.said == [
        "warning: the stop of a (60 s), c (90 s) is cut to 8.5 s, so that everything fits shutdown_timeout = 10 s;"
        " SIGKILL follows"
    ]


def test_what_an_earlier_level_did_not_use_goes_to_the_rest(world: World) -> None:
    world.add("web", wait=60, takes=1, needs="db")
    db = world.add("db", wait=60, takes=1)
    world.run(world.shutdown(10).run())
    assert db.asked[0]["within"] == pytest.approx(10 - 1 - 1.5)


def test_one_that_rests_already_takes_no_share(world: World) -> None:
    web = world.add("web", wait=8, needs="db")
    world.add("db", wait=8, state=STOPPED)
    world.run(world.shutdown(10).run())
    assert web.asked[0]["within"] == 8


def test_one_that_survives_sigkill_is_named_and_not_waited_for_longer(world: World) -> None:
    world.add("stuck", wait=4, takes=NEVER, needs="db").dies = False
    world.add("also", wait=2, takes=NEVER, needs="db").dies = False
    db = world.add("db")
    world.run(world.shutdown().run())
    assert "error: cannot be stopped, not even with SIGKILL: stuck, also" in world.said
    assert db.asked[0]["at"] == 4 + AFTER_KILL_AT_SHUTDOWN
    assert world.said[0].startswith("info: waiting for stuck (STOPPING")
    world.run(sleep(world.loop, 60))
    assert len([line for line in world.said if "waiting" in line]) == 2  # each PROGRESS seconds until then


def test_time_left_counts_down_to_nothing_and_not_below(world: World) -> None:
    world.loop.now = 100.0
    end = world.shutdown(10)
    assert end.time_left == 10.0
    world.loop.now = 104.0
    assert end.time_left == 6.0
    world.loop.now = 111.0
    assert end.time_left == 0.0


# -- what programs finish before their stop --------------------------------------------------------------


def test_each_level_may_finish_what_it_is_at_for_a_share_of_what_is_left(world: World) -> None:
    world.add("web", needs="db", takes=5), world.add("db", takes=1)
    settled: list[Any] = []

    async def settle(level: list[Any], seconds: float) -> None:
        settled.append(([p.config.name for p in level], seconds, world.loop.now))
        await sleep(world.loop, 1.0)

    world.run(world.shutdown(30, settle=settle).run())
    assert settled == [
        (["web"], pytest.approx(30 * SETTLE_SHARE), 0.0),
        (["db"], pytest.approx(24 * SETTLE_SHARE), 6.0),
    ]
    assert [p.asked[0]["at"] for p in world.programs] == [1.0, 7.0]


# -- by force --------------------------------------------------------------------------------------------


def test_by_force_all_that_still_run_are_killed_at_once(world: World) -> None:
    web, db = world.add("web", wait=60, takes=NEVER, needs="db"), world.add("db", takes=NEVER)
    gone, retry = world.add("gone", state=EXITED), world.add("retry", state=BACKOFF)
    end = world.shutdown(90, why="x")
    world.run(end.run(), at={1.5: end.force})
    by_force = {"force": True, "trigger": "shutdown: x", "at": 1.5}
    assert web.asked[1:] == [by_force]
    assert db.asked == [by_force]
    assert gone.asked == []
    assert len(retry.asked) == 1
    assert world.loop.now == 1.5
    assert world.said == []


def test_after_that_no_level_is_settled_cut_or_asked_politely(world: World) -> None:
    settled: list[Any] = []

    async def settle(level: list[Any], seconds: float) -> None:
        settled.append(level)

    web = world.add("web", wait=3600, takes=NEVER, needs="db")
    world.add("db")
    end = world.shutdown(10, settle=settle)
    end.force()
    web.request_stop = lambda **how: web.asked.append(how) or world.loop.call_later(1, web.become, STOPPED)
    world.run(end.run())
    assert settled == []
    assert world.said == []
    assert [how["force"] for how in web.asked] == [True, True]
