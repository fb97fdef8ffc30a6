"""/api/v1: the control socket's replies as JSON, for the verbs that change nothing."""

from __future__ import annotations

from supervice.control.access import READ_ONLY
from supervice.control.protocol import CommandError
from supervice.http.messages import Response
from supervice.lean.json import dumps
from supervice.web.escaping import fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.control.commands import Commands

PREFIX = "/api/v1"
HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
STATUS = {
    "NOT_FOUND": 404,
    "UNKNOWN_COMMAND": 404,
    "INVALID_REQUEST": 400,
    "FORBIDDEN": 403,
    "FAILED": 409,
    "SHUTTING_DOWN": 503,
    "BUSY": 503,
}
MOST_WAITING = 16
LONGEST_WAIT = 60.0  # seconds
MOST_LINES = 10_000  # of each program, of `logs`
MOST_TEXT = 1024 * 1024  # bytes of an answer with lines of output
LEFT_OUT = "left_out"  # the field with the number of older lines that did not fit
_FLAGS = {"true": True, "1": True, "": True, "false": False, "0": False}


def answer_json(status: int, value: dict[str, Any]) -> Response:
    """Returns a response of JSON, with a newline at its end."""
    return Response(status, f"{dumps(value)}\n".encode(), dict(HEADERS))


class Api:
    """The API of one daemon."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._waiting = 0

    async def answer(self, path: str, query: str) -> Response:
        """Returns the response to `GET /api/v1/VERB?name=…`; `path` is the part after the prefix."""
        verb = path.strip("/")
        if not verb:
            return answer_json(200, {"status": "ok", "commands": sorted(READ_ONLY)})
        try:
            if verb not in READ_ONLY:
                known = ", ".join(sorted(READ_ONLY))
                raise CommandError("UNKNOWN_COMMAND", f"there is no {verb} over GET; write one of {known}")
            request = request_of(verb, query)
            reply = await (self._wait if verb == "wait" else self._commands.execute)(request)
            return answer_json(200, _newest(reply) if verb == "logs" else reply)
        except CommandError as error:
            return answer_json(STATUS.get(error.code, 500), error.reply())

    async def _wait(self, request: dict[str, Any]) -> dict[str, Any]:
        """Waits, limited in number and time: waiting clients must not keep probes from an answer."""
        if self._waiting >= MOST_WAITING:
            raise CommandError("BUSY", f"{MOST_WAITING} requests wait already; ask again")
        request["timeout"] = min(request.get("timeout", LONGEST_WAIT), LONGEST_WAIT)
        self._waiting += 1
        try:
            return await self._commands.execute(request)
        finally:
            self._waiting -= 1


def request_of(verb: str, query: str) -> dict[str, Any]:
    """Returns the request for a verb and a query. `CommandError` for a wrong value."""
    request: dict[str, Any] = {"command": verb}
    names: list[str] = []
    for key, value in fields(query):
        if key in ("name", "names"):
            names.append(value)
        elif key == "follow":
            message = "/api/v1 answers once; follow over the control socket"
            raise CommandError("INVALID_REQUEST", message)
        elif key != "command":
            request[key] = _value(key, value)
    if names:
        request["names"] = names
    if verb == "logs" and type(request.get("lines")) is int:
        request["lines"] = min(request["lines"], MOST_LINES)
    return request


def _newest(reply: dict[str, Any]) -> dict[str, Any]:
    """Returns the reply to `logs` with the newest lines, as many as MOST_TEXT holds."""
    lines = reply.get("logs", [])
    room = MOST_TEXT
    for count, line in enumerate(reversed(lines)):
        room -= len(dumps(line))
        if room < 0:
            left_out = len(lines) - count
            return {**reply, "logs": lines[left_out:], LEFT_OUT: left_out}
    return reply


def _value(key: str, value: str) -> object:
    kind: Callable[[str], object] | None = {"timeout": float, "lines": int}.get(key)
    if kind is not None:
        try:
            return kind(value)
        except ValueError:
            raise CommandError("INVALID_REQUEST", f"{key}: not a number; write {key}=10") from None
    return _FLAGS.get(value, value) if key in ("stderr", "force", "dry_run", "resources") else value
