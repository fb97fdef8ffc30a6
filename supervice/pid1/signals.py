"""Signals in both directions: receives them, and is the one place that sends any.

Receiving does not use `loop.add_signal_handler`: asyncio loses a SIGTERM once about 280 signals have queued
up while the loop was busy (measured on 3.11 to 3.14). Here a handler only adds to a set, which cannot
overflow, and the wake-up descriptor only has to wake, so a full pipe is harmless. Handlers, never SIG_IGN: an
ignored signal stays ignored in every child, a handled one does not.
"""

from __future__ import annotations

import os

from supervice.lean.builtin import signal, signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from supervice.lean.loop import EventLoop


PIPE_SIZE = 65536

# Seconds between a signal and the next step, where no option sets them.
LEFTOVERS_GRACE = 5.0  # from SIGTERM to SIGKILL, for what programs leave behind
# After SIGKILL the kernel ends a process within microseconds, unless it is in uninterruptible sleep. How long
# we wait for a killed child: when there is time, and while the container ends.
AFTER_KILL = 5.0
AFTER_KILL_AT_SHUTDOWN = 1.0
AFTER_KILL_OF_LEFTOVERS = 2.0

# Seconds for which orphans may gather in a storm.
GATHER = 0.004
_CHILD = (signal.SIGCHLD,)


class SignalRouter:
    """Calls a handler in the loop soon after its signal came; equal signals merge, as in the kernel."""

    def __init__(self, loop: EventLoop) -> None:
        """Sets up the wake-up pipe. ValueError outside of the main thread."""
        self._loop = loop
        self._wakes: Callable[[], bool] | None = getattr(loop, "wakes", None)  # asyncio's has none
        self._ahead: list[int] = []  # acted on, while the byte is still in the pipe
        self._pending: set[int] = set()
        self._handlers: dict[int, Callable[[int], object]] = {}
        self._every: set[int] = set()
        self._again = False
        self._closed = False
        self._gathering = False
        self._previous: dict[int, Any] = {}
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._previous_wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        except ValueError:
            os.close(self._read)
            os.close(self._write)
            raise
        loop.add_reader(self._read, self.drain)

    def handle(self, signum: int, handler: Callable[[int], object], *, every: bool = False) -> None:
        """Calls `handler(signum)` from now on, once for all signals since the last turn of the loop.

        With `every`, as often as it came (as long as no more than a pipe's 65,536 came in one turn).
        """
        self._handlers[signum] = handler
        (self._every.add if every else self._every.discard)(signum)
        previous = signal.signal(signum, self._note)
        if previous != self._note:
            self._previous[signum] = previous

    def release(self, signum: int) -> None:
        """Puts back the handler that `signum` had before."""
        self._every.discard(signum)
        if self._handlers.pop(signum, None) is not None:
            previous = self._before(signum)
            if signal.getsignal(signum) == self._note:  # else other code has taken it over
                signal.signal(signum, previous)

    def _before(self, signum: int) -> Any:
        """Returns the handler that the signal had before us; not that of a router that is closed by now."""
        previous = self._previous.get(signum) or signal.SIG_DFL
        owner = getattr(previous, "__self__", None)
        return owner._before(signum) if isinstance(owner, SignalRouter) and owner._closed else previous

    def _note(self, signum: int, _frame: FrameType | None) -> None:
        """Acts at once where it has woken the loop: reading the pipe first is a sixth of a stop's time."""
        if self._wakes is None or self._closed or not self._wakes():
            self._pending.add(signum)
            return
        self._ahead.append(signum)
        self._call(signum)

    def reap_with(self, poll: Callable[[], bool]) -> None:
        """Calls `poll` when children have ended; in a storm, which it reports, it lets some gather.

        Each SIGCHLD would cost more than the orphan that it is for. Blocked, they become one; no other signal
        is held up by that. Whatever is spawned meanwhile starts with an empty mask.
        """

        def ended(_signum: int) -> None:
            if poll() and not self._gathering and not self._closed:
                self._gathering = True
                signal.pthread_sigmask(signal.SIG_BLOCK, _CHILD)
                self._loop.call_later(GATHER, self._gathered)

        self.handle(signal.SIGCHLD, ended)

    def _gathered(self) -> None:
        if self._gathering:
            self._gathering = False
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _CHILD)

    def drain(self) -> None:
        """Calls the handlers of the signals that have come."""
        came = b""
        try:
            came = os.read(self._read, PIPE_SIZE)
        except BlockingIOError:
            pass
        ahead, self._ahead = self._ahead, []
        for signum in came if self._every else b"":  # the interpreter writes one byte for each that came
            if signum in ahead:
                ahead.remove(signum)
            elif signum in self._every:
                self._call(signum)
        # Signals from here on wait for the next turn, or a steady storm would starve the loop.
        pending, self._pending = self._pending, set()
        if len(came) < PIPE_SIZE:  # else bytes may be missing, and the flags are all there is
            pending -= self._every
        # The lower numbers first: TERM and INT before CHLD, so that a storm of deaths does not delay a stop.
        for signum in sorted(pending):
            self._call(signum)
        if self._pending and not self._again:  # a flag whose byte may have been read already
            self._again = True
            self._loop.call_soon(self._drain_again)

    def _drain_again(self) -> None:
        self._again = False
        if not self._closed:
            self.drain()

    def _call(self, signum: int) -> None:
        handler = self._handlers.get(signum)
        try:
            if handler is not None:
                handler(signum)
        except Exception as error:  # the other signals must not be lost with it
            self._loop.call_soon(_raise, error)

    def close(self, *, restore: bool = True) -> None:
        """Ends it. Without `restore` the handlers stay, and note only: the process is about to exit."""
        self._closed = True
        self._gathered()
        for signum in list(self._handlers) if restore else ():
            self.release(signum)
        self._loop.remove_reader(self._read)
        current = signal.set_wakeup_fd(-1)
        try:
            other = self._previous_wakeup if current == self._write else current
            signal.set_wakeup_fd(other, warn_on_full_buffer=False)
        except (OSError, ValueError):
            pass  # the descriptor that was there before ours is closed
        os.close(self._read)
        os.close(self._write)


