"""`supervicectl` on a terminal of the test's own."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios


def on_a_terminal(width: int, *words: str, env: dict[str, str] | None = None) -> tuple[str, int]:
    """What a command writes on a terminal of so many columns, without its colours, and its exit code."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "supervice.cli.ctl", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={
            **{k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")},
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            **(env or {}),
        },
        start_new_session=True,
    )
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        text += piece
    os.close(ours)
    return text.decode("utf-8", "replace").replace("\r\n", "\n"), process.wait()
