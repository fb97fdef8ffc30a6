"""Takes the last line out of a log file again, when the rest of it does not fit or the disk is full."""

from __future__ import annotations

import os


def take_back(fd: int, begin: int, size: int) -> bytes:
    """Cuts everything from `begin` on off a file of `size` bytes and returns it; b"" when it has to stay."""
    try:
        reader = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b""  # we may append but not read
    try:
        line = os.pread(reader, size - begin, begin)
    except OSError:
        return b""
    finally:
        os.close(reader)
    return line if len(line) == size - begin and _cut(fd, size, begin) else b""


def keep_whole_lines(fd: int, size: int, begun: int, block: bytes, done: int) -> tuple[int, bool]:
    """Takes an unfinished line out again after `done` bytes of `block` were written to a file of `size`.

    `begun`: where the line begins that the block continues; `size` when the block begins one. Returns how
    many bytes the file has gained, and whether they end in a line that had to stay.
    """
    whole = block.rfind(b"\n", 0, done) + 1 or begun - size
    if whole == done or _cut(fd, size + done, size + whole):
        return whole, False
    return done, True


def _cut(fd: int, size: int, new: int) -> bool:
    """Shortens a file of `size` bytes to `new`, unless another process has appended to it."""
    try:
        if os.fstat(fd).st_size != size:
            return False
        os.ftruncate(fd, new)
    except OSError:
        return False
    return True
