"""Descriptors that come over a Unix socket (SCM_RIGHTS): refused, or closed without waiting.

The last close of one can take as long as its sender likes: a TCP socket with SO_LINGER waits for it. What a
plain `recv` does not take is closed by the kernel, for which the caller waits in the same way.
"""

from __future__ import annotations

import _socket
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SO_PASSRIGHTS = 83  # asm-generic/socket.h, Linux 6.16; `socket` has no name for it
# As many descriptors as the kernel lets pass in one message (SCM_MAX_FD).
MOST_FDS = 253
ROOM = _socket.CMSG_SPACE(4 * MOST_FDS)
_NO_LINGER = bytes(8)  # struct linger: off, no seconds


def refuse_rights(sock: _socket.socket) -> None:
    """Has the kernel refuse descriptors, if it can: their sender gets EPERM.

    A connection that is accepted has it of the listening socket, from the moment the client connects.
    """
    try:
        sock.setsockopt(_socket.SOL_SOCKET, SO_PASSRIGHTS, 0)
    except OSError:
        pass  # an older kernel


def close_received(extra: Iterable[tuple[int, int, bytes]]) -> None:
    """Closes the descriptors in the ancillary data of a message; what is no SCM_RIGHTS is passed over.

    Lingering is switched off, not set to no seconds: that would reset a connection its sender still has.
    """
    for level, kind, content in extra:
        if level != _socket.SOL_SOCKET or kind != _socket.SCM_RIGHTS:
            continue
        for fd in integers(content):
            _cease_to_linger(fd)
            try:
                os.close(fd)
            except OSError:
                pass  # closed all the same; what could not be written was its sender's


def _cease_to_linger(fd: int) -> None:
    try:
        sock = _socket.socket(fileno=fd)
    except OSError:
        return  # a pipe, a file
    try:
        sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_LINGER, _NO_LINGER)
    except OSError:
        pass
    finally:
        sock.detach()


def integers(content: bytes) -> list[int]:
    """Returns the whole ints (of C) in the content of a control message."""
    whole = len(content) - len(content) % 4
    return [int.from_bytes(content[i : i + 4], sys.byteorder, signed=True) for i in range(0, whole, 4)]
