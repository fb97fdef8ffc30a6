"""Our own stdout and stderr, and other targets that can stall, opened so that writing cannot block us.

O_NONBLOCK is a property of the open file description, which we share with the process that started us and
with each child that inherited it: setting it would break their blocking writes. So a pipe or a terminal is
reopened through /proc/self/fd/N. Where that is refused (`docker run -u 12345`: the pipe belongs to root) the
shared description stays, and each write uses a call that does not wait. `LogWriter` writes our own log there.
"""

from __future__ import annotations

import os
import stat

from supervice.fs.place import Place
from supervice.output.sinks import QUEUE_LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.output.file_sink import FileSink
    from supervice.output.sinks import Send, StreamSink

PIPE_BUF = 4096  # pipe(7): a writable pipe takes this much at once


def identity(fd: int) -> tuple[int, int] | None:
    """Returns a value that is equal for descriptors of one pipe, terminal or file; None for a closed one."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    if stat.S_IFMT(status.st_mode) == 0:
        return None  # an epoll or the like: the number was closed at our start, and used again
    return status.st_dev, status.st_ino


def open_own(fd: int) -> tuple[int, Send | None]:
    """Returns our own descriptor of what `fd` is, and how to write to it; (-1, None) when `fd` is closed."""
    if identity(fd) is None:
        return -1, None
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        # Never blocks. Reopened it would have an offset of its own and overwrite what others write.
        return os.dup(fd), None
    if stat.S_ISSOCK(mode):
        return os.dup(fd), _send_to_socket
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY), None
    except OSError:
        return os.dup(fd), _SharedSend()


def open_path(path: str) -> int:
    """Opens a FIFO or a device for writing without ever waiting for a reader.

    It opens a FIFO for reading too: then opening needs no reader, a reader that leaves causes no EPIPE, and
    output waits for the next one, with back-pressure as for a stalled reader of our stdout.
    """
    with Place(path) as place:
        if stat.S_ISFIFO(place.reached().st_mode):
            try:
                return place.open(os.O_RDWR, device=True)
            except PermissionError:
                pass  # write-only: works while there is a reader, else ENXIO, and the start is retried
        return place.open(os.O_WRONLY, device=True)


def _send_to_socket(fd: int, parts: list[bytes | memoryview]) -> int:
    """Sends without waiting: MSG_DONTWAIT counts for one call, whatever the shared description says."""
    import socket

    wrapped = socket.socket(fileno=fd)
    try:
        return wrapped.sendmsg(parts, (), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    finally:
        wrapped.detach()


class _SharedSend:
    """Writes to a shared pipe: by RWF_NOWAIT (Linux 6.5), else it polls first and then writes a little.

    The second way can wait when another process fills the pipe between the two calls; there is no better one.
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
        # A terminal is "writable" as soon as it has room for some characters, and then waits for the rest.
        data = b"".join(parts)[: 256 if os.isatty(fd) else PIPE_BUF]
        return os.write(fd, data[: data.rfind(b"\n") + 1] or data)


class LogWriter:
    """The daemon's log as a source. It never waits: lines that a stalled reader does not take are dropped.

    Lines that a file does not take, on a full disk or one that is gone, go to `instead`.
    """

    __slots__ = ("_instead", "lost_lines", "sink")

    def __init__(
        self, sink: FileSink | StreamSink, instead: Callable[[], Callable[[bytes], object]] | None = None
    ) -> None:
        self.sink = sink
        self.lost_lines = 0
        self._instead = instead

    def __call__(self, line: bytes) -> None:
        before = self.lost_lines
        if self.sink.queued > QUEUE_LIMIT:
            self.lost_lines += 1
        else:
            self.sink.write(self, b"", line, len(line))
        if self.lost_lines > before and self._instead is not None:
            self._instead()(line)

    def lose(self, nbytes: int, nlines: int, torn: bool) -> None:
        self.lost_lines += nlines

    def resume(self) -> None:
        pass
