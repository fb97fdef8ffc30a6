"""The owner of a second driver: what that driver reports is no change of the process (see `overlap`)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from supervice.lifecycle.states import Announce
    from supervice.pid1.belongings import Belongings
    from supervice.pid1.child import Child
    from supervice.pid1.leftovers import Stat

    class SideHost(Protocol):
        """The process, which knows what all of its runs have left."""

        looked_at: float
        unseen: bool

        def belongings(self) -> Belongings: ...
        def judge(self, child: Child, left: list[Stat]) -> int: ...


class SecondOwner:
    def __init__(self, seen: Callable[[SecondOwner, Announce | None], object], host: SideHost) -> None:
        self._seen = seen
        self._host = host

    def changed(self, change: Announce) -> None:
        self._seen(self, change)

    def condition_changed(self) -> None:
        self._seen(self, None)

    def before_stop(self, child: Child) -> None:
        """Does nothing: age tells its processes from those of the present run."""

    def may_end(self, child: Child) -> bool:
        return True

    # -- what its leader leaves behind -------------------------------------------------------------------

    @property
    def looked_at(self) -> float:
        return self._host.looked_at

    @looked_at.setter
    def looked_at(self, when: float) -> None:
        self._host.looked_at = when

    @property
    def unseen(self) -> bool:
        return self._host.unseen

    @unseen.setter
    def unseen(self, unseen: bool) -> None:
        self._host.unseen = unseen

    def belongings(self) -> Belongings:
        return self._host.belongings()

    def judge(self, child: Child, left: list[Stat]) -> int:
        return self._host.judge(child, left)
