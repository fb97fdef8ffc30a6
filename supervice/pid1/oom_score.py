"""Makes the kernel kill programs before PID 1 when the container is out of memory.

Among small programs the daemon is often the largest process, and its end is the end of all. Children inherit
`oom_score_adj`, so we raise our own for the moment of a spawn: writing to the child's file would miss what
the child has forked by then. Raising it needs no right, nor does lowering it to where it was.
"""

from __future__ import annotations

import os

# How much sooner than PID 1 a program is killed, in thousandths of the container's memory; at most 1000.
STEP = 100
MOST = 1000


class OomScore:
    """A context around each spawn; it does nothing when the kernel does not let us."""

    __slots__ = ("_fd", "_ours", "_theirs")

    def __init__(self) -> None:
        self._fd = -1
        self._ours = self._theirs = b""
        try:
            self._fd = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
            ours = int(os.pread(self._fd, 16, 0))
        except (OSError, ValueError):  # /proc that is read-only or not there
            self.close()
            return
        self._ours, self._theirs = b"%d" % ours, b"%d" % min(MOST, ours + STEP)

    @property
    def theirs(self) -> int | None:
        """The score of spawned processes; None when ours cannot be changed."""
        return int(self._theirs) if self._fd >= 0 else None

    def __enter__(self) -> None:
        self._write(self._theirs)

    def __exit__(self, *_: object) -> None:
        self._write(self._ours)

    def _write(self, score: bytes) -> None:
        if self._fd >= 0:
            try:
                os.pwrite(self._fd, score, 0)
            except OSError:
                self.close()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
