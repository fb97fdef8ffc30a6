"""Our own stdout and stderr, and other targets that can stall, opened so that writing cannot block us.

O_NONBLOCK is a property of the open file description, which we share with whoever started us and with every
child that inherited it: setting it would break their blocking writes. So a pipe or a terminal is opened anew
through /proc/self/fd/N. Where that is refused (`docker run -u 12345`: the pipe belongs to root) the shared
description stays as it is and each single write is done in a way that does not wait.
"""

from __future__ import annotations

import os
import stat

from supervice.fs.place import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.output.sinks import Send

PIPE_BUF = 4096  # pipe(7), Linux: a writable pipe takes this much at once


def identity(fd: int) -> tuple[int, int] | None:
    """The same for two descriptors of one pipe, terminal or file; None when `fd` is not open."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    if stat.S_IFMT(status.st_mode) == 0:
        return None  # an epoll or a similar object: the number was closed when we started, and used again
    return status.st_dev, status.st_ino


def open_own(fd: int) -> tuple[int, Send | None]:
    """A descriptor of our own for what `fd` is, and how to write to it; (-1, None) when `fd` is closed."""
    if identity(fd) is None:
        return -1, None
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        # Never blocks. Opened anew it would have an offset of its own and overwrite what others write.
        return os.dup(fd), None
    if stat.S_ISSOCK(mode):
        return os.dup(fd), _send_to_socket
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY), None
    except OSError:
        return os.dup(fd), _SharedSend()


def open_path(path: str) -> int:
    """Opens a FIFO or a device for writing without ever waiting for a reader.

    A FIFO is opened for reading too: then opening needs no reader, a reader that goes away is no EPIPE, and
    what was written waits for the next one (with back-pressure, like a stalled reader of our stdout).
    """
    with Place(path) as place:
        if stat.S_ISFIFO(place.reached().st_mode):
            try:
                return place.open(os.O_RDWR, device=True)
            except PermissionError:
                pass  # may be written only: works while somebody reads, else ENXIO and the start is retried
        return place.open(os.O_WRONLY, device=True)


def _send_to_socket(fd: int, parts: list[bytes | memoryview]) -> int:
    """MSG_DONTWAIT makes one call non-blocking, whatever the shared description says."""
    import socket

    wrapped = socket.socket(fileno=fd)
    try:
        return wrapped.sendmsg(parts, (), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    finally:
        wrapped.detach()


class _SharedSend:
    """RWF_NOWAIT does the same for pipes on newer kernels (6.5); else: ask first, then write a little.

    The second way can wait when somebody else fills the pipe between the two calls. Nothing better is left.
    """

    __slots__ = ("_nowait",)

    def __init__(self) -> None:
        self._nowait = hasattr(os, "RWF_NOWAIT")

    def __call__(self, fd: int, parts: list[bytes | memoryview]) -> int:
        if self._nowait:
            try:
                return os.pwritev(fd, parts, -1, os.RWF_NOWAIT)
            except BlockingIOError:
                raise
            except (OSError, NotImplementedError) as error:
                import errno

                if isinstance(error, OSError) and error.errno not in (errno.EOPNOTSUPP, errno.ESPIPE):
                    raise
                self._nowait = False
        import select

        poll = select.poll()
        poll.register(fd, select.POLLOUT)
        if not poll.poll(0):
            raise BlockingIOError
        # A terminal says "writable" as soon as it has room for some characters, and then waits for the rest.
        data = b"".join(parts)[: 256 if os.isatty(fd) else PIPE_BUF]
        return os.write(fd, data[: data.rfind(b"\n") + 1] or data)
