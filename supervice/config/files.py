"""Reads a file whose name comes from a configuration: regular files only, up to a size, without waiting."""

from __future__ import annotations

import os


def read_regular(path: str, most: int) -> tuple[bytes, os.stat_result]:
    """Returns the content and its fstat. OSError, in words, for a directory, a FIFO, too many bytes."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        info = os.fstat(fd)
        kind = info.st_mode & 0o170000
        if kind == 0o040000:
            raise OSError(21, "it is a directory; name a file")
        if kind != 0o100000:
            raise OSError(22, "it is not a regular file; name one")
        chunks = []
        total = 0
        while chunk := os.read(fd, min(1 << 20, most + 1)):
            chunks.append(chunk)
            total += len(chunk)
            if total > most:
                raise OSError(27, f"it is larger than {most >> 20} MB")
        return b"".join(chunks), info
    finally:
        os.close(fd)
