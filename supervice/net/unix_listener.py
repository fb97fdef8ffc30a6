"""The socket file: made with its final mode, taken over only from the dead, removed only by its owner.

Two daemons that start at once must not both win. What decides is a lock on the *directory* of the socket,
held from the look at the old file until `listen` (and while it is removed): it leaves no file behind, needs
no right that making the socket does not need, and the kernel drops it with its holder.
"""

from __future__ import annotations

import _socket  # the C half of `socket`, see `peer`
import errno
import fcntl
import os
import stat
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Connections that wait for accept. asyncio's clients do not see that a queue is full (they take EAGAIN for
# "in progress"), so it must not be; the kernel cuts this to net.core.somaxconn (4096).
BACKLOG = 1024
LOCK_WAIT = 1.0  # seconds; a holder needs about one millisecond


class SocketInUse(OSError):
    """The socket path cannot be taken: a live daemon answers there, or it is no socket at all."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(errno.EADDRINUSE, f"{path}: {reason}")
        self.path = path
        self.reason = reason


class _DirectoryLock:
    """Held inside `with`. TimeoutError when another process does not let go of it."""

    def __init__(self, path: str) -> None:
        self._directory = os.path.dirname(path) or "."
        self._fd = -1

    def __enter__(self) -> None:
        self._fd = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        give_up = time.monotonic() + LOCK_WAIT
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > give_up:
                    os.close(self._fd)
                    raise TimeoutError(
                        errno.ETIMEDOUT, f"{self._directory} is locked by another process"
                    ) from None
                time.sleep(0.002)
            except OSError:
                return  # a file system without locks: then the kernel's refusal to bind twice must do

    def __exit__(self, *_exc: object) -> None:
        os.close(self._fd)


def _check(path: str) -> bool:
    """Whether a dead socket lies at `path`. SocketInUse when something else does."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISSOCK(mode):
        raise SocketInUse(path, "exists and is not a socket; remove it or choose another path")
    probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        probe.setblocking(False)  # a full backlog is EAGAIN at once: alive
        probe.connect(path)
    except ConnectionRefusedError:
        return True  # nothing listens: the kernel's proof that it is stale
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SocketInUse(path, f"is in use ({error.strerror})") from None
    finally:
        probe.close()
    raise SocketInUse(path, "another daemon answers there; stop it or choose another path")


def check_socket(path: str) -> None:
    """Raises `SocketInUse` when `path` cannot be taken; for a daemon that wants to know before it starts."""
    _check(path)


class Listener:
    """A listening Unix socket and its file.

    `fd` is ready to accept. Raises `SocketInUse`, or OSError (no such directory, no permission, path longer
    than 107 bytes).
    """

    def __init__(
        self,
        path: str,
        mode: int,
        group_gid: int | None = None,
        warn: Callable[[str], object] | None = None,
        *,
        uid: int | None = None,
    ) -> None:
        self.path = path
        self.port = 0  # it has none; what listens on the internet has
        self._file = os.path.abspath(path)  # the daemon changes its directory once it runs
        self._pid = os.getpid()
        self.sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            with _DirectoryLock(path):
                if _check(path):
                    os.unlink(path)
                self._bind(mode)
                self._own(uid, group_gid, warn)
                self.sock.listen(BACKLOG)
        except BaseException:
            self.sock.close()
            raise
        self.sock.setblocking(False)
        self.fd = self.sock.fileno()

    def _bind(self, mode: int) -> None:
        # The kernel makes the file with 0777 & ~umask: so it never has another mode than the final one.
        umask = os.umask(0o777 & ~mode)
        try:
            self.sock.bind(self.path)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise SocketInUse(
                    self.path, "another process has just taken it; choose another path"
                ) from None
            raise
        finally:
            os.umask(umask)
        self._identity = _identity(self.path)

    def _own(self, uid: int | None, group_gid: int | None, warn: Callable[[str], object] | None) -> None:
        # Between bind and listen no client can connect, so the owner is in place before one could notice.
        if uid is None and group_gid is None:
            return
        try:
            os.chown(self.path, -1 if uid is None else uid, -1 if group_gid is None else group_gid)
        except OSError as error:
            clients = f"members of group {group_gid}" if uid is None else f"user {uid}"
            if warn is not None:
                warn(f"{self.path}: chown failed ({error.strerror}); {clients} cannot connect")

    def accept_from(self) -> tuple[_socket.socket, str]:
        """The next connection; BlockingIOError when there is none. No address: see `peer_of`."""
        # what `socket.socket.accept` wraps; typeshed knows it only there
        fd: int = self.sock._accept()[0]  # type: ignore[attr-defined]
        try:
            sock = _socket.socket(fileno=fd)
        except BaseException:
            os.close(fd)
            raise
        sock.setblocking(False)
        return sock, ""

    def close(self) -> None:
        """Stops listening and removes the file, if it is still ours."""
        self.sock.close()
        if os.getpid() != self._pid:
            return  # a fork that never became its program must not take the socket away
        try:
            with _DirectoryLock(self._file):
                if _identity(self._file) == self._identity:
                    os.unlink(self._file)
        except OSError:
            pass  # gone, or a file system that became read-only: the next start will find it stale


def _identity(path: str) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino
