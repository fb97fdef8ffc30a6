"""The rotated files of a log: `log.1` … `log.N`, the newest first, plain or compressed (`log.3.gz`).

Renames and unlinks only; whatever moment we are killed at, every line is in one of the files. Called by
`FileSink` when it rotates and by `Archive` when a file is compressed; must not know who writes.
"""

from __future__ import annotations

import os

SUFFIX = ".gz"


def shift(path: str, backups: int) -> None:
    """Makes `path.1` free by moving each file to the next number. OSError: some may have moved.

    Only as far as the first free number: after a kill in the middle, or when somebody took a file away,
    nothing older has to go. The oldest is unlinked first: renaming over an existing file makes ext4 write the
    other one out at once.
    """
    last = 1
    while last < backups and is_taken(path, last):
        last += 1
    if last == backups:
        for suffix in ("", SUFFIX):
            unlink(f"{path}.{last}{suffix}")
    for number in range(last - 1, 0, -1):
        for suffix in ("", SUFFIX):
            try:
                os.rename(f"{path}.{number}{suffix}", f"{path}.{number + 1}{suffix}")
            except FileNotFoundError:
                pass


def is_taken(path: str, number: int) -> bool:
    return os.path.lexists(f"{path}.{number}") or os.path.lexists(f"{path}.{number}{SUFFIX}")


def next_plain(path: str, backups: int) -> int:
    """The newest backup that is still to be compressed; 0: none.

    When both forms of one number are there, of the same time to the nanosecond, we were killed after the
    compressed one was complete: the plain one goes. Two that differ are two files; neither is touched.
    """
    for number in range(1, backups + 1):
        try:
            plain = os.lstat(f"{path}.{number}")
        except OSError:
            continue
        if not os.path.lexists(f"{path}.{number}{SUFFIX}"):
            return number
        if os.lstat(f"{path}.{number}{SUFFIX}").st_mtime_ns == plain.st_mtime_ns:
            unlink(f"{path}.{number}")
    return 0


def find(path: str, backups: int, identity: tuple[int, int]) -> int:
    """The number that a backup has by now, known by device and inode; 0 when it is gone."""
    for number in range(1, backups + 1):
        try:
            status = os.lstat(f"{path}.{number}")
        except OSError:
            continue
        if (status.st_dev, status.st_ino) == identity:
            return number
    return 0


def unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
