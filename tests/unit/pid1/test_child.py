"""A run of a program that has ended: when it is looked for what has left its group."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from supervice.pid1 import child as child_module
from supervice.pid1.child import LOOK_AGAIN, Child

# No process has this number: the kernel's limit is 2 ** 22.
PID = 2**22 + 1


class Field:
    """A loop, a reaper and an owner; counts the looks at the children of this process."""

    def __init__(self) -> None:
        self.now = 100.0
        self.looks = 0
        self.loop = SimpleNamespace(time=lambda: self.now)
        self.reaper: Any = self
        self.ended: Any = None
        self.old = False  # of the list of strangers
        self.fresh = False  # whether the last one had to be
        self.gone: list[Child] = []
        self.owner: Any = SimpleNamespace(looked_at=float("-inf"), unseen=False)

    def blame(self, _status: int, _ours: bool) -> str:
        return ""

    def register(self, _pid: int, ended: Any, _last_words: Any) -> None:
        self.ended = ended

    def knows(self, _pid: int) -> bool:
        return False

    def strangers(self, *, fresh: bool = False) -> list[int]:
        self.looks += 1
        self.fresh = fresh
        return []

    def run(self, *, stopped: bool = False) -> None:
        runtime: Any = self
        child = Child(runtime, PID, self.gone.append, grace=1, owner=self.owner)
        if stopped:
            child.signal(15, group=True, stop=True)
        self.ended(1)
        assert self.gone.pop() is child


def test_a_crash_loop_is_not_looked_at_each_time() -> None:
    """A look takes a fifth of what a respawn takes."""
    field = Field()
    field.run()
    assert (field.looks, field.owner.unseen) == (1, False)
    for _ in range(10):
        field.now += 0.1
        field.run()
    assert (field.looks, field.owner.unseen) == (1, True)
    field.now += LOOK_AGAIN
    field.run()
    assert (field.looks, field.owner.unseen) == (2, False)


def test_a_stop_always_looks() -> None:
    field = Field()
    field.run()
    assert not field.fresh
    field.run(stopped=True)
    assert (field.looks, field.owner.unseen, field.fresh) == (2, False, True)


def test_a_list_that_was_made_before_shows_nothing_of_this_run() -> None:
    field = Field()
    field.old = True
    field.run()
    assert (field.looks, field.owner.unseen) == (1, True)


def test_the_group_of_a_successor_is_its_own_only_while_it_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a member a number may be that of another program's group."""
    field, moved, sent = Field(), [], []  # type: tuple[Field, list[int], list[tuple[int, int]]]
    successor = SimpleNamespace(pid=PID + 1, started=7, ppid=os.getpid(), pgrp=PID, session=PID)
    group = {PID + 1: PID}
    monkeypatch.setattr(child_module, "read_stat", lambda _pid: successor)
    monkeypatch.setattr(os, "getpgid", group.__getitem__)

    def signal_group(number: int, signum: int) -> bool:
        sent.append((number, signum))
        return True

    monkeypatch.setattr(child_module, "signal_group", signal_group)
    runtime: Any = field
    child = Child(
        runtime, PID, field.gone.append, grace=1, owner=None, moved=lambda _child, old: moved.append(old)
    )
    child.successor = successor  # type: ignore[assignment]
    field.ended(0)
    assert (moved, child.pid) == ([PID], PID + 1)
    assert child.signal(1, group=True)
    group[PID + 1] = PID + 1
    assert child.signal(1, group=True)
    assert sent == [(PID, 1), (PID + 1, 1)]


def test_a_pid_that_was_given_anew_is_no_successor(monkeypatch: pytest.MonkeyPatch) -> None:
    field = Field()
    now = SimpleNamespace(pid=PID + 1, started=8, ppid=os.getpid(), pgrp=PID, session=PID)
    monkeypatch.setattr(child_module, "read_stat", lambda _pid: now)
    runtime: Any = field
    child = Child(runtime, PID, field.gone.append, grace=1, owner=None, moved=lambda *_: None)
    child.successor = SimpleNamespace(pid=PID + 1, started=7)  # type: ignore[assignment]
    field.ended(0)
    assert field.gone == [child]
