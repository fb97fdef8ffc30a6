"""Whose turn it is on the terminal: lent to the command while it runs, taken back when it ends."""

from __future__ import annotations

import os

from supervice.lean.builtin import signal


def foreground_terminal(fd: int = 0) -> bool:
    """Whether `fd` is our controlling terminal and we may use it (we are its foreground group)."""
    try:
        return os.isatty(fd) and os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False  # a terminal, but not our controlling one


def give(pgid: int, fd: int = 0) -> None:
    """Makes `pgid` the foreground group of the terminal, also while it is not ours."""
    # A background process that changes the foreground is stopped by SIGTTOU unless it is blocked.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        os.tcsetpgrp(fd, pgid)
    except OSError:
        pass  # the terminal is gone, or was given to another session
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
