"""What stays of a block of lines that a full disk took in part. Loaded with the first such block."""

from __future__ import annotations

import os


def keep_whole_lines(fd: int, size: int, block: bytes, done: int) -> tuple[int, bool]:
    """Takes an unfinished line out of a file again, which had `size` bytes before `done` of the block came.

    Returns how many bytes of the block stay, and whether they end within a line all the same.
    """
    whole = block.rfind(b"\n", 0, done) + 1
    if whole == done:
        return done, False
    try:
        if os.fstat(fd).st_size != size + done:
            return done, True  # another process has appended: nothing of that is cut off
        os.ftruncate(fd, size + whole)
    except OSError:
        return done, True
    return whole, False
