"""What is left over at the end: how long it may take, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from supervice.lean.loop import sleep
from supervice.lifecycle.stop_shares import reserve
from supervice.pid1.leftovers import Stat
from supervice.pid1.signals import LEFTOVERS_GRACE
from supervice.supervision import shutdown as module
from tests.fakes.stopping import World, a_world

world = pytest.fixture(name="world")(a_world)


# -- what is left over -----------------------------------------------------------------------------------


class Hunted:
    """In place of the hunt: what it was asked for, and its end when the test says so."""

    made: list[Hunted]

    def __init__(self, loop: Any, find: Any, done: Any, **how: Any) -> None:
        self.loop, self.find, self.done, self.how = loop, find, done, how
        self.kills = 0
        Hunted.made.append(self)
        loop.call_later(1.0, done, self.left)

    left: list[Stat] = []

    def kill(self) -> None:
        self.kills += 1


@pytest.fixture
def hunted(monkeypatch: pytest.MonkeyPatch) -> list[Hunted]:
    monkeypatch.setattr(module, "Hunt", Hunted)
    Hunted.made, Hunted.left = [], []
    return Hunted.made


def stat(pid: int, name: str) -> Stat:
    return Stat(pid, f"{pid} ({name}) S 1 {'0 ' * 50}".encode())


def nothing() -> list[Stat]:
    return []


@pytest.mark.parametrize(
    ("timeout", "grace"),
    [(60.0, LEFTOVERS_GRACE), (4.0, 4.0 - 0.6 / 2), (0.0, 0.0)],
)
def test_what_is_left_over_gets_its_grace_or_what_is_left_of_the_budget(
    world: World, hunted: list[Hunted], timeout: float, grace: float
) -> None:
    """Half of what was kept back is for the output that follows."""
    assert (LEFTOVERS_GRACE, reserve(4.0)) == (5.0, 0.6)
    world.run(world.shutdown(timeout, nothing).run())
    (hunt,) = hunted
    assert hunt.loop is world.loop
    assert hunt.find is nothing
    assert hunt.how["grace"] == pytest.approx(grace)
    assert (hunt.how["kill_all"], hunt.how["thorough"]) == (None, True)
    assert world.loop.now == 1.0
    assert world.said == []


def test_where_all_can_be_killed_in_one_step_it_need_not_be_thorough(
    world: World, hunted: list[Hunted]
) -> None:
    world.run(world.shutdown(30, nothing, kill_all=nothing).run())
    assert (hunted[0].how["kill_all"], hunted[0].how["thorough"]) == (nothing, False)


def test_by_force_it_gets_no_grace_and_a_hunt_that_is_on_kills(world: World, hunted: list[Hunted]) -> None:
    end = world.shutdown(30, nothing)
    end.force()
    world.run(end.run())
    assert hunted[0].how["grace"] == 0.0
    end = world.shutdown(30, nothing)
    world.run(end.run(), at={0.5: end.force})
    assert (hunted[0].kills, hunted[1].kills) == (0, 1)
    end.force()
    world.run(sleep(world.loop, 0))
    assert hunted[1].kills == 1  # it is over


def test_what_is_there_after_sigkill_is_named_ten_at_most(world: World, hunted: list[Hunted]) -> None:
    Hunted.left = [stat(pid, "sh") for pid in range(100, 110)]
    world.run(world.shutdown(30, nothing).run())
    first_ten = ", ".join(f"sh (pid {pid})" for pid in range(100, 110))
    assert world.said == [f"error: still there after SIGKILL: {first_ten}"]
    Hunted.left = [stat(pid, "sh") for pid in range(100, 111)]
    world.run(world.shutdown(30, nothing).run())
    assert world.said[1:] == [f"error: still there after SIGKILL: {first_ten}, and 1 more"]


def test_those_that_came_meanwhile_are_counted(world: World, hunted: list[Hunted]) -> None:
    end = world.shutdown(30, nothing)

    def notify() -> None:
        for pid in range(3):
            hunted[0].how["notify"]([stat(100 + pid, "sh")], 15)

    world.run(end.run(), at={0.5: notify})
    assert world.said == [
        "info: stopping what the programs left behind: sh (pid 100)",
        "info: 2 more like them came while they were stopped",
    ]


def test_where_no_process_is_to_be_looked_for_none_is(world: World, hunted: list[Hunted]) -> None:
    world.run(world.shutdown(30).run())
    assert hunted == []
