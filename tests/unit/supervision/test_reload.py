"""Reloads among fake processes: what is touched, when, and what others may do meanwhile (no children)."""

from __future__ import annotations

from typing import Any

import pytest

from supervice import logger
from supervice.lean.dataclasses import replace
from supervice.lean.loop import Loop
from supervice.lifecycle.exit_policy import Verdict
from supervice.lifecycle.states import RUNNING, STARTING, STOPPED, STOPPING
from supervice.supervision.reload import TOO_LATE
from supervice.supervision.termination import Overtaken
from tests.fakes.reloading import World, one, turns


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for level in ("info", "warning"):
        monkeypatch.setattr(logger, level, lambda _text: None)


def run(story: Any) -> None:
    loop = Loop()
    try:
        loop.run_until_complete(story)
    finally:
        loop.close()


def test_what_is_stopped_for_a_reload_is_marked_as_long_as_that_takes() -> None:
    it = World(one("a"), one("b"), one("c"))

    async def story() -> None:
        it.begin()
        it.file = [one("a"), replace(one("b"), command="y"), one("d")]
        task = it.reload()
        await turns()
        assert it.table.leaving == {"b", "c"}
        assert it.applied == []
        b, c = it.table.processes["b"], it.table.processes["c"]
        it.startup.request([b], "asked", by_hand=True)  # an operator's start comes too early and is not lost
        c.become(STOPPED)
        b.become(STOPPED)
        result = await task
        assert it.table.leaving == set()
        assert (result.added, result.removed, result.changed) == (["d"], ["c"], ["b"])
        assert list(it.table.processes) == ["a", "b", "d"]
        assert [config.name for config in it.table.available] == ["a", "b", "d"]
        assert c.closed
        assert it.applied == [["a", "b", "d"]]
        assert b.config.command == "y"
        await turns()
        assert [p.state for p in it.table.processes.values()] == [RUNNING, STARTING, STARTING]

    run(story())


def test_t11_changed_programs_that_have_nothing_to_do_with_each_other_do_not_wait() -> None:
    needs = (("a", "started"),)
    it = World(one("a"), one("needs_a", depends_on=needs), one("slow"), one("slowest"))

    async def story() -> None:
        it.begin()
        it.file = [
            one("a", umask=0o22),
            one("needs_a", depends_on=needs, umask=0o22),
            one("slow", umask=0o22),
            one("new"),
        ]
        task = it.reload()
        await turns()
        processes = it.table.processes
        assert {name: p.state for name, p in processes.items()} == {
            "a": RUNNING,  # what is removed is gone first: its port may be meant for another
            "needs_a": RUNNING,
            "slow": RUNNING,
            "slowest": STOPPING,
        }
        processes["slowest"].become(STOPPED)
        await turns()
        assert (processes["needs_a"].state, processes["slow"].state) == (STOPPING, STOPPING)
        assert (processes["a"].state, processes["new"].state) == (RUNNING, STARTING)
        processes["needs_a"].become(STOPPED)
        await turns()
        processes["a"].become(STOPPED)
        await turns()
        assert processes["a"].state == STARTING
        assert processes["a"].config.umask == 0o22
        assert (processes["slow"].state, it.table.leaving) == (STOPPING, {"slow"})
        processes["slow"].become(STOPPED)
        await task
        assert processes["slow"].state == STARTING

    run(story())


def test_two_reloads_come_one_after_the_other_and_no_idle_moment_between_them_is_the_end() -> None:
    it = World(one("a"))

    async def story() -> None:
        it.begin()
        it.file = [replace(one("a"), command="y")]
        first = it.reload()
        await turns()
        it.file = [replace(one("a"), command="z")]
        second = it.reload()
        await turns()
        assert it.table.leaving == {"a"}
        it.table.processes["a"].become(STOPPED)
        assert (await first).changed == ["a"]
        it.table.processes["a"].become(RUNNING)
        await turns()
        assert it.table.leaving == {"a"}
        it.table.processes["a"].become(STOPPED)
        await second
        assert it.table.processes["a"].config.command == "z"
        await turns()
        assert not it.termination.stopping
        assert it.table.processes["a"].state == STARTING

    run(story())


