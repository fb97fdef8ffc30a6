"""Reads what processes use: CPU time, memory and descriptors of each program with all that it started.

Read when a client asks, never in the background. A value that the kernel does not show us is None, not 0:
without CAP_SYS_PTRACE (Docker's default) it shows root the proportional memory of no other user's process.
"""

from __future__ import annotations

import os

from supervice.lean.dataclasses import dataclass, replace
from supervice.lean.loop import paced
from supervice.pid1.leftovers import descendants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from supervice.lean.loop import EventLoop

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """The usage of one program with its descendants; memory in bytes."""

    processes: int = 0
    cpu_seconds: float = 0.0  # with children that have ended and were waited for
    memory: int | None = None
    exact: bool = True  # each page counts once; else shared pages are left out, and some count twice
    fds: int | None = None


class _Stat:
    """The part of /proc/PID/stat that is used here."""

    __slots__ = ("cpu", "group", "parent", "session")

    def __init__(self, text: bytes) -> None:
        # the name may hold blanks and brackets
        fields = text[text.rindex(b")") + 2 :].split(b" ", 16)
        self.parent, self.group, self.session = int(fields[1]), int(fields[2]), int(fields[3])
        self.cpu = int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])


async def look(loop: EventLoop, leaders: Collection[int]) -> dict[int, Usage]:
    """Returns what each leader uses with all that it started; leaders that have ended are left out."""
    stats: dict[int, _Stat] = {}
    async for name in paced(loop, os.listdir("/proc")):
        if name.isdigit():
            text = _read(f"/proc/{name}/stat")
            if text and text[text.rindex(b")") + 2 :][:1] not in (b"Z", b"X"):
                stats[int(name)] = _Stat(text)
    families = _families(stats, leaders)
    found: dict[int, Usage] = {}
    async for pid, leader in paced(loop, families.items()):
        more = _usage(pid, stats[pid].cpu)
        if more is not None:
            found[leader] = more if leader not in found else _sum(found[leader], more)
    return {leader: usage for leader, usage in found.items() if leader in stats}


async def look_at(loop: EventLoop, leader: int) -> Usage | None:
    """Returns what one leader uses with its descendants, found without looking at all processes."""
    found: Usage | None = None
    async for pid in paced(loop, [leader, *(stat.pid for stat in descendants(leader))]):
        text = _read(f"/proc/{pid}/stat")
        more = _usage(pid, _Stat(text).cpu) if text else None
        if more is not None:
            found = more if found is None else _sum(found, more)
    return found


def _families(stats: Mapping[int, _Stat], leaders: Collection[int]) -> dict[int, int]:
    """Returns each process of a program with its leader.

    The chain of parents tells; where that ends at us, the session or group, whose number is the leader's.
    """
    leaders = set(leaders)
    known: dict[int, int] = {}  # 0: of no program
    for start in stats:
        line, pid = [], start
        while pid not in known and pid not in leaders and pid in stats and pid not in line:
            line.append(pid)
            pid = stats[pid].parent
        owner = pid if pid in leaders else known.get(pid, 0)
        for member in reversed(line):
            stat = stats[member]
            if not owner:
                owner = next((n for n in (stat.session, stat.group) if n in leaders), 0)
            known[member] = owner
        if start in leaders:
            known[start] = start
    return {pid: owner for pid, owner in known.items() if owner}


def _sum(one: Usage, other: Usage) -> Usage:
    """Adds two values; unknown and known together are unknown."""
    return Usage(
        one.processes + other.processes,
        one.cpu_seconds + other.cpu_seconds,
        None if one.memory is None or other.memory is None else one.memory + other.memory,
        one.exact and other.exact,
        None if one.fds is None or other.fds is None else one.fds + other.fds,
    )


def _usage(pid: int, ticks: int) -> Usage | None:
    """Returns None for a process that has ended meanwhile: its usage is not unknown, it is nothing."""
    memory, fds = _proportional(pid), _descriptors(pid)
    exact = memory is not None
    if memory is None or fds is None:
        private = _private(pid)
        if private is None:
            return None
        memory = memory if exact else private
    return Usage(1, ticks / _TICKS, memory, exact, fds)


def _proportional(pid: int) -> int | None:
    """Returns the memory of a process, counting a page that n processes share as one nth."""
    text = _read(f"/proc/{pid}/smaps_rollup")
    start = text.find(b"\nPss:")
    if start < 0:
        return None
    return int(text[start + 5 :].split(None, 1)[0]) * 1024


def _private(pid: int) -> int | None:
    """Returns the resident memory without the pages of files and shared memory; None for an ended process.

    Every user may read it, and a zombie has no memory at all: proc(5), /proc/PID/statm.
    """
    fields = _read(f"/proc/{pid}/statm").split()
    return (int(fields[1]) - int(fields[2])) * _PAGE if len(fields) > 2 and fields[0] != b"0" else None


def _descriptors(pid: int) -> int | None:
    path = f"/proc/{pid}/fd"
    try:
        # since Linux 6.2 the size of the directory, which needs no right to look into it
        return os.stat(path).st_size or len(os.listdir(path))
    except OSError:
        return None


def _read(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, 4096)
    except OSError:  # it has ended meanwhile, or is not ours to look at
        return b""
    finally:
        os.close(fd)


def fit(usages: Mapping[int, Usage], most: int | None) -> dict[int, Usage]:
    """Returns the usages reduced so that together they have no more memory than the container, `most`.

    Forked processes share pages that an estimate counts for each, so estimates are scaled; exact values are
    not.
    """
    known = [usage for usage in usages.values() if usage.memory is not None]
    rough = sum(usage.memory or 0 for usage in known if not usage.exact)
    left = None if most is None else max(0, most - sum(usage.memory or 0 for usage in known if usage.exact))
    if left is None or rough <= left:
        return dict(usages)
    return {
        pid: usage
        if usage.exact or usage.memory is None
        else replace(usage, memory=usage.memory * left // rough)
        for pid, usage in usages.items()
    }
