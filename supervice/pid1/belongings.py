"""Finds the processes that belong to a program: all that it started, wherever that has gone since.

While the parents live, the line of parents says it. A process whose parent has ended becomes a child of ours
(PID 1, or a subreaper); then its group, its session and the variables that every program is started with say
whose it is. One that changed all of these, or whose environment we may not read (another user's, without
CAP_SYS_PTRACE), is recognized when it was seen below its program before.
"""

from __future__ import annotations

import os

from supervice.lean.builtin import signal
from supervice.pid1.leftovers import descendants, processes, read_stat
from supervice.pid1.signals import signal_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from supervice.pid1.leftovers import Stat
    from supervice.pid1.reaper import AnyReaper

# So many orphans are looked at, the newest first: in a storm of them a search must not hold up the loop.
MOST = 200


class Belongings:
    """What belongs to one program, over all of its runs; searched only when it is asked for."""

    __slots__ = ("_groups", "_marks", "_reaper", "_seen", "fresh")

    def __init__(self, reaper: AnyReaper, marks: tuple[str, ...]) -> None:
        """`marks`: variables, as NAME=VALUE, that all of its processes inherit and no other program has."""
        self._reaper = reaper
        self._marks = [b"\0%s\0" % os.fsencode(mark) for mark in marks]
        self._groups: set[int] = set()  # numbers of groups and sessions, during a search
        self._seen: set[tuple[int, int]] = set()  # (pid, started), of the last search
        self.fresh: list[Stat] = []  # what the last search found for the first time

    @property
    def any(self) -> bool:
        """Whether the last search found any."""
        return bool(self._seen)

    def find(self, *, group: int = 0, leader: int = 0, most: int = MOST, fresh: bool = True) -> list[Stat]:
        """Returns the processes that live, without the leader; they are known from now on.

        `group` is that of a leader that was reaped this moment, `leader` the pid of one that lives. Without
        `fresh`, in a storm of orphans, they may be those of some milliseconds ago.
        """
        self._trust(group, leader)
        found = {stat.pid: stat for stat in (descendants(leader) if leader else ())}
        for stat in list(self._roots(most, fresh)):
            found[stat.pid] = stat
            found.update((below.pid, below) for below in descendants(stat.pid))
        found.pop(leader, None)
        stats = list(found.values())
        self.fresh = [stat for stat in stats if (stat.pid, stat.started) not in self._seen]
        self._seen = {(stat.pid, stat.started) for stat in stats}
        return stats

    def kill_orphans(self) -> None:
        """Sends SIGKILL at once to those that are children of ours by now, without writing them down first.

        What forks and ends faster than `find` and a descriptor take is met by this. A child of ours keeps its
        number until we reap it, which is not before the next turn.
        """
        self._trust()
        for pid in reversed(self._reaper.strangers(fresh=True) or ()):
            if self._has_marks(pid) or ((stat := read_stat(pid)) is not None and self._has_number(stat)):
                signal_process(pid, signal.SIGKILL)

    def _roots(self, most: int, fresh: bool) -> Iterator[Stat]:
        """The processes whose parents are no longer the program's."""
        strangers = self._reaper.strangers(fresh=fresh)
        if strangers is None:  # orphans do not come to us: only their numbers say whose they are
            yield from (stat for stat in processes() if self._has_number(stat))
            return
        for pid in reversed(strangers[-most:]):
            stat = read_stat(pid)
            if (
                stat is not None
                and stat.state not in "ZX"
                and (self._has_number(stat) or self._has_marks(pid))
            ):
                yield stat

    def _has_number(self, stat: Stat) -> bool:
        groups = self._groups
        return (stat.pid, stat.started) in self._seen or stat.pgrp in groups or stat.session in groups

    def _trust(self, *numbers: int) -> None:
        """Takes as the program's these numbers, and those of groups and sessions with a member seen before.

        As long as it is there, a zombie too, the number is given to no other group; without one it may be
        another's by now.
        """
        self._groups = set(numbers)
        for pid, started in self._seen:
            stat = read_stat(pid)
            if stat is not None and stat.started == started:
                self._groups.update((stat.pgrp, stat.session))
        self._groups.difference_update((0, os.getsid(0), os.getpgrp()))

    def _has_marks(self, pid: int) -> bool:
        try:
            with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
                text = b"\0%s" % file.read()
        except OSError:
            return False
        return bool(self._marks) and all(mark in text for mark in self._marks)


def names_of(stats: Iterable[Stat], most: int = 10) -> str:
    """Writes them for people: `nginx (pid 9), sh (pid 12) and 3 more`."""
    every = list(stats)
    words = ", ".join([f"{stat.name} (pid {stat.pid})" for stat in every[:most]])
    return f"{words} and {len(every) - most} more" if len(every) > most else words
