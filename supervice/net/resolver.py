"""Looks up host names beside the loop: it can take minutes to give up on a dead name server.

Each lookup is a thread that does nothing else; callers that ask for the same name meanwhile share it. A
thread that still waits does not keep the daemon from ending.
"""

from __future__ import annotations

import _socket  # the C half of `socket`, see `peer`
import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.lean.loop import EventLoop

    # The entries of getaddrinfo, or why there are none.
    Answer = list[tuple[Any, ...]] | OSError
    Key = tuple[int, str, int, int]

_under_way: dict[Key, LookUp] = {}


def at_once(host: str, port: int, flags: int = 0) -> list[tuple[Any, ...]] | None:
    """Returns the entries of getaddrinfo for a numeric address ("": every interface); None for a name."""
    try:
        return _socket.getaddrinfo(
            host or None, port, 0, _socket.SOCK_STREAM, 0, flags | _socket.AI_NUMERICHOST
        )
    except (OSError, UnicodeError):
        return None


def look_up(
    loop: EventLoop, host: str, port: int, flags: int, answered: Callable[[Answer], object]
) -> Callable[[], None]:
    """Calls `answered` once in a later turn; returns a function that cancels. OSError without a thread."""
    key = (id(loop), host, port, flags)
    found = _under_way.get(key)
    if found is None:
        found = _under_way[key] = LookUp(loop, key)
        try:
            found.start()
        except BaseException:
            del _under_way[key]
            raise
    found.waiting.append(answered)
    waiting = found.waiting

    def cancel() -> None:
        if answered in waiting:
            waiting.remove(answered)

    return cancel


class LookUp:
    """One call of getaddrinfo."""

    def __init__(self, loop: EventLoop, key: Key) -> None:
        self._loop = loop
        self._key = key
        self._answer: Answer = OSError(errno.EAGAIN, "no answer")
        self.waiting: list[Callable[[Answer], object]] = []
        self._read = self._write = -1

    def start(self) -> None:
        import _thread

        self._read, self._write = os.pipe2(os.O_CLOEXEC)
        try:
            _thread.start_new_thread(self._ask, ())
        except RuntimeError:
            os.close(self._read)
            os.close(self._write)
            raise OSError(errno.EAGAIN, f"{self._key[1]}: no thread can be made to look it up") from None
        self._loop.add_reader(self._read, self._answered)

    def _ask(self) -> None:
        _, host, port, flags = self._key
        try:
            self._answer = _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM, 0, flags)
        except OSError as error:
            self._answer = error
        except UnicodeError as error:
            self._answer = OSError(errno.EADDRNOTAVAIL, str(error))
        os.close(self._write)

    def _answered(self) -> None:
        self._loop.remove_reader(self._read)
        os.close(self._read)
        del _under_way[self._key]
        for answered in self.waiting:
            self._loop.call_soon(answered, self._answer)
