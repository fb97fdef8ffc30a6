"""What a program leaves is found beside the orphans of all others, of which there may be many."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace
from typing import Any

import pytest

from supervice.lean.loop import Loop
from supervice.pid1.belongings import MOST, Belongings
from supervice.pid1.child import CLEAR_GROUP, LOOKED_AT, Child
from supervice.pid1.leftovers import Stat, children_of, descendants, read_stat
from supervice.pid1.reaper import Reaper
from supervice.pid1.signals import SignalRouter
from supervice.pid1.subreaper import become_subreaper
from tests.eventually import eventually
from tests.process.harness.isolated import isolated
from tests.process.harness.turning import turn


class Field:
    """A loop that collects what is below this process, which is nothing else."""

    def __init__(self) -> None:
        assert become_subreaper()
        self.loop = Loop()
        self.reaper = Reaper(self.loop)
        self.router = SignalRouter(self.loop)
        self.router.handle(signal.SIGCHLD, lambda _signum: self.reaper.poll())


def sh(command: str) -> int:
    return os.posix_spawn("/bin/sh", ["sh", "-c", command], os.environ, setsid=True)


def ended(pid: int) -> bool:
    stat = read_stat(pid)
    return stat is None or stat.state == "Z"


def orphans(count: int) -> None:
    """As many that became our children later than all there are."""
    mother = sh(f"n=0; while [ $n -lt {count} ]; do sleep 1000 & n=$((n+1)); done")
    eventually(lambda: ended(mother))


@isolated
@pytest.mark.parametrize("count", [LOOKED_AT, MOST])
def test_what_is_left_of_a_group_is_found_among_any_number_of_newer_orphans(count: int) -> None:
    """Issue 17: beside a fork bomb it was not, and the next run of the program began beside what was left."""
    field = Field()
    found: list[list[Stat]] = []
    belongings = Belongings(field.reaper, ())

    class Owner:
        looked_at, unseen = float("-inf"), False

        def belongings(self) -> Belongings:
            return belongings

        def judge(self, _child: Child, left: list[Stat]) -> int:
            found.append(left)
            return CLEAR_GROUP

    gone: list[Child] = []
    runtime: Any = SimpleNamespace(loop=field.loop, reaper=field.reaper, blame=lambda *_: "")
    leader = sh("sleep 1000 & exit 1")
    eventually(lambda: ended(leader))
    orphans(count)
    Child(runtime, leader, gone.append, grace=5, owner=Owner())
    os.kill(os.getpid(), signal.SIGCHLD)
    turn(field.loop, lambda: gone)
    assert [stat.pgrp for stat in found[0]] == [leader]
    assert len(children_of(os.getpid()) or ()) >= count, "the others live"
    assert leader not in {stat.pgrp for stat in descendants(os.getpid())}
