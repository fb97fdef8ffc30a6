"""Lends the terminal to the command while it runs, and takes it back when it ends."""

from __future__ import annotations

import os

from supervice.lean.builtin import signal


def foreground_terminal(fd: int = 0) -> bool:
    """Returns whether `fd` is our controlling terminal and we are its foreground group."""
    try:
        return os.isatty(fd) and os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False  # a terminal, but not our controlling one


def give(pgid: int, fd: int = 0) -> None:
    """Makes `pgid` the foreground group of the terminal, even while we are in the background."""
    # SIGTTOU stops a background process that changes the foreground, unless it is blocked.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        os.tcsetpgrp(fd, pgid)
    except OSError:
        pass  # the terminal is gone, or was given to another session
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
