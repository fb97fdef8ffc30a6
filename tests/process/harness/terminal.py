"""A command on a terminal of its own, as a person has it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager


def set_size(fd: int, lines: int, columns: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


@contextmanager
def on_terminal(
    argv: list[str], lines: int = 31, columns: int = 77, **environment: str
) -> Iterator[tuple[int, int]]:
    """Runs it as the leader of a session on a terminal; gives its pid and our end."""
    pid, fd = pty.fork()
    if pid == 0:
        set_size(0, lines, columns)
        os.execvpe(argv[0], argv, {**os.environ, "TERM": "xterm", **environment})
    try:
        yield pid, fd
    finally:
        os.close(fd)


def read_until(fd: int, text: str, timeout: float = 20) -> str:
    """What comes until it ends in `text`; what comes after it is for the next call."""
    got, until = b"", time.monotonic() + timeout
    while not got.endswith(text.encode()):
        left = max(0.0, until - time.monotonic())
        assert select.select([fd], [], [], left)[0], f"{text!r} is not in {got[-4000:]!r}"
        try:
            got += os.read(fd, 1)
        except OSError:
            raise AssertionError(f"the terminal was closed after {got!r}") from None
    return got.decode()
