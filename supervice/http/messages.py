"""A request and a response of the HTTP server, as its handlers see them. No I/O."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    # `send(data)` returns False when the client does not keep up; that piece is lost. `done()` ends it.
    # The returned function is called once at the end, whichever side ends it.
    Stream = Callable[[Callable[[bytes], bool], Callable[[], None]], Callable[[], object]]
    Handler = Callable[["Request"], "Response | Awaitable[Response]"]
    Guard = Callable[["Request"], "Response | None"]

REASONS = {
    200: "OK",
    202: "Accepted",
    204: "No Content",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    421: "Misdirected Request",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}


class Request:
    """`path` is decoded and without the query; `query` is as it came; `headers` have lower-case names."""

    __slots__ = ("body", "headers", "method", "path", "peer", "query")

    def __init__(
        self,
        method: str,
        target: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        peer: str = "",
    ) -> None:
        path, _, self.query = target.partition("?")
        self.method = method
        self.path = unquote(_without_authority(path))
        self.headers = headers or {}
        self.body = body
        self.peer = peer  # for logs: ADDRESS:PORT, or unix:uid=U,pid=P


class Response:
    """`body` is bytes, or a `Stream` that begins when the head has been sent."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, status: int = 200, body: bytes | Stream = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers or {}


def text(status: int, words: str, headers: dict[str, str] | None = None) -> Response:
    """Returns a short answer for people, with a newline at its end."""
    kind = {"Content-Type": "text/plain; charset=utf-8"}
    return Response(status, f"{words}\n".encode(), {**kind, **(headers or {})})


def _without_authority(path: str) -> str:
    """Returns the path of `http://host/path`, which proxies send."""
    if path[:7].lower() == "http://":
        _, slash, rest = path[7:].partition("/")
        return f"/{rest}" if slash else "/"
    return path


def unquote(text: str) -> str:
    """Decodes percent-encoding; bytes that are not UTF-8 become U+FFFD, invalid encoding stays."""
    if "%" not in text:
        return text
    first, *rest = text.encode("utf-8", "surrogateescape").split(b"%")
    decoded = bytearray(first)
    for piece in rest:
        digits = piece[:2]
        if len(digits) == 2 and all(digit in b"0123456789abcdefABCDEF" for digit in digits):
            decoded.append(int(digits, 16))
            decoded += piece[2:]
        else:
            decoded += b"%" + piece
    return decoded.decode("utf-8", "replace")


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(when: tuple[int, ...]) -> str:
    """Returns the `Date` header for a `time.gmtime()`; strftime would use the language of the locale."""
    year, month, day, hour, minute, second, weekday = when[:7]
    clock = f"{hour:02d}:{minute:02d}:{second:02d}"
    return f"{_DAYS[weekday]}, {day:02d} {_MONTHS[month - 1]} {year} {clock} GMT"
