"""The pid file: a lock that says that we run, and our pid for whoever reads it."""

from __future__ import annotations

import fcntl
import os


class PidfileInUse(OSError):
    """Another daemon holds the file."""


class Pidfile:
    """Held until `close`; the kernel lets go of the lock when we die, so a stale file is no obstacle."""

    def __init__(self, path: str) -> None:
        """PidfileInUse, or OSError when it cannot be written."""
        self.path = path
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(fd, 32).decode(errors="replace").strip()
            os.close(fd)
            raise PidfileInUse(f"{path} is held by another daemon (pid {holder or 'unknown'})") from None
        os.ftruncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        self._fd = fd

    def close(self) -> None:
        try:
            os.unlink(self.path)
        except OSError:
            pass
        os.close(self._fd)
