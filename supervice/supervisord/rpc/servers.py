"""The HTTP servers of a stock supervisord file: opens, closes and guards them, and has the paths.

A section that cannot be served is a warning, and everything else goes on: the programs matter more.
"""

from __future__ import annotations

import binascii
import os
from _operator import _compare_digest as same  # what hmac.compare_digest is, without hmac's imports

from supervice import logger
from supervice.http.opening import Opening
from supervice.http.server import HttpServer, Response, text
from supervice.supervisord.rpc import logs
from supervice.supervisord.rpc.codec import Fault
from supervice.supervisord.rpc.daemon_log import DaemonLog
from supervice.supervisord.rpc.handler import XmlRpcHandler
from supervice.supervisord.rpc.info import find_one
from supervice.supervisord.rpc.methods import Interface

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from supervice.config.supervisord_sections import Server
    from supervice.http.server import Request
    from supervice.lean.loop import EventLoop
    from supervice.supervisord.interface import Daemon

# The client of supervisorctl does not see the end of a chunked response, only that of the connection.
_PLAIN = {"Content-Type": "text/plain;charset=utf-8", "X-Accel-Buffering": "no", "Connection": "close"}


class Servers:
    """All servers of the daemon. `apply` may be called again with what the file says now."""

    def __init__(self, daemon: Daemon, loop: EventLoop) -> None:
        self._table = daemon.table
        self._loop = loop
        self._log = DaemonLog(daemon, loop)
        interface = Interface(daemon, loop, self._log)
        self._xmlrpc = XmlRpcHandler(loop, interface.methods(), logger.error)
        self._open: dict[tuple[object, ...], tuple[Server, Opening]] = {}

    def apply(self, servers: list[Server]) -> None:
        """Closes what is not wanted any more, then opens what is new; what stayed the same is left alone."""
        wanted = {_key(server): server for server in servers}
        for key in [key for key in self._open if key not in wanted]:
            opening = self._open.pop(key)[1]
            opening.give_up()
            opening.server.close_soon()
        for key, server in wanted.items():
            if key not in self._open:
                self._open[key] = (server, self._listen(server))

    def _listen(self, server: Server) -> Opening:
        http = HttpServer(
            self._loop, self._handle, log=logger.warning, guard=guard(server.username, server.password)
        )
        opening = Opening(
            self._loop, http, lambda words: logger.warning(f"[{server.section}] is not served: {words}")
        )
        if server.file is not None:
            opening.unix(server.file, server.chmod, *_owner(server))
        elif server.port is not None:
            opening.inet(server.host, server.port)
        return opening

    @property
    def url(self) -> str | None:
        """Where programs reach us; the Unix socket when there is one, as supervisord has it."""
        for server, opening in self._open.values():
            if server.file is not None and opening.is_open:
                return f"unix://{os.path.abspath(server.file)}"
        for server, opening in self._open.values():
            host = server.host.strip("[]") or "localhost"
            port = opening.server.ports[0] if opening.server.ports else server.port
            if server.file is None and (opening.is_open or opening.is_asking):
                return f"http://{f'[{host}]' if ':' in host else host}:{port}"
        return None

    @property
    def has_socket_files(self) -> bool:
        return any(server.file is not None for server, _ in self._open.values())

    def restore(self) -> list[tuple[str, str]]:
        """Makes socket files again that were removed; what could not be made, and why."""
        return [line for _, opening in self._open.values() for line in opening.server.restore()]

    def close(self) -> None:
        for _, opening in self._open.values():
            opening.give_up()
            opening.server.close()
        self._open.clear()
        self._log.close()

    # -- paths -------------------------------------------------------------------------------------------

    def _handle(self, request: Request) -> Response | Awaitable[Response]:
        if request.path.startswith("/RPC2"):
            return self._xmlrpc.handle(request)
        if request.path.startswith("/logtail/"):
            return self._logtail(request)
        if request.path.startswith("/mainlogtail"):
            return Response(200, self._log.follow, dict(_PLAIN)) if _is_get(request) else _not_get()
        return text(404, "there is XML-RPC at /RPC2, /logtail/NAME/stdout and /mainlogtail")

    def _logtail(self, request: Request) -> Response:
        if not _is_get(request):
            return _not_get()
        name, _, stream = request.path.removeprefix("/logtail/").partition("/")
        stream = stream or "stdout"
        try:
            process = find_one(self._table, name)
        except Fault:
            return text(404, "there is no such process")
        said = logs.text_of(process, stream)
        if said is None:
            return text(404, "nothing of that is kept")
        return Response(200, logs.follow(process, stream, said), dict(_PLAIN))


def _is_get(request: Request) -> bool:
    return request.method in ("GET", "HEAD")


def _not_get() -> Response:
    return text(405, "only GET", {"Allow": "GET, HEAD"})


def _key(server: Server) -> tuple[object, ...]:
    return tuple([getattr(server, name) for name in server.__slots__])


def _owner(server: Server) -> tuple[int | None, int | None]:
    if server.chown is None:
        return None, None
    from supervice.pid1.identity import resolve

    try:
        identity = resolve(server.chown)
    except LookupError as error:
        logger.warning(f"[{server.section}] chown: {error}; the socket stays ours")
        return None, None
    return identity.uid, identity.gid


# -- who may ---------------------------------------------------------------------------------------------


def guard(username: str | None, password: str | None) -> Callable[[Request], Response | None] | None:
    """HTTP Basic authentication; None when there is no password, and so nothing to ask for."""
    if username is None or password is None:
        return None
    user = username.encode()
    digest = password[5:].strip().lower().encode() if password.startswith("{SHA}") else None
    secret = password.encode()

    def ask(request: Request) -> Response | None:
        given_user, given_secret = _credentials(request.headers.get("authorization", ""))
        if digest is not None:
            given_secret = _sha1(given_secret)
        # both are compared, so that the time does not tell which was wrong
        right = same(given_user, user) & same(given_secret, secret if digest is None else digest)
        if right:
            return None
        return text(401, "user name and password, please", {"WWW-Authenticate": 'Basic realm="default"'})

    return ask


def _credentials(header: str) -> tuple[bytes, bytes]:
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return b"", b""
    try:
        user, _, password = binascii.a2b_base64(coded.strip().encode("ascii", "replace")).partition(b":")
    except binascii.Error:
        return b"", b""
    return user, password


def _sha1(data: bytes) -> bytes:
    try:
        from _sha1 import sha1  # type: ignore[import-not-found]  # hashlib brings OpenSSL along
    except ImportError:
        from hashlib import sha1
    digest: str = sha1(data, usedforsecurity=False).hexdigest()
    return digest.encode()
