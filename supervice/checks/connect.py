"""Makes connections without holding up the loop; a thread looks up names."""

from __future__ import annotations

import errno
import os

from supervice.lean.loop import running_loop
from supervice.lean.rights import refuse_rights
from supervice.net.resolver import at_once, look_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import socket as Socket
    from typing import Any

    from supervice.lean.loop import AnyFuture, EventLoop


# What we may lack to make a connection; EAGAIN means that the program's queue is full.
_MEANS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})


def lacks_means(error: OSError) -> bool:
    """Returns whether the error is about us: we lacked what it takes to ask."""
    return error.errno in _MEANS


async def connect(host: str, port: int) -> Socket:
    """Returns a connected, non-blocking socket; the caller closes it. OSError when it is refused."""
    import socket

    loop = running_loop()
    last: OSError = OSError(errno.EADDRNOTAVAIL, "no address")
    for family, kind, proto, _, address in await _addresses(loop, host, port):
        try:
            sock = socket.socket(family, kind, proto)
        except OSError as error:  # a host without IPv6, or no descriptors
            last = error
            continue
        try:
            await _connect(loop, sock, address)
        except OSError as error:
            sock.close()
            last = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise last


async def connect_unix(path: str) -> None:
    """Returns when a process listens at the path (stream or datagram). OSError when none does."""
    import socket

    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        with socket.socket(socket.AF_UNIX, kind) as sock:
            refuse_rights(sock)  # of a server that sends at once; our close would wait for them
            try:
                await _connect(running_loop(), sock, path)
                return
            except OSError as error:
                if error.errno != errno.EPROTOTYPE:
                    raise


async def _connect(loop: EventLoop, sock: Socket, address: Any) -> None:
    import socket

    sock.setblocking(False)
    number = sock.connect_ex(address)
    if number == errno.EINPROGRESS:
        await writable(loop, sock)
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number != 0:
        raise OSError(number, os.strerror(number))


async def writable(loop: EventLoop, sock: Socket) -> None:
    future = loop.create_future()
    loop.add_writer(sock.fileno(), _resolve, future)
    try:
        await future
    finally:
        loop.remove_writer(sock.fileno())


async def readable(loop: EventLoop, sock: Socket) -> None:
    future = loop.create_future()
    loop.add_reader(sock.fileno(), _resolve, future)
    try:
        await future
    finally:
        loop.remove_reader(sock.fileno())


async def _addresses(loop: EventLoop, host: str, port: int) -> list[Any]:
    """Returns the entries of getaddrinfo; for a name they are looked up in a thread."""
    found = at_once(host, port)
    if found is not None:
        return found
    future = loop.create_future()
    cancel = look_up(loop, host, port, 0, lambda answer: None if future.done() else future.set_result(answer))
    try:
        answer = await future
    finally:
        cancel()
    if isinstance(answer, OSError):
        raise answer
    return list(answer)


def _resolve(future: AnyFuture) -> None:
    if not future.done():
        future.set_result(None)
