"""The output of programs and of the daemon itself: reads, tails, clears and follows it.

It reads a log file if there is one. Programs here log to the container's output by default: then it uses the
last lines kept in memory, with offsets that count all output since the program was first started.
"""

from __future__ import annotations

import os

from supervice.fs.files import open_to_read
from supervice.fs.place import Refused
from supervice.output.targets import own_descriptor
from supervice.supervisord.rpc.codec import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.output.ring import Subscription
    from supervice.process import Process

    Follow = Callable[[Callable[[bytes], bool], Callable[[], None]], Callable[[], object]]

MOST = 4 * 1024 * 1024  # bytes that one call reads; a client that wants more asks again with an offset
FOLLOW_BEGINS = 1024  # bytes before the end with which a follower begins
STREAMS = ("stdout", "stderr")


class Text:
    """Output as bytes with positions: `begin` of the first byte that is kept, `end` after the last."""

    def __init__(self, begin: int, end: int, read: Callable[[int, int], bytes]) -> None:
        self.begin = begin
        self.end = end
        self._read = read

    def part(self, offset: int, length: int) -> bytes:
        """Returns what is kept of the `length` bytes at `offset`, MOST at most."""
        first = max(offset, self.begin)
        last = min(offset + length, self.end, first + MOST)
        return self._read(first, last - first) if last > first else b""


def text_of(process: Process, stream: str) -> Text | None:
    """Returns the output of the process on `stream`; None when none of it is kept."""
    config = process.config
    if stream not in STREAMS or (stream == "stderr" and config.redirect_stderr):
        return None
    path = config.stdout_logfile if stream == "stdout" else config.stderr_logfile
    if path == "NONE":
        return None
    if path and own_descriptor(path) is not None:
        path = None  # /dev/stdout and the like; also where that is a file, which is that of all
    try:
        return _file_text(path) if path else _ring_text(process, stream)
    except Refused:
        return _ring_text(process, stream)  # a device, or another user's
    except OSError:
        return None


def file_text(path: str) -> Text | None:
    """Returns the content of a file; None when there is no file."""
    try:
        return _file_text(path)
    except OSError:
        return None


def _file_text(path: str) -> Text:
    def read(offset: int, length: int) -> bytes:
        try:
            fd = open_to_read(path)
        except OSError:
            raise Fault("FAILED") from None
        try:
            return os.pread(fd, length, offset)
        except OSError:
            raise Fault("FAILED") from None
        finally:
            os.close(fd)

    fd = open_to_read(path)
    try:
        return Text(0, os.fstat(fd).st_size, read)
    finally:
        os.close(fd)


def _ring_text(process: Process, stream: str) -> Text | None:
    output = process.open_output()
    if output is None:
        return None
    begin, data = output.kept(stream)
    return Text(
        begin, begin + len(data), lambda offset, length: data[offset - begin : offset - begin + length]
    )


def read(text: Text | None, offset: int, length: int, what: str = "") -> bytes:
    """Reads like supervisord's readLog: `length` bytes from `offset` (0: the rest), or the last -`offset`."""
    if text is None:
        raise Fault("NO_FILE", what)
    if offset < 0:
        if length:
            raise Fault("BAD_ARGUMENTS")
        return text.part(max(text.begin, text.end + max(offset, -MOST)), -offset)
    if length < 0:
        raise Fault("BAD_ARGUMENTS")
    return text.part(offset, length or text.end)


def tail(text: Text | None, offset: int, length: int) -> tuple[bytes, int, bool]:
    """Tails like supervisord's tailLog: (text, offset for the next call, whether something was left out)."""
    if text is None:
        return b"", 0, False
    length = max(0, min(length, MOST))
    overflow = text.end > offset + length
    # the output after the offset, or the last part of it when the client wants less
    begin = text.end - length if overflow else max(offset, 0)
    return text.part(begin, length), text.end, overflow


def follow(process: Process, stream: str, text: Text) -> Follow:
    """Returns a response that goes on as long as the process is supervised."""

    def begin(send: Callable[[bytes], bool], done: Callable[[], None]) -> Callable[[], object]:
        output = process.open_output()
        send(text.part(text.end - FOLLOW_BEGINS, FOLLOW_BEGINS))
        return _nothing if output is None else following(output.subscribe, stream, send, done)

    return begin


def following(
    subscribe: Callable[[Callable[[], object]], Subscription],
    stream: str,
    send: Callable[[bytes], bool],
    done: Callable[[], None],
) -> Callable[[], object]:
    """Passes on output from now on; tells a client that does not keep up how much it missed.

    `done` is called when no more output will come, after the last of it.
    """
    missed = 0

    def more() -> None:
        nonlocal missed
        lost, pieces = subscription.take()
        missed += lost
        for name, data in pieces:
            if name != stream:
                continue
            note = f"[{missed} lines were too much for this client]\n".encode() if missed else b""
            if send(note + data):
                missed = 0
            else:
                missed += max(1, data.count(b"\n"))

    def ended() -> None:
        more()
        done()

    subscription = subscribe(more)
    subscription.on_end = ended
    return subscription.close


def _nothing() -> None:
    pass
