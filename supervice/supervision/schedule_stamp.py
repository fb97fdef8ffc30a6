"""Reads and writes the file of `schedule_stamp`."""

from __future__ import annotations

import os

from supervice import logger
from supervice.fs.files import open_or_create, read_file
from supervice.fs.place import Place
from supervice.schedules import stamp

MODE = 0o644
_MOST = 1 << 20  # bytes that are read of a file that is named by mistake


def read_stamp(name: str, path: str) -> float | None:
    """Returns seconds since 1970; None without a stamp, or, after a warning, with one it cannot read."""
    try:
        return stamp.read(read_file(path, _MOST)[0])
    except FileNotFoundError:
        return None
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
    except ValueError as error:
        why = str(error)
    logger.warning(f"{name}: schedule_stamp {path} {why}; nothing is made up")
    return None


def write_stamp(name: str, path: str, until: float, *, quiet: bool) -> bool:
    """Returns whether it was written; `quiet`: a failure has been logged before."""
    data = stamp.write(until)
    try:
        with Place(path) as place:
            fd = open_or_create(place, os.O_WRONLY, MODE)
        try:
            os.pwrite(fd, data, 0)  # never shorter in between: we may be killed at any moment
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
