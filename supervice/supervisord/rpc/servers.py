"""The HTTP servers of a stock supervisord file: opens, closes and guards them, and routes their paths.

A section that cannot be served is a warning, and everything else goes on: the programs matter more.
"""

from __future__ import annotations

import os

from supervice import logger
from supervice.http.access import Access
from supervice.http.credentials import guard
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
    from typing import Protocol

    from supervice.config.supervisord_sections import Server
    from supervice.http.server import Request
    from supervice.lean.loop import EventLoop
    from supervice.supervisord.interface import Daemon

    class Page(Protocol):
        """What answers all that is not supervisord's."""

        def answer(self, request: Request, access: Access) -> Response | Awaitable[Response]: ...


XMLRPC = "/RPC2"
MOST_BODY = 1024 * 1024  # bytes of a call: what goes to the standard input of a program may be long
# supervisorctl does not see the end of a chunked response, only that of the connection.
_PLAIN = {"Content-Type": "text/plain;charset=utf-8", "X-Accel-Buffering": "no", "Connection": "close"}


class Servers:
    """All servers of the daemon. `apply` may be called again with what the file says now."""

    def __init__(self, daemon: Daemon, loop: EventLoop, page: Callable[[], Page]) -> None:
        self._page = page
        self._table = daemon.table
        self._daemon = daemon
        self._loop = loop
        self._log = DaemonLog(daemon, loop)
        interface = Interface(daemon, loop, self._log)
        self._xmlrpc = XmlRpcHandler(loop, interface.methods(), logger.error)
        self._open: dict[tuple[object, ...], tuple[Server, Opening]] = {}

    def apply(self, servers: list[Server]) -> None:
        """Closes servers that are no longer wanted, then opens new ones; unchanged ones are left alone."""
        wanted = {_key(server): server for server in servers}
        for key in [key for key in self._open if key not in wanted]:
            opening = self._open.pop(key)[1]
            opening.give_up()
            opening.server.close_soon()
        for key, server in wanted.items():
            if key not in self._open:
                self._open[key] = (server, self._listen(server))

    def _listen(self, server: Server) -> Opening:
        ask = guard(server.username, server.password)
        # A client of the Unix socket may do everything by XML-RPC already: its mode and owner decide.
        access = Access(password=ask is not None, hosts=self._daemon.config.http_hosts, uids=None)
        http = HttpServer(
            self._loop,
            lambda request: self._handle(request, access),
            log=logger.warning,
            guard=ask,
            large=(XMLRPC, MOST_BODY),
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
        """Returns where programs reach us; the Unix socket if there is one, as in supervisord."""
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
        """Makes removed socket files again; returns what could not be made, and why."""
        return [line for _, opening in self._open.values() for line in opening.server.restore()]

    def close(self) -> None:
        for _, opening in self._open.values():
            opening.give_up()
            opening.server.close()
        self._open.clear()
        self._log.close()

    # -- paths -------------------------------------------------------------------------------------------

    def _handle(self, request: Request, access: Access) -> Response | Awaitable[Response]:
        if request.path.startswith(XMLRPC):
            return self._xmlrpc.handle(request)
        if request.path.startswith("/logtail/"):
            return self._logtail(request)
        if request.path.startswith("/mainlogtail"):
            return Response(200, self._log.follow, dict(_PLAIN)) if _is_get(request) else _not_get()
        return self._page().answer(request, access)

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
