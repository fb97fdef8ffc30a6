"""Maps each verb of the control socket to its handler. A new verb is a row of `_table` and a method.

Handlers take a checked `Request`. `queries` only look, `actions` change something; both are loaded with the
first request, so a daemon that no client asks does not pay for them.
"""

from __future__ import annotations

from supervice.control.protocol import NOT_FOUND, UNKNOWN_COMMAND, CommandError
from supervice.supervision.process_names import UnknownName

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from supervice.api.requests import Request
    from supervice.supervision.interface import Daemon

    Reply = dict[str, Any]
    Handler = Callable[[Request], Reply | Awaitable[Reply]]
    Send = Callable[[Reply], bool]
    Stream = Callable[[Request, Send], Callable[[], None]]


class Dispatcher:
    """Implements `control.commands.Commands`."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._handlers: dict[str, Handler] = {}
        self._streams: dict[str, Stream] = {}

    async def execute(self, message: dict[str, Any]) -> Reply:
        handlers = self._handlers or self._table()
        handler = handlers.get(message["command"])
        if handler is None:
            raise CommandError(UNKNOWN_COMMAND, f"Unknown command: {message['command']}")
        try:
            reply = handler(self._parse(message))
            return reply if isinstance(reply, dict) else await reply
        except UnknownName as error:
            raise CommandError(NOT_FOUND, str(error)) from None

    def follow(self, message: dict[str, Any], send: Send) -> Callable[[], None]:
        if not self._streams:
            self._table()
        try:
            return self._streams[message["command"]](self._parse(message), send)
        except UnknownName as error:
            raise CommandError(NOT_FOUND, str(error)) from None

    def _parse(self, message: dict[str, Any]) -> Request:
        from supervice.api.requests import parse

        return parse(message)

    def _table(self) -> dict[str, Handler]:
        from supervice.api.actions import Actions
        from supervice.api.queries import Queries

        queries = Queries(self._daemon)
        actions = Actions(self._daemon)
        self._streams = {"logs": queries.follow_logs, "events": queries.follow_events}
        self._streams["attach"] = actions.attach
        self._handlers = {
            "status": queries.status,
            "pid": queries.pid,
            "health": queries.health,
            "graph": queries.graph,
            "boot": queries.boot,
            "logs": queries.logs,
            "events": queries.events,
            "why": queries.why,
            "schedule": queries.schedule,
            "version": queries.version,
            "wait": queries.wait,
            "start": actions.start,
            "stop": actions.stop,
            "restart": actions.restart,
            "startgroup": actions.startgroup,
            "stopgroup": actions.stopgroup,
            "signal": actions.signal,
            "exec": actions.exec,
            "attach": actions.no_attach,
            "input": actions.input,
            "config": actions.config,
            "env": actions.env,
            "reload": actions.reload,
            "reopen": actions.reopen,
            "rotate": actions.rotate,
            "shutdown": actions.shutdown,
        }
        return self._handlers
