"""Calls a function that may never return in a forked process: the loop only waits for the reply.

A thread would do for a name server. But a process that hangs in a mount may not even be killable, and a
process with a thread that hangs there cannot end; such a child is left behind.
"""

from __future__ import annotations

import os

from supervice.lean.builtin import signal
from supervice.pid1.signals import signal_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.pid1.runtime import Runtime

LONGEST = 4096  # bytes of an answer


class ForkedCall:
    """Calls `answered(words)` once with what `ask` has returned or raised, in words.

    Only in a process that is ours alone: an application may have threads, which a fork does not copy.
    """

    def __init__(
        self, runtime: Runtime, pids: set[int], ask: Callable[[], str], answered: Callable[[str], object]
    ) -> None:
        """Forks. `pids` has the pid of the process as long as it lives. OSError when it cannot be made."""
        self._loop = runtime.loop
        self._answered = answered
        self._read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _reply(ask, write)
        except OSError:
            os.close(self._read)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(write)
        self._pids = pids
        pids.add(self.pid)
        runtime.reaper.register(self.pid, self._reaped)
        self._loop.add_reader(self._read, self._readable)

    def _reaped(self, _status: int) -> None:
        self._pids.discard(self.pid)

    def _readable(self) -> None:
        words = os.read(self._read, LONGEST).decode(errors="replace")
        self._close()
        self._answered(words)

    def _close(self) -> None:
        self._loop.remove_reader(self._read)
        os.close(self._read)
        self._read = -1

    def cancel(self) -> None:
        """Stops waiting. A child that cannot be killed ends when its mount does."""
        if self._read >= 0:
            self._close()
            if self.pid in self._pids:
                signal_process(self.pid, signal.SIGKILL)


def _reply(ask: Callable[[], str], write: int) -> None:
    """Runs in the child, which keeps nothing of ours but its end of the pipe; never returns."""
    try:
        if write != 3:
            os.dup2(write, 3)
        os.closerange(4, 1 << 20)
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(signum, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        try:
            words = ask()
        except OSError as error:
            words = f"{error.filename or ''}: {error.strerror or error}"
        os.write(3, words.encode(errors="replace")[:LONGEST])
    finally:
        os._exit(0)
