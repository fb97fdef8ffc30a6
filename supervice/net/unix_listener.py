"""The socket file: made with its final mode, taken over only from the dead, removed only by its owner.

Two daemons that start at once must not both win. A lock on the *directory* of the socket decides, held from
the look at the old file until `listen`: it leaves no file behind, needs no right that making the socket does
not need, and the kernel drops it with its holder. Every user who may read the directory can hold it, so we
wait for it only briefly; without it, a socket that looks dead but is new is left alone.
"""

from __future__ import annotations

import _socket  # the C half of `socket`, see `peer`
import errno
import fcntl
import os
import stat
import time

from supervice.fs.place import Place, Refused, chown_looked_at, identity, is_trusted
from supervice.lean.rights import refuse_rights

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Connections that wait for accept. asyncio's clients do not see that a queue is full (they take EAGAIN for
# "in progress"), so it must not be; the kernel cuts this to net.core.somaxconn (4096).
BACKLOG = 1024
LOCK_WAIT = 0.05  # seconds; a holder needs about one millisecond, and this may hold up the loop
NEW = 2.0  # seconds; another daemon takes less from bind to listen
LONGEST = 107  # bytes of a path, unix(7)


class SocketInUse(OSError):
    """The socket path cannot be taken: a live daemon answers there, or it is no socket at all.

    `live`: a daemon of root or our own user answers, in our own container. `foreign`: something of another
    user or container is in the way.
    """

    def __init__(self, path: str, reason: str, *, live: bool = False, foreign: bool = False) -> None:
        super().__init__(errno.EADDRINUSE, f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.live = live
        self.foreign = foreign


class _DirectoryLock:
    """Holds the lock inside `with`, if it gets it in time: `is_held` says so."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._fd = -1
        self.is_held = True

    def __enter__(self) -> _DirectoryLock:
        try:
            self._fd = self._place.open_directory()
        except OSError:
            return self  # not readable: then the kernel's refusal to bind twice must do
        give_up = time.monotonic() + LOCK_WAIT
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self
            except BlockingIOError:
                if time.monotonic() > give_up:
                    self.is_held = False
                    return self
                time.sleep(0.002)
            except OSError:
                return self  # a file system without locks: the same

    def __exit__(self, *_exc: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)


def _find_dead(place: Place, address: str, path: str) -> os.stat_result | None:
    """Returns the dead socket at `path`; None when nothing is there. SocketInUse for anything else."""
    try:
        status = place.stat()
    except FileNotFoundError:
        return None
    # A user who may write to the directory could have moved a file of root's there, too.
    brought = place.shared and status.st_nlink > 1
    foreign = brought or not is_trusted(status.st_uid)
    if not stat.S_ISSOCK(status.st_mode):
        whose = f" (it belongs to uid {status.st_uid})" if foreign else ""
        reason = f"exists and is not a socket{whose}; remove it or choose another path"
        raise SocketInUse(path, reason, foreign=foreign)
    probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        refuse_rights(probe)
        probe.setblocking(False)  # a full backlog is EAGAIN at once: alive
        probe.connect(address)
        pid, uid = _listener_of(probe)
    except ConnectionRefusedError:
        return status  # nothing listens: the kernel's proof that it is stale
    except FileNotFoundError:
        return None
    except OSError as error:
        # A socket of root's that refuses us may belong to another container.
        foreign = foreign or error.errno in (errno.EACCES, errno.EPERM)
        whose = f", and belongs to uid {status.st_uid}" if foreign else ""
        raise SocketInUse(
            path, f"is in use ({error.strerror}){whose}", live=not foreign, foreign=foreign
        ) from None
    finally:
        probe.close()
    from supervice.net.peer import in_this_container

    if in_this_container(pid) is False:
        raise SocketInUse(
            path, "the daemon of another container answers there; choose another path", foreign=True
        )
    if is_trusted(uid) and not brought:
        raise SocketInUse(path, "another daemon answers there; stop it or choose another path", live=True)
    raise SocketInUse(
        path, f"a process of uid {uid} listens there; stop it or choose another path", foreign=True
    )


def _listener_of(sock: _socket.socket) -> tuple[int, int]:
    """Returns the pid and uid of the process that called `listen` at the other end."""
    pid, uid, _ = memoryview(sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)).cast("i")
    return pid, uid & 0xFFFFFFFF


def check_socket(path: str) -> None:
    """Raises `SocketInUse` when `path` cannot be taken; a daemon asks before it starts."""
    with Place(path, follow_last=False) as place:
        _find_dead(place, path, path)


class Listener:
    """A listening Unix socket and its file.

    `fd` is ready to accept. `for_program`: a program accepts, and may take descriptors, which ours refuse.
    Raises `SocketInUse`, or OSError (no such directory, no permission, path longer
    than 107 bytes, a directory behind a stranger's link).
    """

    def __init__(
        self,
        path: str,
        mode: int,
        group_gid: int | None = None,
        warn: Callable[[str], object] | None = None,
        *,
        uid: int | None = None,
        for_program: bool = False,
    ) -> None:
        if len(os.fsencode(path)) > LONGEST:
            raise OSError(errno.ENAMETOOLONG, f"is longer than {LONGEST} bytes; choose a shorter path", path)
        self.path = path
        self.port = 0  # it has none; what listens on the internet has
        self._file = os.path.abspath(path)  # the daemon changes its directory once it runs
        self._pid = os.getpid()
        self._options = (mode, group_gid, warn, uid, for_program)
        self._identity: tuple[int, int] | None = None
        self._warn = warn
        self.sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        if not for_program:
            refuse_rights(self.sock)
        try:
            with Place(self._file, follow_last=False) as place:
                self._take(place, mode, uid, group_gid)
        except BaseException:
            self.sock.close()
            raise
        self.sock.setblocking(False)
        self.fd = self.sock.fileno()

    def _take(self, place: Place, mode: int, uid: int | None, gid: int | None) -> None:
        fixed = place.is_fixed(self._file)
        # Where another user can change what the path leads to, the directory is addressed by its descriptor.
        address = self.path if fixed else f"/proc/self/fd/{place.fd}/{place.name}"
        with _DirectoryLock(place) as lock:
            dead = _find_dead(place, address, self.path)
            if dead is not None:
                if not lock.is_held and time.time() - dead.st_ctime < NEW:
                    reason = "was made just now and does not answer, and its directory is locked; try again"
                    raise SocketInUse(self.path, reason, foreign=True)
                place.remove(place.name, identity(dead))
            self._bind(address, mode)
            self._identity = identity(place.stat())
            if fixed:
                # Before `listen` no client can connect, so the owner is in place before one could notice.
                self._own(place, uid, gid)
            self.sock.listen(BACKLOG)
            if not fixed:
                self._own(place, uid, gid)

    def _bind(self, address: str, mode: int) -> None:
        # The kernel makes the file with 0777 & ~umask: so it never has another mode than the final one.
        umask = os.umask(0o777 & ~mode)
        try:
            self.sock.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                reason = "another process has just taken it; choose another path"
                raise SocketInUse(self.path, reason, foreign=True) from None
            raise
        finally:
            os.umask(umask)

    def _own(self, place: Place, uid: int | None, gid: int | None) -> None:
        """Changes the owner of the file, after checking by descriptor that it is the socket we listen at."""
        if uid is None and gid is None:
            return
        clients = f"members of group {gid}" if uid is None else f"user {uid}"
        uid, gid = -1 if uid is None else uid, -1 if gid is None else gid
        try:
            if place.is_fixed(self._file):
                place.chown(uid, gid)
                return
            fd = place.look()
            try:
                if not self._is_ours(fd):
                    why = f"was replaced by another process; keep uid {place.owner} away from it"
                    raise Refused(why, self.path)
                chown_looked_at(fd, uid, gid)
            finally:
                os.close(fd)
        except Refused:
            raise
        except OSError as error:
            if self._warn is not None:
                self._warn(f"{self.path}: chown failed ({error.strerror}); {clients} cannot connect")

    def _is_ours(self, fd: int) -> bool:
        """Returns whether the socket file that `fd` stands for is ours, by asking who listens there."""
        probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            refuse_rights(probe)
            probe.setblocking(False)
            probe.connect(f"/proc/self/fd/{fd}")
            same_name = probe.getpeername() == self.sock.getsockname()
            return same_name and _listener_of(probe)[0] == os.getpid()
        except OSError:
            return False
        finally:
            probe.close()

    def give(self, uid: int) -> None:
        """Gives the file to the user that we are about to become. OSError."""
        with Place(self._file, follow_last=False) as place:
            if identity(place.stat()) == self._identity:
                self._own(place, uid, None)

    def accept_from(self) -> tuple[_socket.socket, str]:
        """Returns the next connection; BlockingIOError when there is none. No address: see `peer_of`."""
        # what `socket.socket.accept` wraps; typeshed knows it only there
        fd: int = self.sock._accept()[0]  # type: ignore[attr-defined]
        try:
            sock = _socket.socket(fileno=fd)
        except BaseException:
            os.close(fd)
            raise
        sock.setblocking(False)
        return sock, ""

    def is_lost(self) -> bool:
        """Returns whether its file was removed or replaced."""
        try:
            status = os.lstat(self._file)
        except FileNotFoundError:
            return True
        except OSError:
            return False  # we may not look
        return (status.st_dev, status.st_ino) != self._identity

    def again(self) -> Listener | None:
        """Returns another listener at the same path if the file is lost. OSError; SocketInUse."""
        if not self.is_lost():
            return None
        mode, group_gid, warn, uid, for_program = self._options
        return Listener(self._file, mode, group_gid, warn, uid=uid, for_program=for_program)

    def close(self) -> None:
        """Removes the file, if it is still ours, and stops listening.

        In this order: while we listen no other daemon takes the path, and the inode has no other file.
        """
        ours, self._identity = self._identity, None
        # a forked child that never became its program must not remove the socket
        if ours is not None and os.getpid() == self._pid:
            try:
                with Place(self._file, follow_last=False) as place:
                    place.remove(place.name, ours)
            except OSError:
                pass  # gone, or a file system that became read-only: the next start will find it stale
        self.sock.close()
