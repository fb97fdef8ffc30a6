"""A loop in the test process that collects what is below it, and what is left of a group when its leader ends."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import Any

from supervice.lean.loop import Loop
from supervice.pid1.belongings import Belongings
from supervice.pid1.child import CLEAR_GROUP, Child
from supervice.pid1.leftovers import Stat
from supervice.pid1.reaper import Reaper
from supervice.pid1.signals import SignalRouter
from supervice.pid1.subreaper import become_subreaper


class Field:
    """For an isolated test: no other process is below this one."""

    def __init__(self) -> None:
        assert become_subreaper()
        self.loop = Loop()
        self.reaper = Reaper(self.loop)
        self.router = SignalRouter(self.loop)
        self.router.handle(signal.SIGCHLD, lambda _signum: self.reaper.poll())


class Leader:
    """The end of a leader: `left` are those whose group is cleared, `gone` holds it when that is done."""

    looked_at, unseen = float("-inf"), False

    def __init__(self, field: Field, pid: int) -> None:
        self.left: list[list[Stat]] = []
        self.gone: list[Child] = []
        self._belongings = Belongings(field.reaper, ())
        runtime: Any = SimpleNamespace(loop=field.loop, reaper=field.reaper, blame=lambda *_: "")
        Child(runtime, pid, self.gone.append, grace=5, owner=self)

    def belongings(self) -> Belongings:
        return self._belongings

    def judge(self, _child: Child, left: list[Stat]) -> int:
        self.left.append(left)
        return CLEAR_GROUP
