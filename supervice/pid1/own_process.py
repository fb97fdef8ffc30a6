"""Puts our own process in order before anything is started."""

from __future__ import annotations

import os
import sys

# Whether this is the static bundle, whose interpreter has all modules in its own file (docs/adr/0020).
IN_BUNDLE = "_supervice" in sys.builtin_module_names
START_IS_OVER = 0.1  # seconds after the first programs were told to start


def is_pid1() -> bool:
    return os.getpid() == 1


def open_standard_streams() -> None:
    """Opens descriptors 0 to 2 if we were started with them closed.

    The next file that we open would become a program's standard output. It runs before everything else, even
    before the loop.
    """
    if all(map(_is_open, (0, 1, 2))):
        return  # there may be no /dev: a bare root
    while True:
        fd = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        if fd > 2:
            os.close(fd)
            break
        os.set_inheritable(fd, True)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def start_is_over() -> None:
    """Frees what only the start needed: 3 MB of the bundle's file, and its time without a collector."""
    import _supervice

    _supervice.started()


def settle_in() -> None:
    """Keeps inherited descriptors from programs, except the standard streams. For the daemon only."""
    try:
        given = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        given = list(range(3, 256))
    for fd in given:
        if fd > 2:
            try:
                os.set_inheritable(fd, False)
            except OSError:
                pass  # the descriptor of the listing itself, closed by now


def at_least(limit: str, least: int) -> str:
    """Raises our own limit, NOFILE or NPROC, which programs inherit; returns "", or a warning."""
    import resource

    number: int = getattr(resource, f"RLIMIT_{limit}")
    try:
        soft, hard = resource.getrlimit(number)
    except (OSError, ValueError) as error:  # a seccomp profile without prlimit64
        return f"{least} cannot be compared with our limit, which is not to be read: {error}"
    if soft == -1 or soft >= least:
        return ""
    try:
        resource.setrlimit(number, (least, hard if hard == -1 else max(hard, least)))
    except (OSError, ValueError):
        return f"{least} is above our limit of {hard}; raise it (docker run --ulimit {limit.lower()}={least})"
    return ""
