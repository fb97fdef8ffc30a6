"""The terminal while `attach` reads from it: reads lines as usual, but a detach key at once.

The kernel keeps echo and line editing, since a program that reads a pipe has neither. The detach keys are
made to end a line (VEOL, VEOL2), so they are read before Enter; with more than two different keys, or a key
that edits lines, line editing is off. However the client ends, the terminal is restored.
"""

from __future__ import annotations

import os
import signal
import termios

from supervice.pid1.signals import signal_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

IFLAG, LFLAG, CHARACTERS = 0, 3, 6
ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# Other meanings that a key may have for the terminal; while we are attached it only ends a line.
_OTHERS = ("VSTART", "VSTOP", "VLNEXT", "VDISCARD", "VREPRINT", "VSUSP", "VQUIT", "VINTR")
_EDITING = ("VEOF", "VERASE", "VKILL", "VWERASE")


class Ended(BaseException):
    """Raised when a signal ends the client; `code` is its exit code."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.code = 128 + signum


class LineTerminal:
    """Sets a terminal inside `with`; restores it afterwards, and while the client is stopped (Ctrl-Z)."""

    def __init__(self, fd: int, keys: bytes) -> None:
        self._fd = fd
        self._keys = keys
        self._before: list[Any] = []
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> LineTerminal:
        self._before = termios.tcgetattr(self._fd)
        for signum in ENDINGS:
            self._handlers[signum] = signal.signal(signum, _end)
        self._handlers[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._stop)
        self._set()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._restore()
        for signum, handler in self._handlers.items():
            signal.signal(signum, handler)

    def _set(self) -> None:
        mode = termios.tcgetattr(self._fd)
        mode[CHARACTERS] = list(mode[CHARACTERS])
        characters = mode[CHARACTERS]
        off = os.fpathconf(self._fd, "PC_VDISABLE") or 0
        keys = sorted({bytes([key]) for key in self._keys})
        for name in _OTHERS:
            number = getattr(termios, name)
            if characters[number] in keys:
                characters[number] = bytes([off])
        edits = any(characters[getattr(termios, name)] in keys for name in _EDITING)
        if len(keys) > 2 or edits:
            mode[LFLAG] &= ~termios.ICANON
            characters[termios.VMIN], characters[termios.VTIME] = 1, 0
        else:
            characters[termios.VEOL], characters[termios.VEOL2] = keys[0], keys[-1]
        termios.tcsetattr(self._fd, termios.TCSANOW, mode)

    def _restore(self) -> None:
        """Restores the terminal, also from the background, where SIGTTOU would stop us for it."""
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        try:
            termios.tcsetattr(self._fd, termios.TCSANOW, self._before)
        except termios.error:
            pass  # the terminal is gone
        finally:
            signal.signal(signal.SIGTTOU, before)

    def _stop(self, _signum: int, _frame: FrameType | None) -> None:
        self._restore()
        signal_process(os.getpid(), signal.SIGSTOP)
        self._before = termios.tcgetattr(self._fd)  # a shell may have set another one meanwhile
        self._set()


def _end(signum: int, _frame: FrameType | None) -> None:
    raise Ended(signum)