def _raise(error: Exception) -> None:
    raise error


def clean_dispositions() -> None:
    """Undoes what our parent left behind: every program would inherit ignored and blocked signals.

    SIGPIPE and SIGXFSZ are Python's own; each child gets their default instead.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for signum in signal.valid_signals():
        if signum not in (signal.SIGPIPE, signal.SIGXFSZ) and signal.getsignal(signum) == signal.SIG_IGN:
            signal.signal(signum, signal.SIG_DFL)


def name(signum: int) -> str:
    """Returns `SIGTERM` for 15, `SIGRTMIN+3` for 37, `signal 99` for a number without a name."""
    if named := signal_name(signum):
        return named
    if signal.SIGRTMIN < signum < signal.SIGRTMAX:
        return f"SIGRTMIN+{signum - signal.SIGRTMIN}"
    return f"signal {signum}"


def signal_group(pgid: int, signum: int) -> bool:
    """Signals a whole process group; returns False when it has no members (that we may signal).

    The caller makes sure that `pgid` is still ours: its leader is not reaped yet.
    """
    try:
        os.killpg(pgid, signum)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def signal_process(pid: int, signum: int) -> bool:
    """Signals one process that is ours and not reaped yet; returns False when it is gone or refused."""
    try:
        os.kill(pid, signum)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def signal_pidfd(pidfd: int, signum: int) -> bool:
    """Signals the very process that the descriptor was opened for, even if another has its number now."""
    try:
        signal.pidfd_send_signal(pidfd, signum)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def kill_everyone_else() -> None:
    """Sends SIGKILL to every other process of the namespace whose PID 1 we are, in one step.

    No fork escapes it, however fast.
    """
    if os.getpid() == 1:  # elsewhere these would be all processes of the user, or of the machine
        try:
            os.kill(-1, signal.SIGKILL)
        except OSError:
            pass  # there is none, or none that we may signal


def group_is_empty(pgid: int) -> bool:
    """Returns whether no process (not even a zombie) is left in the group."""
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False
