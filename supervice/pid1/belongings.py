"""Finds the processes that belong to a program: all that it started, wherever they have gone since.

While a parent lives, the chain of parents tells. A process whose parent has ended becomes a child of ours
(PID 1, or a subreaper); then its group, its session and the variables that every program is started with tell
whose it is. A process that changed all of these, or whose environment we may not read (another user's,
without CAP_SYS_PTRACE), is recognized when it was seen below its program before.
"""

from __future__ import annotations

import os

from supervice.lean.builtin import signal
from supervice.pid1.leftovers import ONCE_MORE, descendants, look_through, processes, read_stat
from supervice.pid1.signals import signal_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from supervice.pid1.leftovers import Stat
    from supervice.pid1.reaper import AnyReaper

# The most orphans whose variables are read, newest first: in a storm of them a search must not hold up the
# loop. Groups and sessions are compared for all, which takes a microsecond each.
MOST = 200


class Belongings:
    """The processes of one program, over all of its runs; searched only when asked for."""

    __slots__ = ("_groups", "_marks", "_reaper", "_seen", "certain", "fresh")

    def __init__(self, reaper: AnyReaper, marks: tuple[str, ...]) -> None:
        """`marks`: variables, as NAME=VALUE, that all of its processes inherit and no other program has."""
        self._reaper = reaper
        self._marks = [b"\0%s\0" % os.fsencode(mark) for mark in marks]
        self._groups: set[int] = set()  # numbers of groups and sessions, during a search
        self._seen: set[tuple[int, int]] = set()  # (pid, started), of the last search
        self.fresh: list[Stat] = []  # what the last search found for the first time
        self.certain = False  # whether there was nothing when the last search found nothing

    @property
    def any(self) -> bool:
        """Returns whether there may be any; looks once more when the last search could not tell."""
        if not self._seen and not self.certain:
            self.find()
        return bool(self._seen) or not self.certain

    def find(self, *, group: int = 0, leader: int = 0, most: int = MOST, fresh: bool = True) -> list[Stat]:
        """Returns the living processes, without the leader; they are remembered.

        `group` is that of a leader that was reaped this moment, `leader` the pid of a living one. Without
        `fresh`, in a storm of orphans, the answer may be some milliseconds old.
        """
        self._trust(group, leader)
        self.certain = fresh
        if fresh and not leader:
            stats, certain = look_through(
                lambda: self._search(leader, most, fresh=True), lambda: self._reaper.strangers(fresh=True)
            )
            self.certain = self.certain and certain
        else:
            stats = self._search(leader, most, fresh)
        self.fresh = [stat for stat in stats if (stat.pid, stat.started) not in self._seen]
        self._seen = {(stat.pid, stat.started) for stat in stats}
        return stats

    def _search(self, leader: int, most: int, fresh: bool) -> list[Stat]:
        found = {stat.pid: stat for stat in (descendants(leader) if leader else ())}
        for stat in list(self._roots(most, fresh)):
            found[stat.pid] = stat
            found.update((below.pid, below) for below in descendants(stat.pid))
        found.pop(leader, None)
        return list(found.values())

    def kill_orphans(self) -> None:
        """Sends SIGKILL at once to those that are our children by now, without recording them first.

        This catches what forks and ends faster than `find` and a descriptor take; children that change
        meanwhile are listed once more. A child of ours keeps its number until we reap it, in the next turn at
        the earliest.
        """
        self._trust()
        done: set[int] = set()
        for _ in range(ONCE_MORE):
            new = [pid for pid in self._reaper.strangers(fresh=True) or () if pid not in done]
            for pid in reversed(new):
                stat = read_stat(pid)
                if stat is not None and stat.state not in "ZX" and self._is_its_own(stat):
                    signal_process(pid, signal.SIGKILL)
            if not new:
                break
            done.update(new)

    def _roots(self, most: int, fresh: bool) -> Iterator[Stat]:
        """Returns the processes whose parents no longer belong to the program."""
        strangers = self._reaper.strangers(fresh=fresh)
        if strangers is None:  # orphans do not come to us: only their numbers say whose they are
            yield from (stat for stat in processes() if self._has_number(stat))
            return
        near = self._with_number(strangers[:-most]) + strangers[-most:]
        for pid in reversed(near):
            stat = read_stat(pid)
            if stat is not None and stat.state not in "ZX" and self._is_its_own(stat):
                yield stat

    def _is_its_own(self, stat: Stat) -> bool:
        if self._has_number(stat):
            return True
        text = _environment(stat.pid)
        if text is None or not self._marks:
            return False
        if all(mark in b"\0%s" % text for mark in self._marks):
            return True
        if not 0 <= stat.environment <= len(text):
            # It is in exec or about to end, and has no environment: whose it is shows later.
            again = read_stat(stat.pid)
            if again is not None and again.state not in "ZX":
                self.certain = False
        return False

    def _with_number(self, pids: list[int]) -> list[int]:
        """Returns those that have been seen, or are in one of its groups and sessions."""
        groups, seen = self._groups, {pid for pid, _ in self._seen}
        if not groups and not seen:
            return []
        found = []
        for pid in pids:
            try:
                if pid in seen or os.getpgid(pid) in groups or os.getsid(pid) in groups:
                    found.append(pid)
            except ProcessLookupError:
                continue
        return found

    def _has_number(self, stat: Stat) -> bool:
        groups = self._groups
        return (stat.pid, stat.started) in self._seen or stat.pgrp in groups or stat.session in groups

    def _trust(self, *numbers: int) -> None:
        """Records these numbers as the program's, and those of groups and sessions with a known member.

        While a member lives, even as a zombie, no other group can get the number; without one it may be
        another's by now.
        """
        self._groups = set(numbers)
        for pid, started in self._seen:
            stat = read_stat(pid)
            if stat is not None and stat.started == started:
                self._groups.update((stat.pgrp, stat.session))
        self._groups.difference_update((0, os.getsid(0), os.getpgrp()))


def _environment(pid: int) -> bytes | None:
    """Returns the beginning of the environment that it was started with; None when we may not read it."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
            return file.read()
    except ProcessLookupError:  # so newer kernels; older ones give nothing
        return b""
    except OSError:
        return None


def names_of(stats: Iterable[Stat], most: int = 10) -> str:
    """Returns them for people: `nginx (pid 9), sh (pid 12) and 3 more`."""
    every = list(stats)
    words = ", ".join([f"{stat.name} (pid {stat.pid})" for stat in every[:most]])
    return f"{words} and {len(every) - most} more" if len(every) > most else words
