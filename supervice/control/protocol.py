"""The control socket's language, as values and bytes. Knows nothing of sockets, loops or processes.

A frame is a 4-byte big-endian length and that many bytes of UTF-8 JSON, at most 1 MiB. A request is an object
with a `command`, one of `VERBS`; a reply has a `status`. The server, both clients and `api` use it; `api`
raises `CommandError`.
"""

from __future__ import annotations

from supervice.lean.json import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HEADER = 4
MAX_FRAME = 1024 * 1024  # bytes of JSON, the header not counted

EMPTY_REQUEST = "EMPTY_REQUEST"
INVALID_JSON = "INVALID_JSON"
INVALID_REQUEST = "INVALID_REQUEST"
UNKNOWN_COMMAND = "UNKNOWN_COMMAND"
NOT_FOUND = "NOT_FOUND"
FORBIDDEN = "FORBIDDEN"
SHUTTING_DOWN = "SHUTTING_DOWN"
INTERNAL_ERROR = "INTERNAL_ERROR"
BUSY = "BUSY"  # the client has as many connections as it may have
FAILED = "FAILED"  # understood and tried, but the wanted state was not reached

# What is true of a verb:
# LOOKS: it changes nothing, so members of the socket's group may use it;
# AT_ONCE: the daemon answers without waiting for any process;
# SETTLES: the reply comes when processes have settled;
# STREAM: with `follow`, frames come until one side hangs up;
# NAMES, GROUP: a request without a name, or without a group, is refused.
LOOKS, AT_ONCE, SETTLES, STREAM, NAMES, GROUP = 1, 2, 4, 8, 16, 32
VERBS = {
    "attach": STREAM | NAMES,
    "boot": LOOKS | AT_ONCE,
    "config": AT_ONCE,  # not LOOKS, nor is `env`: a command line or a variable may hold a secret
    "env": AT_ONCE | NAMES,
    "events": LOOKS | AT_ONCE | STREAM,
    "exec": AT_ONCE | NAMES,
    "graph": LOOKS | AT_ONCE,
    "health": LOOKS | AT_ONCE,
    "input": NAMES,
    "logs": LOOKS | AT_ONCE | STREAM,
    "pid": LOOKS | AT_ONCE,
    "reload": SETTLES,
    "reopen": 0,
    "restart": SETTLES | NAMES,
    "rotate": 0,
    "schedule": LOOKS | AT_ONCE,
    "shutdown": SETTLES,
    "signal": AT_ONCE | NAMES,
    "start": SETTLES | NAMES,
    "startgroup": SETTLES | GROUP,
    "status": LOOKS | AT_ONCE,
    "stop": SETTLES | NAMES,
    "stopgroup": SETTLES | GROUP,
    "version": LOOKS | AT_ONCE,
    "wait": LOOKS | SETTLES,
    "why": LOOKS | AT_ONCE | NAMES,
}


def verbs(flag: int) -> frozenset[str]:
    """Returns the verbs with this flag."""
    return frozenset(verb for verb, flags in VERBS.items() if flags & flag)


# The command that asks for the next page of a reply, and the field of a page that has a successor; see
# `paging`, which is loaded for the first such reply.
MORE = "more"
MANY = 500  # rows; with more it is not tried whether they fit into one frame


class CommandError(Exception):
    """An error that is the answer to a request. `extra` is added to the reply."""

    def __init__(self, code: str, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.extra = extra

    def reply(self) -> dict[str, Any]:
        return {"status": "error", "code": self.code, "message": self.message, **self.extra}


class ProtocolError(CommandError):
    """Bytes that are no frame: after them the connection may be out of step."""


class Shared(dict):  # type: ignore[type-arg]  # of [str, Any], and `typing` is not loaded
    """A reply for many clients, encoded once. No one changes it."""

    __slots__ = ("frame",)

    frame: bytes


def encode(message: dict[str, Any]) -> bytes:
    """Returns `message` as a frame. ValueError when it is over 1 MiB, TypeError when it is not JSON."""
    if isinstance(message, Shared):
        if not hasattr(message, "frame"):
            message.frame = _frame(message)
        return message.frame
    return _frame(message)


def _frame(message: dict[str, Any]) -> bytes:
    body = dumps(message).encode("ascii")
    if len(body) > MAX_FRAME:
        raise ValueError(f"{len(body)} bytes do not fit into a frame of {MAX_FRAME}")
    return len(body).to_bytes(HEADER, "big") + body


def encode_reply(reply: dict[str, Any]) -> bytes:
    """Returns `reply` as a frame, or an error reply when it cannot be sent. Never raises."""
    try:
        return encode(reply)
    except (TypeError, ValueError) as error:
        message = f"the reply cannot be sent: {error}"
        return encode({"status": "error", "code": INTERNAL_ERROR, "message": message})


def has_many_rows(reply: dict[str, Any]) -> bool:
    """Returns whether `reply` goes to `paging.Pages` without trying one frame first."""
    return any(isinstance(value, list | dict) and len(value) > MANY for value in reply.values())


def decode_body(body: bytes | bytearray) -> dict[str, Any]:
    """Returns the object in the body of a frame; `ProtocolError`."""
    if not body:
        raise ProtocolError(EMPTY_REQUEST, "the frame is empty")
    try:
        value = loads(body.decode("utf-8"))
    except ValueError as error:  # UnicodeDecodeError too
        raise ProtocolError(INVALID_JSON, f"the frame is not JSON: {str(error)[:200]}") from None
    if not isinstance(value, dict):
        raise ProtocolError(INVALID_REQUEST, "the frame is not a JSON object")
    return value


class FrameReader:
    """Cuts a stream of bytes into messages, however it arrives.

    Bytes that are no frame set `error`; everything after them is ignored.
    """

    __slots__ = ("_buffer", "error")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.error: ProtocolError | None = None

    @property
    def partial(self) -> bool:
        """Returns whether a frame has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Returns the messages that `data` completes, in order; look at `error` afterwards."""
        messages: list[dict[str, Any]] = []
        if self.error is not None:
            return messages
        buffer = self._buffer
        buffer += data
        start = 0
        try:
            while len(buffer) - start >= HEADER:
                size = int.from_bytes(buffer[start : start + HEADER], "big")
                if size > MAX_FRAME:
                    raise ProtocolError(INVALID_REQUEST, f"a frame is at most {MAX_FRAME} bytes, not {size}")
                end = start + HEADER + size
                if len(buffer) < end:
                    break
                messages.append(decode_body(buffer[start + HEADER : end]))
                start = end
        except ProtocolError as error:
            self.error = error
            buffer.clear()
        else:
            del buffer[:start]
        return messages


def command_of(request: dict[str, Any]) -> str:
    """Returns the verb of a request, or raises `CommandError`. It does not look at the arguments."""
    command = request.get("command")
    if not isinstance(command, str) or not command:
        raise CommandError(INVALID_REQUEST, 'a request needs a verb; write "command": "status"')
    return command
