"""What it takes to run processes: a loop, a reaper and a spawner that belong together.

The daemon makes one for a process that is its own; an embedding application gets one per event loop, which
touches nothing of the application's.
"""

from __future__ import annotations

from supervice.lean.loop import running_loop
from supervice.pid1.reaper import PoliteReaper, Reaper
from supervice.pid1.spawn import Spawner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.lean.loop import EventLoop
    from supervice.pid1.reaper import AnyReaper


class Runtime:
    __slots__ = ("blame", "loop", "reaper", "spawner")

    def __init__(self, loop: EventLoop, reaper: AnyReaper, spawner: Spawner) -> None:
        self.loop = loop
        self.reaper = reaper
        self.spawner = spawner
        # Returns why a process that has just ended with this status was killed, if not by us; else "".
        self.blame: Callable[[int, bool], str] = lambda _status, _ours: ""


def own_runtime(loop: EventLoop) -> Runtime:
    """Returns one for a process in which every child is ours to collect."""
    return Runtime(loop, Reaper(loop), Spawner(exclusive=True, expendable=True))


def guest_runtime() -> Runtime:
    """Returns one for the running loop of an application that embeds us."""
    loop = running_loop()
    return Runtime(loop, PoliteReaper(loop), Spawner(exclusive=False))
