"""The web application (WSGI): counts its visits in Redis and says which process answered."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from redis_client import Redis


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    try:
        with Redis() as redis:
            greeting, visits = redis("GET", "greeting"), redis("INCR", "visits")
        answer, status = {"greeting": greeting, "visits": visits, "pid": os.getpid()}, "200 OK"
    except OSError as error:
        answer, status = {"error": f"no database: {error}"}, "503 Service Unavailable"
    body = json.dumps(answer).encode() + b"\n"
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
