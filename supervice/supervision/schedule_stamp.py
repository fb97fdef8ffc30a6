"""Reads and writes the file of `schedule_stamp`."""

from __future__ import annotations

import os
import stat

from supervice import logger
from supervice.schedules import stamp

MODE = 0o644


def read_stamp(name: str, path: str) -> float | None:
    """Seconds since 1970; None when there is none yet, or none that can be read, which is said."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise ValueError("is no regular file")
            return stamp.read(os.read(fd, stamp.LONGEST + 1))
        finally:
            os.close(fd)
    except FileNotFoundError:
        return None
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
    except ValueError as error:
        why = str(error)
    logger.warning(f"{name}: schedule_stamp {path} {why}; nothing is made up")
    return None


def write_stamp(name: str, path: str, until: float, *, quiet: bool) -> bool:
    """Returns whether it was written; `quiet`: that it cannot be is said already."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY
    try:
        fd = os.open(path, flags, MODE)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise OSError(22, "is no regular file")
            data = stamp.write(until)
            os.pwrite(fd, data, 0)  # at once, and never shorter in between
            os.ftruncate(fd, len(data))
        finally:
            os.close(fd)
    except OSError as error:
        if not quiet:
            why = error.strerror or error
            logger.warning(
                f"{name}: schedule_stamp {path} cannot be written: {why}; it is tried with each run"
            )
        return False
    return True
