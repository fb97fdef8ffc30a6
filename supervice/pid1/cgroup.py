"""Finds the memory cgroup of this container, v2 or v1, and reads how many processes the kernel killed there.

Every daemon loads it, so it is small: `container_memory` reads everything else, on demand.
"""

from __future__ import annotations

import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.lean.loop import EventLoop

MOUNT = "/sys/fs/cgroup"
# The file with the line `oom_kill N`, by version.
_COUNTERS = {2: "memory.events", 1: "memory.oom_control"}


class Cgroup:
    """A directory with the files of the memory controller."""

    __slots__ = ("mount", "path", "version")

    def __init__(self, path: str, version: int, mount: str) -> None:
        self.path = path
        self.version = version
        self.mount = mount  # nothing above it is this container's


def find(mount: str = MOUNT, membership: str = "/proc/self/cgroup") -> Cgroup | None:
    """Returns our memory cgroup; None when none can be read, as outside of any container.

    The path in `membership` is that of the host when the container has no cgroup namespace of its own; then
    the mount itself is the container's cgroup.
    """
    try:
        with open(membership, "rb", buffering=0) as file:
            lines = [line.split(":", 2) for line in os.fsdecode(file.read(65536)).splitlines()]
    except OSError:
        return None
    named = [line for line in lines if len(line) == 3]
    places = [(1, f"{mount}/memory", path) for _, what, path in named if "memory" in what.split(",")]
    places += [(2, mount, path) for number, _, path in named if number == "0"]
    for version, top, path in places:
        for directory in (top + path.rstrip("/"), top):
            if os.path.exists(f"{directory}/{_COUNTERS[version]}"):
                return Cgroup(directory, version, top)
    return None


class KillCounter:
    """The kernel's counter of kills for want of memory, held open."""

    __slots__ = ("_fd", "_loop", "_poll", "cgroup")

    def __init__(self, cgroup: Cgroup) -> None:
        """Opens the file; OSError."""
        self.cgroup = cgroup
        path = f"{cgroup.path}/{_COUNTERS[cgroup.version]}"
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._poll: select.epoll | None = None
        self._loop: EventLoop | None = None

    def read(self) -> int | None:
        """Returns how many processes were killed so far; None when the kernel (before 4.13) does not say."""
        try:
            text = os.pread(self._fd, 4096, 0)
        except OSError:
            return None
        for line in text.splitlines():
            name, _, number = line.partition(b" ")
            if name == b"oom_kill" and number.isdigit():
                return int(number)
        return None

    def watch(self, loop: EventLoop, changed: Callable[[], object]) -> bool:
        """Calls `changed` when the kernel says that the file changed, until `close`; returns False for v1.

        There the kernel never says so. The counter must be read before, and in each call, or the next call
        comes at once. The kernel announces such changes by POLLPRI and by inotify, which Python cannot use
        without ctypes.
        """
        poll = select.epoll()
        try:
            poll.register(self._fd, select.EPOLLPRI)
        except OSError:  # a file that cannot be waited for: no cgroup, but a copy of one
            poll.close()
            return False
        self._poll, self._loop = poll, loop
        loop.add_reader(poll.fileno(), changed)
        return True

    def close(self) -> None:
        if self._poll is not None and self._loop is not None:
            self._loop.remove_reader(self._poll.fileno())
            self._poll.close()
            self._poll = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
