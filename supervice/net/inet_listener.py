"""Listening internet sockets: IPv4, IPv6, a name with several addresses, or all interfaces."""

from __future__ import annotations

import _socket  # the C half of `socket`, see `peer`
import errno
import os

from supervice.net.resolver import at_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BACKLOG = 1024  # the kernel cuts this to net.core.somaxconn

# Errors of getaddrinfo or bind without IPv6 (or IPv4); then the other address may do.
_NOT_HERE = frozenset((errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT))


class InetListener:
    """One listening socket. `name` is ADDRESS:PORT; `fd` is ready to accept."""

    def __init__(self, family: int, address: str, port: int, *, dual: bool = False) -> None:
        self.sock = _socket.socket(family, _socket.SOCK_STREAM)
        try:
            self.sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
            if family == _socket.AF_INET6:
                self.sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0 if dual else 1)
            self.sock.bind((address, port))
            self.sock.listen(BACKLOG)
        except BaseException:
            self.sock.close()
            raise
        self.sock.setblocking(False)
        self.fd = self.sock.fileno()
        self.port: int = self.sock.getsockname()[1]
        self.name = endpoint(address, self.port)

    def accept_from(self) -> tuple[_socket.socket, str]:
        """Returns the next connection and its client's address; BlockingIOError when there is none."""
        # what `socket.socket.accept` wraps; typeshed knows it only there
        fd, address = self.sock._accept()  # type: ignore[attr-defined]
        try:
            sock = _socket.socket(fileno=fd)
        except BaseException:
            os.close(fd)
            raise
        sock.setblocking(False)
        try:
            sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            # A host that vanishes sends nothing, and a client that follows a silent log is never written to.
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE, 1)
            sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_KEEPIDLE, 60)
            sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_KEEPINTVL, 15)
            sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_KEEPCNT, 4)
        except OSError:
            pass  # gone already; the first read says so
        return sock, endpoint(str(address[0]).removeprefix("::ffff:"), address[1])

    def again(self) -> None:
        """Returns None: unlike a socket file, an address cannot be removed."""

    def close(self) -> None:
        self.sock.close()


def endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address or '*'}:{port}"


def listen(host: str, port: int, found: list[tuple[Any, ...]] | None = None) -> list[InetListener]:
    """Returns a socket for each address of `host`; an OSError, whose `strerror` says where and why, for none.

    `found`: the entries of getaddrinfo for a name, which is not looked up here (see `resolver`).
    """
    host = host.strip("[]")
    listeners: list[InetListener] = []
    problem: OSError | None = None
    for family, address in _addresses(host, port, found):
        every = address == "::" and host in ("", "*")
        try:
            listener = InetListener(family, address, port, dual=every)
        except OSError as error:
            problem = error
            if error.errno in _NOT_HERE:
                continue
            for other in listeners:
                other.close()
            raise _explained(host, port, error) from None
        listeners.append(listener)
        port = listener.port  # the same for all addresses of a name, also when it was 0
        if every:
            break  # takes IPv4 too
    if not listeners:
        raise _explained(host, port, problem)
    return listeners


def _addresses(host: str, port: int, found: list[tuple[Any, ...]] | None) -> list[tuple[int, str]]:
    if host in ("", "*"):
        return [(_socket.AF_INET6, "::"), (_socket.AF_INET, "0.0.0.0")]
    found = at_once(host, port, _socket.AI_PASSIVE) if found is None else list(found)
    if found is None:
        raise OSError(errno.EADDRNOTAVAIL, f"{host}: a name that was not looked up")
    # IPv4 first: a failure there is an error, while IPv6 may be missing
    found.sort(key=lambda entry: entry[0] != _socket.AF_INET)
    unique = dict.fromkeys((int(family), str(where[0])) for family, _, _, _, where in found)
    return list(unique)


def _explained(host: str, port: int, error: OSError | None) -> OSError:
    where = endpoint(host, port)
    if error is None:
        return OSError(errno.EADDRNOTAVAIL, f"{where}: no such address here")
    if error.errno == errno.EADDRINUSE:
        return OSError(error.errno, f"{where}: the port is in use; stop what listens there or choose another")
    if error.errno == errno.EACCES:
        return OSError(error.errno, f"{where}: permission denied; ports below 1024 may need root")
    return OSError(error.errno, f"{where}: {error.strerror or error}")
