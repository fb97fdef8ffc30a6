"""The pipes of one listener process through all its runs: events go in, the protocol comes out.

Writing never waits: a listener that does not read keeps its one event in our memory and gets no other.
`Launcher` takes the standard input from here; the pump of its stdout passes on what it says.
"""

from __future__ import annotations

import os

from supervice import logger
from supervice.lifecycle.states import RUNNING
from supervice.supervisord.listeners import protocol as p

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.lean.loop import EventLoop
    from supervice.process import Process
    from supervice.supervisord.listeners.pool import Pool, Waiting


class Channel:
    """The pipes of one process. A run begins with `begin` and `open`, and ends with `end`."""

    __slots__ = ("_event", "_fd", "_loop", "_out", "_pool", "_protocol", "_theirs", "_writing", "process")

    def __init__(self, loop: EventLoop, pool: Pool, process: Process) -> None:
        self._loop = loop
        self._pool = pool
        self.process = process
        self._protocol = p.ListenerProtocol()
        self._fd = -1  # our end of its standard input
        self._theirs = -1
        self._out = b""
        self._writing = False
        self._event: Waiting | None = None

    # -- one run -----------------------------------------------------------------------------------------

    def begin(self) -> Callable[[bytes], None]:
        """Prepares a run: its output is read for answers; that of an earlier run's children no longer is."""
        self.end()
        run = self._protocol = p.ListenerProtocol()

        def heard(data: bytes) -> None:
            if run is self._protocol:
                self._heard(data)

        return heard

    def open(self) -> int:
        """Returns the descriptor for its standard input; it stays ours until `opened`."""
        self._theirs, self._fd = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._fd, False)
        return self._theirs

    def question(self) -> None:
        """Returns None: it has nothing to ask before a start."""

    def opened(self) -> None:
        """Closes our copy: the child has its descriptor, or was not started."""
        os.close(self._theirs)
        self._theirs = -1

    def end(self) -> None:
        """Ends the run: the event that it was working on goes to another process."""
        self._close()
        self._protocol = p.ListenerProtocol()
        event, self._event = self._event, None
        if event is not None:
            logger.warning(f"{self.process.config.name}: ended without an answer to event {event.serial}")
            self._pool.take_back(event)

    def _close(self) -> None:
        if self._writing:
            self._loop.remove_writer(self._fd)
            self._writing = False
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._out = b""

    # -- events to it ------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        return self._protocol.state == p.READY and self._fd >= 0 and self.process.state == RUNNING

    @property
    def busy(self) -> bool:
        return self._event is not None

    @property
    def working(self) -> bool:
        """Whether it is, or will be, ready again."""
        return self._fd >= 0 and self._protocol.state != p.UNKNOWN and self.process.state == RUNNING

    def send(self, event: Waiting, data: bytes) -> bool:
        """Writes an event; returns False when it has closed its standard input."""
        self._out = data
        if not self._write():
            return False
        self._event = event
        self._protocol.sent()
        return True

    def _write(self) -> bool:
        try:
            self._out = self._out[os.write(self._fd, self._out) :]
        except BlockingIOError:
            pass
        except OSError:
            self._close()
            logger.warning(
                f"{self.process.config.name}: it has closed its standard input and gets no events any more"
            )
            return False
        if bool(self._out) != self._writing:
            self._writing = not self._writing
            if self._writing:
                self._loop.add_writer(self._fd, self._write)
            else:
                self._loop.remove_writer(self._fd)
        return True

    # -- what it says ------------------------------------------------------------------------------------

    def _heard(self, data: bytes) -> None:
        name = self.process.config.name
        for answer in self._protocol.feed(data):
            event, self._event = self._event, None
            listener = self.process.config.listener
            if answer == p.REJECTED and listener is not None and listener.accepts_all:
                answer = p.PROCESSED
            if answer == p.PROCESSED:
                self._pool.processed()
            elif answer == p.REJECTED and event is not None:
                logger.warning(f"{name}: rejected event {event.serial} ({event.name}), it is offered again")
                self._pool.rejected(event)
            elif answer == p.BROKEN:
                logger.warning(
                    f"{name}: broke the event listener protocol and gets no events until it is restarted:"
                    f" {self._protocol.complaint}"
                )
                if event is not None:
                    self._pool.take_back(event)
        self._pool.dispatch()
