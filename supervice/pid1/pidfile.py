"""The pid file: a lock that shows that we run, and our pid for its readers."""

from __future__ import annotations

import fcntl
import os

from supervice.fs.files import open_or_create
from supervice.fs.place import Place, Refused, identity, is_trusted

MODE = 0o644


class PidfileInUse(OSError):
    """Another daemon holds the file."""


class Pidfile:
    """Held until `close`; the kernel lets go of the lock when we die, so a stale file is no obstacle."""

    def __init__(self, path: str, owners: tuple[int, ...] = ()) -> None:
        """Takes the file. PidfileInUse, or OSError; Refused for another user's file or link.

        `owners`: users, besides root and us, whose file it may be: an earlier run gave it to them.
        """
        self.path = path
        self._file = os.path.abspath(path)  # the daemon changes its directory once it runs
        with Place(path) as place:
            fd = open_or_create(place, os.O_RDWR, MODE, owners=owners)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._give_up(fd)
            os.ftruncate(fd, 0)
            os.write(fd, f"{os.getpid()}\n".encode())
            self._identity = identity(os.fstat(fd))
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def _give_up(self, fd: int) -> None:
        """Raises the error for a locked file. Any reader can lock it: only a daemon that we see counts."""
        holder = os.read(fd, 32).decode(errors="replace").strip()
        if holder.isascii() and holder.isdecimal() and _holds(int(holder), identity(os.fstat(fd))):
            raise PidfileInUse(f"{self.path} is held by another daemon (pid {holder})")
        raise Refused("another process, and no daemon that runs here, has locked it; end that one", self.path)

    def give(self, uid: int) -> None:
        """Gives the file to the user that we are about to become."""
        os.fchown(self._fd, uid, -1)

    def close(self) -> None:
        try:
            with Place(self._file) as place:
                place.remove(place.name, self._identity)
        except OSError:
            pass
        os.close(self._fd)


def _holds(pid: int, file: tuple[int, int]) -> bool:
    """Returns whether the process is root's or ours and has the file open, or cannot be inspected."""
    try:
        if not is_trusted(os.stat(f"/proc/{pid}").st_uid):
            return False
        names = os.listdir(f"/proc/{pid}/fd")
    except FileNotFoundError:
        return False
    except OSError:
        return True
    for name in names:
        try:
            if identity(os.stat(f"/proc/{pid}/fd/{name}")) == file:
                return True
        except OSError:
            pass
    return False
