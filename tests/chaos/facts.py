"""What /proc says, for those who check the daemon's word. A process is its pid and its start: pids are used again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from tests.chaos import scene

PID1 = 1


class Seen(NamedTuple):
    pid: int
    start: int  # ticks since the machine started


def _stat(pid: int) -> tuple[str, int, int, int] | None:
    """State, parent, session, start; None when there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1]), int(fields[3]), int(fields[19])


def seen(pid: int | None) -> Seen | None:
    """The process that has this pid now, a dead one that is not collected too."""
    stat = _stat(pid) if pid else None
    return Seen(pid or 0, stat[3]) if stat else None


def lives(process: Seen | None) -> bool:
    stat = _stat(process.pid) if process else None
    return stat is not None and process is not None and stat[3] == process.start and stat[0] not in "ZX"


def all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def zombies() -> list[int]:
    """The dead that PID 1 has not collected."""
    stats = [(pid, _stat(pid)) for pid in all_pids()]
    return [pid for pid, stat in stats if stat and stat[0] == "Z" and stat[1] == PID1]


def others() -> list[int]:
    """Every live process but PID 1 and this one."""
    return [pid for pid in all_pids() if pid not in (PID1, os.getpid()) and lives(seen(pid))]


def named(pid: int) -> str:
    """What `status` calls the program that it belongs to; "" when it belongs to none."""
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    begin = f"{scene.NAME}=".encode()
    return next((one[len(begin) :].decode() for one in environ if one.startswith(begin)), "")


def leaders() -> dict[str, list[Seen]]:
    """The live processes that lead a session, by the name of their program: one for each, or there are two copies."""
    found: dict[str, list[Seen]] = {}
    for pid in all_pids():
        stat = _stat(pid)
        if stat and stat[2] == pid and stat[0] not in "ZX" and (name := named(pid)):
            found.setdefault(name, []).append(Seen(pid, stat[3]))
    return found


def members(name: str) -> list[int]:
    """The live processes of a program."""
    return [pid for pid in all_pids() if lives(seen(pid)) and named(pid) == name]


def descriptors() -> int:
    return len(os.listdir(f"/proc/{PID1}/fd"))


def highest_descriptor() -> int:
    return max(int(name) for name in os.listdir(f"/proc/{PID1}/fd"))


def threads() -> int:
    return len(os.listdir(f"/proc/{PID1}/task"))


def directories() -> list[str]:
    """The directories for notifications."""
    return [
        f"{place}/{name}"
        for place in scene.PLACES
        for name in os.listdir(place)
        if name.startswith("supervice-") and os.path.isdir(f"{place}/{name}")
    ]
