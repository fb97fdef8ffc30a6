"""Facts about processes, read from /proc: for tests that look at a daemon from outside."""

from __future__ import annotations

import ctypes
import os
import time

PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """What a supervisor leaves behind becomes our child, so that we can end it."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def read(path: str) -> str:
    """The text of the file; empty when the process has gone."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def state(pid: int) -> str:
    """The kernel's letter for what the process does: "T" is stopped, "Z" a zombie; empty when it has gone."""
    return "".join(read(f"/proc/{pid}/stat").rpartition(")")[2].split()[:1])


def family() -> dict[int, tuple[int, str]]:
    """{pid: (parent, state letter)} of all processes."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = read(f"/proc/{name}/stat").rpartition(")")[2].split()
            if fields:
                found[int(name)] = (int(fields[1]), fields[0])
    return found


def descendants(root: int, table: dict[int, tuple[int, str]] | None = None) -> list[int]:
    """All processes below `root`, zombies too, without `root`."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _state) in (family() if table is None else table).items():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    queue = [root]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of one process, in seconds with the resolution of nanoseconds; 0.0 when it has gone."""
    try:
        # The kernel's number for the CPU clock of a process: clock_getcpuclockid(3).
        return time.clock_gettime_ns(((~pid) << 3) | 2) / 1e9
    except OSError:
        return 0.0


def memory_kib(pid: int) -> dict[str, int]:
    """`pss`, `rss`, `private` and `anonymous` in KiB; only the last does not depend on who else maps the same files."""
    found = {"pss": 0, "rss": 0, "private": 0, "anonymous": 0}
    for line in read(f"/proc/{pid}/smaps_rollup").splitlines():
        name, _, value = line.partition(":")
        if name in ("Pss", "Rss", "Anonymous"):
            found[name.lower()] = int(value.split()[0])
        elif name.startswith("Private_"):
            found["private"] += int(value.split()[0])
    return found


def threads(pid: int) -> int:
    return _count(f"/proc/{pid}/task")


def descriptors(pid: int) -> int:
    return _count(f"/proc/{pid}/fd")


def _count(folder: str) -> int:
    try:
        return len(os.listdir(folder))
    except OSError:
        return 0


def voluntary_switches(pid: int) -> int:
    """How often its threads went to sleep by themselves: each is one wake-up later."""
    total = 0
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return 0
    for task in tasks:
        for line in read(f"/proc/{pid}/task/{task}/status").splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total


def sleeps(pid: int) -> bool:
    """Whether nothing wakes it in 1.5 s."""
    before = voluntary_switches(pid)
    time.sleep(1.5)  # what is measured is that nothing happens in this time
    return voluntary_switches(pid) == before


def executable(pid: int) -> str:
    """The base name of what it runs; empty for a zombie or when it has gone."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")).removesuffix(" (deleted)")
    except OSError:
        return ""
