"""Each kill that the kernel has counted is told once: of the process that ended so, or of the container."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice import logger
from supervice.events import EventType
from supervice.lifecycle.kill_tally import PATIENCE
from supervice.supervision import memory_kills as module
from supervice.supervision.memory_kills import EVENT, MOST_NAMES, MemoryKills
from tests.fakes.loop import FakeLoop

SIGKILL, SIGTERM = -9, -15


class World:
    """A container whose kernel counts, and the children of its programs."""

    def __init__(self, patch: pytest.MonkeyPatch, start: int = 0, subscribers: bool = True) -> None:
        self.count: int | None = start
        self.loop: Any = FakeLoop()
        self.families: dict[int, set[int]] = {}  # by leader
        self.processes: dict[str, Any] = {}
        self.noted: list[tuple[str, str, str]] = []
        self.published: list[Any] = []
        self.warned: list[str] = []
        cgroup: Any = object()
        patch.setattr(module, "look", lambda looked_at: [looked_at])
        patch.setattr(module, "words", lambda looked: "5 of 6 MB" if looked == [cgroup] else "of another")
        patch.setattr(module, "descendants", lambda pid: [SimpleNamespace(pid=p) for p in self.families[pid]])
        patch.setattr(logger, "warning", self.warned.append)
        events: Any = SimpleNamespace(has_subscribers=subscribers, publish=self.published.append)
        journal: Any = SimpleNamespace(note=lambda *words: self.noted.append(words))
        table: Any = SimpleNamespace(processes=self.processes)
        self.kills = MemoryKills(lambda: self.count, start, cgroup, self.loop, table, journal, events)

    def program(self, name: str, pid: int | None, *children: int) -> None:
        self.processes[name] = SimpleNamespace(pid=pid)
        if pid is not None:
            self.families[pid] = set(children)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_process_that_was_killed_says_so(world: World) -> None:
    world.count = 1
    assert world.kills.blame(SIGKILL, False) == "killed by the kernel: out of memory (5 of 6 MB)"
    assert world.kills.blame(SIGKILL, False) == ""
    world.loop.advance(PATIENCE)
    assert world.warned == []
    assert world.kills.total == 1


@pytest.mark.parametrize(("status", "ours"), [(SIGTERM, False), (0, False), (SIGKILL, True)])
def test_another_end_takes_no_kill_for_itself(world: World, status: int, ours: bool) -> None:
    world.count = 1
    assert world.kills.blame(status, ours) == ""
    world.loop.advance(PATIENCE)
    assert world.warned == ["a process of this container was killed: out of memory (5 of 6 MB)"]


def test_a_kill_that_no_process_ended_by_is_told_with_those_who_have_lost_some(world: World) -> None:
    world.program("web", 10, 11, 12, 13)
    world.program("api", 20, 21)
    world.program("whole", 30, 31)
    world.program("resting", None)
    world.count = 3
    world.kills.look()
    world.families = {10: {11}, 20: set(), 30: {31, 32}}
    del world.processes["resting"]
    world.loop.advance(PATIENCE)
    reason = "3 processes of this container were killed: out of memory (5 of 6 MB)"
    assert world.warned == [f"{reason}; of its processes api has lost 1, web has lost 2"]
    assert world.noted == [(EVENT, "api, web", reason)]
    (event,) = world.published
    assert (event.type, event.payload) == (
        EventType.OUT_OF_MEMORY,
        {"reason": reason, "processes": ["api", "web"]},
    )
    world.loop.advance(10 * PATIENCE)
    assert len(world.warned) == 1


def test_a_program_that_has_ended_meanwhile_speaks_for_itself(world: World) -> None:
    world.program("web", 10, 11)
    world.count = 1
    world.kills.look()
    world.processes["web"].pid = None
    world.loop.advance(PATIENCE)
    assert world.warned == ["a process of this container was killed: out of memory (5 of 6 MB)"]


def test_a_line_names_no_more_than_it_may(world: World) -> None:
    for n in range(MOST_NAMES + 3):
        world.program(f"p{n:02}", 100 * (n + 1), 100 * (n + 1) + 1)
    world.count = 13
    world.kills.look()
    world.families = {pid: set() for pid in world.families}
    world.loop.advance(PATIENCE)
    assert world.warned[0].count("has lost 1") == MOST_NAMES
    assert "p09 has lost" in world.warned[0]


def test_who_is_no_subscriber_costs_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, subscribers=False)
    world.count = 1
    world.kills.look()
    world.loop.advance(PATIENCE)
    assert len(world.noted) == 1
    assert world.published == []


def test_the_second_kill_of_a_moment_waits_for_the_timer_of_the_first(world: World) -> None:
    world.count = 1
    world.kills.look()
    world.loop.advance(PATIENCE / 2)
    world.count = 2
    world.kills.look()
    assert len(world.loop.live) == 1
    world.loop.advance(PATIENCE / 2)
    assert world.warned == ["2 processes of this container were killed: out of memory (5 of 6 MB)"]
    world.count = 3
    world.kills.look()
    world.loop.advance(PATIENCE)
    assert len(world.warned) == 2


def test_what_is_closed_has_no_timer(world: World) -> None:
    world.kills.close()
    world.count = 1
    world.kills.look()
    world.kills.close()
    world.kills.close()
    assert world.loop.live == []


def test_what_was_counted_before_the_start_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, start=40)
    assert world.kills.total == 0
    world.count = 42
    world.kills.look()
    assert world.kills.total == 2
    world.count = 1  # another cgroup
    world.kills.look()
    assert world.kills.total == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("kill"), st.integers(1, 3)),
        st.tuples(st.just("end"), st.sampled_from([(SIGKILL, False), (SIGKILL, True), (SIGTERM, False)])),
        st.tuples(st.just("look"), st.none()),
        st.tuples(st.just("wait"), st.sampled_from([0.4, 1.0])),
        st.tuples(st.just("blind"), st.booleans()),
    ),
    max_size=30,
)


@given(steps=STEPS)
def test_every_kill_is_told_once(steps: list[tuple[str, Any]]) -> None:
    """And no SIGKILL of another cause is put down to memory beyond what the kernel has counted."""
    with pytest.MonkeyPatch.context() as patch:
        world = World(patch)
        killed = told = 0
        for what, value in [*steps, ("blind", False), ("look", None), ("wait", PATIENCE)]:
            if what == "kill":
                killed += value
            elif what == "end":
                told += bool(world.kills.blame(*value))
            elif what == "wait":
                world.loop.advance(value)
            elif what == "look":
                world.kills.look()
            world.count = None if (what, value) == ("blind", True) else killed
            assert told <= killed
        for line in world.warned:
            told += 1 if line.startswith("a process") else int(line.partition(" ")[0])
        assert told == killed == world.kills.total
        assert world.loop.live == []
