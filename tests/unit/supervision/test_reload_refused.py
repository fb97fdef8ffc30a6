"""A reload that breaks off: what was stopped for it comes back, and the log says why (no children)."""

from __future__ import annotations

from typing import Any

import pytest

from supervice.lean.dataclasses import replace
from supervice.lean.loop import running_loop, sleep
from supervice.lifecycle.states import RUNNING, STARTING, STOPPED, STOPPING
from tests.fakes.loop import VirtualLoop
from tests.fakes.reloading import World, one


def run(story: Any) -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(story)
    finally:
        loop.close()


def stops(process: Any) -> None:
    """It ends a moment after it was told to."""

    def request_stop(**_how: Any) -> None:
        process.become(STOPPING)
        running_loop().call_later(0.1, process.become, STOPPED)

    process.request_stop = request_stop


def test_one_that_cannot_be_stopped_leaves_no_other_down() -> None:
    """Nothing is reloaded then, so what ran or was to start does so again, with its old settings."""
    needs = (("a", "started"),)
    late = one("late", depends_on=(("never", "started"),))
    it = World(
        one("a"), one("changed", depends_on=needs), one("other"), one("stuck"), one("off"), one("held"),
        one("never", autostart=False), late,
    )  # fmt: skip

    async def story() -> None:
        it.begin()
        processes = it.table.processes
        for name in ("changed", "other", "held"):
            stops(processes[name])
        for name in ("late", "off", "never"):
            processes[name].become(STOPPED)
        it.startup.request([processes["late"]], "asked")
        processes["never"].become(STOPPED)
        assert it.startup.is_waiting(processes["late"])
        old = {name: process.config for name, process in processes.items()}
        it.file = [
            replace(old["changed"], command="y", depends_on=()),
            replace(late, command="y"),
            replace(old["off"], command="y"),
            old["never"],
        ]
        task = it.reload()
        await sleep(running_loop(), 0.05)
        it.table.hold(["held"])  # an operator stops it meanwhile
        with pytest.raises(ValueError, match=r"^cannot be stopped, not even with SIGKILL: a, stuck$"):
            await task
        assert it.applied == []
        assert {name: process.config for name, process in processes.items()} == old
        assert it.table.leaving == set()
        assert it.startup.is_waiting(processes["late"])
        processes["a"].become(STOPPED)  # at last
        await sleep(running_loop(), 0.0)
        states = {name: process.state for name, process in processes.items()}
        assert states["other"] == STARTING
        assert processes["other"].trigger == "reload: not applied"
        assert (states["off"], states["held"], states["stuck"]) == (STOPPED, STOPPED, STOPPING)
        processes["a"].become(RUNNING)
        await sleep(running_loop(), 0.0)
        assert processes["changed"].state == STARTING

    run(story())
