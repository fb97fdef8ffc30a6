"""Converts between h11's events and the server's own requests and responses."""

from __future__ import annotations

import time

import h11

from supervice.http.messages import REASONS, Request, http_date

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.http.messages import Response


def request_of(event: h11.Request, peer: str) -> Request:
    """Returns a request whose body is still to come."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in event.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Request(event.method.decode("latin-1"), event.target.decode("latin-1"), headers, b"", peer)


def head_of(response: Response) -> h11.Response:
    """Returns the head of a response. h11.LocalProtocolError when a header is not allowed."""
    headers = list(response.headers.items())
    if "date" not in {name.lower() for name in response.headers}:
        headers.append(("Date", http_date(time.gmtime())))
    if isinstance(response.body, bytes) and response.status not in (204, 304):
        headers.append(("Content-Length", str(len(response.body))))
    reason = REASONS.get(response.status, "")
    return h11.Response(status_code=response.status, headers=headers, reason=reason)
