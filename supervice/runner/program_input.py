"""The standard input of one process with `stdin = pipe`: a pipe for each run, open as long as the run is.

Writing never waits. Text that the program does not read waits here, up to a limit that writers must respect:
each `write` tells when its text is in the pipe. `Launcher` makes it for the first start of such a program.
"""

from __future__ import annotations

import os

from supervice.lean.builtin import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.lean.loop import EventLoop

    Taken = Callable[[bool], object]

# Bytes that may wait while the program does not read; beyond that a writer is refused.
LIMIT = 1024 * 1024


class ProgramInput:
    """See the module's docstring. A run begins with `open` and ends with `end`."""

    __slots__ = ("_fd", "_last", "_loop", "_queue", "_theirs", "_writing", "waiting")

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._fd = -1
        self._theirs = -1
        self._queue: deque[tuple[bytes, Taken | None]] = deque()
        self._writing = False
        self._last = False  # nothing comes behind the queue: the input is closed then
        self.waiting = 0  # bytes in the queue

    # -- one run, for `Launcher` -------------------------------------------------------------------------

    def open(self) -> int:
        """Returns the descriptor for the child's standard input; it stays ours until `opened`."""
        self.end()
        self._theirs, self._fd = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._fd, False)
        return self._theirs

    def opened(self) -> None:
        """Closes our copy: the child has its descriptor, or was not started."""
        if self._theirs >= 0:
            os.close(self._theirs)
            self._theirs = -1

    def question(self) -> None:
        """Returns None: it has nothing to ask before a start."""

    def end(self) -> None:
        """Ends the run: text that it has not read is lost."""
        self._watch(False)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._last = False
        queue, self._queue, self.waiting = self._queue, deque(), 0
        for _, taken in queue:
            if taken is not None:
                taken(False)

    # -- for writers -------------------------------------------------------------------------------------

    def write(self, text: bytes, taken: Taken | None = None) -> None:
        """Writes the text after all text that waits already.

        Calls `taken(True)` when all of it is in the pipe, `taken(False)` when it will not be read.
        BrokenPipeError when the program has closed its input or does not run, BlockingIOError when too much
        waits already.
        """
        if self._fd < 0 or self._last or self._is_closed():
            raise BrokenPipeError
        if self.waiting > LIMIT:
            raise BlockingIOError
        self._queue.append((text, taken))
        self.waiting += len(text)
        if not self._writing:
            self._go_on()

    def close(self) -> None:
        """Closes the input of this run after all that was written: then the program reads its end."""
        if self._fd >= 0:
            self._last = True
            if not self._queue:
                self.end()

    def _is_closed(self) -> bool:
        """Returns whether no process has the other end any more."""
        import select

        poll = select.poll()
        poll.register(self._fd, 0)  # POLLERR is always reported
        return bool(poll.poll(0))

    def _go_on(self) -> None:
        try:
            while self._queue:
                text, taken = self._queue[0]
                done = os.write(self._fd, text) if text else 0
                self.waiting -= done
                if done < len(text):
                    self._queue[0] = text[done:], taken
                    continue
                self._queue.popleft()
                if taken is not None:
                    taken(True)
        except BlockingIOError:
            pass
        except OSError:
            self.end()
            return
        if self._last and not self._queue:
            self.end()
        self._watch(bool(self._queue))

    def _watch(self, on: bool) -> None:
        if on != self._writing:
            self._writing = on
            if on:
                self._loop.add_writer(self._fd, self._go_on)
            else:
                self._loop.remove_writer(self._fd)
