"""A test that needs a process to itself: it waits for every child, moves pids, lacks descriptors or may have no threads."""

from __future__ import annotations

import os
import signal
import traceback
import warnings
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

P = ParamSpec("P")
# Seconds; a body that hangs must not outlive the test.
PATIENCE = 60


def isolated(test: Callable[P, None]) -> Callable[P, None]:
    """Runs the test in a fork that has no other children; what it raises is the failure."""

    @wraps(test)
    def forked(*args: P.args, **kwargs: P.kwargs) -> None:
        read, write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads; it uses none of them
            pid = os.fork()
        if pid == 0:
            said = b""
            try:
                os.close(read)
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(PATIENCE)
                test(*args, **kwargs)
            except BaseException:
                said = traceback.format_exc().encode()
            finally:
                with open(write, "wb", closefd=False) as answer:
                    answer.write(said)
                os._exit(1 if said else 0)
        os.close(write)
        with open(read, "rb") as answer:
            said = answer.read()
        _, status = os.waitpid(pid, 0)
        assert status == 0, said.decode() or f"ended with {os.waitstatus_to_exitcode(status)}"

    return forked
