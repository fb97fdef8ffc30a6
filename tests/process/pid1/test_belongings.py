"""What a program leaves is found beside the orphans of all others, of which there may be many."""

from __future__ import annotations

import os
import signal

import pytest

from supervice.pid1.belongings import MOST
from supervice.pid1.child import LOOKED_AT
from supervice.pid1.leftovers import children_of, descendants, read_stat
from tests.eventually import eventually
from tests.process.harness.field import Field, Leader
from tests.process.harness.isolated import isolated
from tests.process.harness.turning import turn


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
    """Beside a fork bomb it was not, and the next run of the program began beside what was left."""
    field = Field()
    leader = sh("sleep 1000 & exit 1")
    eventually(lambda: ended(leader))
    orphans(count)
    end = Leader(field, leader)
    os.kill(os.getpid(), signal.SIGCHLD)
    turn(field.loop, lambda: end.gone)
    assert [stat.pgrp for stat in end.left[0]] == [leader]
    assert len(children_of(os.getpid()) or ()) >= count, "the others live"
    assert leader not in {stat.pgrp for stat in descendants(os.getpid())}
