"""A directory of our own in a shared one, holding one datagram socket to which every user may send.

The leftovers of a killed run go when the next run makes its own: a directory of ours that holds nothing but a
socket on which no process listens.
"""

from __future__ import annotations

import _socket  # the C half of `socket`, see `peer`
import os
import stat
import time

from supervice.fs.place import Place, Refused, identity

PREFIX = "supervice-"
RANDOM = 12  # hexadecimal digits behind it
SOCKET = "notify"
# Names that are searched for leftovers; a place with more is not tidied.
MOST = 2000
# Seconds; a directory without a socket that is younger may be another daemon's, which is about to bind.
EMPTY_FOR = 60.0


class PrivateDirectory:
    """The directory. OSError when it cannot be made."""

    def __init__(self, parent: str) -> None:
        self._parent = parent
        with Place(os.path.join(parent, PREFIX + os.urandom(RANDOM // 2).hex())) as place:
            _sweep(place)
            os.mkdir(place.name, 0o700, dir_fd=place.fd)
            made = place.stat()
            self._identity = identity(made)
            self.path = place.path
            if not stat.S_ISDIR(made.st_mode) or made.st_uid != os.geteuid():
                raise self._replaced()

    def bind(self, sock: _socket.socket) -> str:
        """Binds the socket to a path in it; returns the path. OSError, after which it may have a name."""
        path = os.path.join(self.path, SOCKET)
        with Place(path) as place:
            # another user can exchange it where the sticky bit is missing
            if identity(os.fstat(place.fd)) != self._identity:
                raise self._replaced()
            sock.bind(path if place.is_fixed(path) else f"/proc/self/fd/{place.fd}/{SOCKET}")
            fd = place.look()
            try:
                if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                    raise self._replaced()
                # every user may send; the sender's credentials decide
                os.chmod(f"/proc/self/fd/{fd}", 0o666)
            finally:
                os.close(fd)
            os.chmod(f"/proc/self/fd/{place.fd}", 0o711)
        return path

    def _replaced(self) -> Refused:
        return Refused(f"was replaced by another process; run chmod +t {self._parent}", self.path)

    def close(self) -> None:
        try:
            with Place(self.path) as place:
                if identity(place.stat()) == self._identity:
                    _remove(place, place.name)
        except OSError:
            pass


def _sweep(place: Place) -> None:
    for name in place.names(MOST) or ():
        rest = name[len(PREFIX) :]
        if name.startswith(PREFIX) and len(rest) == RANDOM and not rest.strip("0123456789abcdef"):
            try:
                if _is_left(place, name):
                    _remove(place, name)
            except OSError:
                pass


def _is_left(parent: Place, name: str) -> bool:
    """Returns whether it is a directory of our user whose socket is dead, or that never had one."""
    status = parent.stat(name)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return False
    with Place(f"/proc/self/fd/{parent.fd}/{name}/{SOCKET}") as place:
        found = place.names(1)
        if found == []:
            return time.time() - status.st_mtime > EMPTY_FOR
        if found != [SOCKET] or not stat.S_ISSOCK(place.stat(SOCKET).st_mode):
            return False
        probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
        try:
            probe.connect(f"/proc/self/fd/{place.fd}/{SOCKET}")
        except ConnectionRefusedError:
            return True
        finally:
            probe.close()
        return False


def _remove(parent: Place, name: str) -> None:
    fd = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent.fd)
    try:
        try:
            os.unlink(SOCKET, dir_fd=fd)
        except FileNotFoundError:
            pass
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=parent.fd)