def test_none_slips_in_before_one_that_waits_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    it = World(one("a"))
    begun: list[Any] = []
    over: list[int] = []

    def begin(*_: object) -> None:
        number = len(begun)
        begun.append(it.reload())
        begun[-1].add_done_callback(lambda _: over.append(number))

    async def story() -> None:
        it.begin()
        it.file = [replace(one("a"), command="y")]
        begin()
        await turns()
        begin()
        await turns()
        monkeypatch.setattr(logger, "info", lambda _text: begin() if len(begun) == 2 else None)
        it.table.processes["a"].become(STOPPED)
        await turns(20)
        assert over == [0, 1, 2]

    run(story())


def test_what_is_removed_or_changed_stops_in_order_though_what_links_it_stays() -> None:
    it = World(one("a"), one("b", depends_on=(("a", "started"),)), one("c", depends_on=(("b", "started"),)))

    async def story() -> None:
        it.begin()
        it.file = [it.file[1]]
        task = it.reload()
        await turns()
        a, c = it.table.processes["a"], it.table.processes["c"]
        assert (a.state, c.state) == (RUNNING, STOPPING)
        c.become(STOPPED)
        await turns()
        assert a.state == STOPPING
        a.become(STOPPED)
        assert (await task).removed == ["a", "c"]

    run(story())


def test_a_removal_of_all_that_ran_is_the_end_once_it_is_done() -> None:
    it = World(one("a"), one("hand", autostart=False))

    async def story() -> None:
        it.begin()
        it.table.processes["hand"].become(STOPPED)
        it.file = [one("hand", autostart=False)]
        task = it.reload()
        await turns()
        it.table.processes["a"].become(STOPPED)
        await turns(1)
        await task
        await turns()
        assert it.termination.stopping

    run(story())


def test_d10_a_reload_that_takes_every_program_away_wants_to_be_forced() -> None:
    it = World(one("a"), one("b"))

    async def story() -> None:
        it.begin()
        it.file = []
        with pytest.raises(ValueError, match=r"no programs any more.*supervicectl reload --force"):
            await it.reload()
        assert {process.state for process in it.table.processes.values()} == {RUNNING}
        task = it.reload(force=True)
        await turns()
        assert {process.state for process in it.table.processes.values()} == {STOPPING}
        for process in list(it.table.processes.values()):
            process.become(STOPPED)
        await turns(1)
        assert (await task).removed == ["a", "b"]

    run(story())


def test_a_shutdown_overtakes_a_reload_before_and_while_it_stops() -> None:
    it = World(one("a"))

    async def story() -> None:
        it.begin()
        it.file = []
        task = it.reload(force=True)
        await turns()
        it.termination.request(Verdict(0, "the end"))
        it.table.processes["a"].become(STOPPED)
        with pytest.raises(Overtaken):
            await task
        assert list(it.table.processes) == ["a"]
        assert it.applied == []
        with pytest.raises(Overtaken, match=TOO_LATE):
            await it.reload(force=True)
        assert (await it.reloader.reload(dry_run=True, force=False)).removed == ["a"]

    run(story())


def test_the_foreground_command_stands_in_no_file_and_stays() -> None:
    it = World(one("a"), one("main", autostart=False))

    async def story() -> None:
        it.table.processes["main"].foreground = ["sh"]
        it.begin()
        it.file = [one("b"), one("a")]
        await it.reload(force=True)
        assert list(it.table.processes) == ["b", "a", "main"]
        it.file = [one("a"), one("main")]
        with pytest.raises(ValueError, match=r"\[program:main\] cannot be main beside the command"):
            await it.reload(force=True)
        assert list(it.table.processes) == ["b", "a", "main"]

    run(story())
