"""Which signals go on to which programs, and as what."""

from __future__ import annotations

import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervice.process import Process

# These are ours to understand, or mean a fault of our own when they come without being sent.
_OURS = frozenset(
    {
        signal.SIGKILL,
        signal.SIGSTOP,
        signal.SIGCHLD,
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGTRAP,
        signal.SIGSYS,
        signal.SIGPIPE,
        signal.SIGXFSZ,
    }
)
# What goes to `main` by itself: TERM, INT and QUIT shut down, HUP reloads.
_NOT_BY_DEFAULT = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP})
FORWARDABLE = frozenset(signal.valid_signals() - _OURS)


def forwards(processes: Iterable[Process]) -> dict[int, list[tuple[Process, int]]]:
    """For each signal that we may get: the processes that it goes to, and the signal that they get."""
    table: dict[int, list[tuple[Process, int]]] = {}
    for process in processes:
        config = process.config
        wanted = dict(config.forward_signals)
        if config.main:
            for signum in FORWARDABLE - _NOT_BY_DEFAULT:
                wanted.setdefault(int(signum), int(signum))
        for received, delivered in wanted.items():
            table.setdefault(received, []).append((process, delivered))
    return table
