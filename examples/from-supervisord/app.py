"""The web application (WSGI): says what its configuration gave it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any


def application(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    names = ("GREETING", "RATE", "HOME", "SUPERVISOR_PROCESS_NAME", "SUPERVISOR_GROUP_NAME")
    body = json.dumps({name: os.environ.get(name) for name in names} | {"uid": os.getuid()}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
