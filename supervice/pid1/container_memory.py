"""Reads the memory cgroup of this container: limit, use, peak, swap, and what a kill takes along.

Loaded when a process was killed, or when a client asks for resources. A number that cannot be read is None.
"""

from __future__ import annotations

import os

from supervice.lean.dataclasses import dataclass
from supervice.lean.text import size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.pid1.cgroup import Cgroup

# For "no limit" v1 has the largest multiple of a page below 2**63.
_ENDLESS = 1 << 62
MIB = 1 << 20


@dataclass(frozen=True)
class Memory:
    """Bytes. None is an unknown number or, for a limit, no limit."""

    used: int | None = None  # as `kubectl top` counts it: without file pages that the kernel can drop
    limit: int | None = None
    peak: int | None = None
    swap: int | None = None
    swap_limit: int | None = None


def look(cgroup: Cgroup) -> Memory:
    """Reads the files."""
    path = cgroup.path
    if cgroup.version == 2:
        used, inactive = _number(path, "memory.current"), _stat(path, b"inactive_file")
        limits = [_number(place, "memory.max") for place in _up(cgroup)]
        swap, swap_limit = _number(path, "memory.swap.current"), _number(path, "memory.swap.max")
        peak = _number(path, "memory.peak")
    else:
        used, inactive = _number(path, "memory.usage_in_bytes"), _stat(path, b"total_inactive_file")
        limits = [_number(path, "memory.limit_in_bytes"), _stat(path, b"hierarchical_memory_limit")]
        swap = _difference(_number(path, "memory.memsw.usage_in_bytes"), used)
        swap_limit = _difference(_number(path, "memory.memsw.limit_in_bytes"), limits[0])
        peak = _number(path, "memory.max_usage_in_bytes")
    known = [limit for limit in limits if limit is not None]
    # v2 updates `inactive_file` a moment before `memory.current`
    net = used if used is None or inactive is None else max(0, used - inactive)
    return Memory(net, min(known) if known else None, peak, swap, swap_limit)


def kills_whole_container(cgroup: Cgroup) -> bool:
    """Returns whether the kernel kills the whole container, us too, when memory runs out."""
    return cgroup.version == 2 and _number(cgroup.path, "memory.oom.group") == 1


WHOLE_CONTAINER = (
    "memory.oom.group is 1: when the container runs out of memory, the kernel kills all of its processes at"
    " once, supervice too; set memory_limit for the programs, or singleProcessOOMKill: true for kubelet"
)


def words(memory: Memory) -> str:
    """Returns what is known about a kill, for people: `container limit 512 MiB`.

    It names the peak when that stayed below the limit: then the process hit another limit.
    """
    parts = ["no container limit" if memory.limit is None else f"container limit {size(memory.limit)}"]
    if memory.peak is not None and (memory.limit is None or memory.peak < 0.95 * memory.limit):
        parts.append(f"peak {size(memory.peak)}")
    # v1 has no file for it; the difference of two files, read one after the other, is not exact
    if memory.swap is not None and memory.swap >= MIB and memory.swap_limit != 0:
        of = f" of {size(memory.swap_limit)}" if memory.swap_limit else ""
        parts.append(f"swap {size(memory.swap)}{of}")
    return ", ".join(parts)


def _up(cgroup: Cgroup) -> list[str]:
    """Yields the cgroup and its ancestors within this container: the smallest limit counts."""
    places = [cgroup.path]
    while places[-1] != cgroup.mount and places[-1].startswith(cgroup.mount):
        places.append(os.path.dirname(places[-1]))
    return places


def _difference(more: int | None, less: int | None) -> int | None:
    return None if more is None or less is None else max(0, more - less)


def _read(path: str, name: str) -> bytes:
    path = f"{path}/{name}"
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(65536)
    except OSError:
        return b""


def _number(path: str, name: str) -> int | None:
    text = _read(path, name).strip()
    return int(text) if text.isdigit() and int(text) < _ENDLESS else None


def _stat(path: str, key: bytes) -> int | None:
    for line in _read(path, "memory.stat").splitlines():
        name, _, number = line.partition(b" ")
        if name == key and number.isdigit():
            return int(number) if int(number) < _ENDLESS else None
    return None
