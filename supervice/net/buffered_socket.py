"""A connected socket on the loop: its unsent data, its one timer, and whether input is watched.

The connections of both servers build on it. It knows no protocol.
"""

from __future__ import annotations

import _socket  # the C half of `socket`, see `peer`

from supervice.lean.rights import ROOM, close_received

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.lean.loop import Cancellable, EventLoop


PROGRESS = 64 * 1024  # bytes of what waits that a client reads before the time for reading starts anew


class BufferedSocket:
    """A subclass has `busy`, `_on_readable`, `_work` (called after every change) and `close`."""

    def __init__(self, loop: EventLoop, sock: _socket.socket) -> None:
        self._loop = loop
        self._sock = sock
        self._fd = sock.fileno()
        self._out = bytearray()
        self._read = 0  # bytes that were sent of it since the timer was set
        self._timer: Cancellable | None = None
        self._timer_for = ""
        self._reading = False
        self.closed = False
        self._heard = loop.time()

    @property
    def busy(self) -> bool:
        """Whether it is doing or sending something for the client."""
        raise NotImplementedError

    def idle_for(self, seconds: float) -> bool:
        """Returns whether the client has wanted nothing for that long."""
        return not self.busy and self._loop.time() - self._heard > seconds

    def _on_readable(self) -> None:
        raise NotImplementedError

    def _work(self) -> None:
        raise NotImplementedError

    def _late(self) -> None:
        """Handles the end of the time."""
        self.close()

    def close(self) -> None:
        raise NotImplementedError

    def _receive(self, size: int) -> bytes | None:
        """Returns what came; b"" at its end, None for nothing to do (the client may be gone then)."""
        try:
            if self._sock.family != _socket.AF_UNIX:
                return self._sock.recv(size)
            data, extra, _, _ = self._sock.recvmsg(size, ROOM, _socket.MSG_CMSG_CLOEXEC)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            self.close()
            return None
        if extra:  # of a kernel that could not refuse it
            close_received(extra)
        return data

    def _push(self, data: bytes) -> None:
        """Sends what can be sent now, and the rest when there is room."""
        if self.closed or not data:
            return
        if self._out:
            self._out += data
            return
        sent = self._send_some(data)
        if sent < len(data) and not self.closed:
            self._out += memoryview(data)[sent:]
            self._loop.add_writer(self._fd, self._on_writable)

    def _send_some(self, data: bytes | bytearray) -> int:
        try:
            return self._sock.send(data, _socket.MSG_NOSIGNAL)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self.close()
            return 0

    def _on_writable(self) -> None:
        sent = self._send_some(self._out)
        if self.closed:
            return
        if sent:
            del self._out[:sent]
            self._read += sent
            if self._read >= PROGRESS or not self._out:  # a byte now and then does not keep a connection
                self._set_timer("")
        if not self._out:
            self._loop.remove_writer(self._fd)
        self._work()

    def _watch_input(self, reading: bool) -> None:
        if reading == self._reading:
            return
        self._reading = reading
        if reading:
            self._loop.add_reader(self._fd, self._on_readable)
        else:
            self._loop.remove_reader(self._fd)

    def _set_timer(self, purpose: str, seconds: float = 0) -> None:
        """Sets the timer for a purpose; while the purpose is the same, the time does not start anew."""
        if purpose == self._timer_for:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_for = purpose
        self._read = 0
        self._timer = self._loop.call_later(seconds, self._late) if purpose else None

    def _release(self) -> None:
        """Closes the socket and drops unsent data."""
        self.closed = True
        self._set_timer("")
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._sock.close()
        self._out = bytearray()
