"""A client of the page: raw requests with the headers that a test wants, and a stream taken apart."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from pathlib import Path
from typing import Any

from tests.process.harness.http import RawClient

Answer = tuple[int, dict[str, str], str]


class Browser:
    """Asks `place`, a port or the path of a socket; one connection a request."""

    def __init__(
        self, place: int | Path, user: str = "", password: str = "", host: str = "127.0.0.1"
    ) -> None:
        self.place = place
        self.host = host
        self.headers: dict[str, str] = {}
        if user:
            coded = base64.b64encode(f"{user}:{password}".encode()).decode()
            self.headers["Authorization"] = f"Basic {coded}"

    def connect(self) -> RawClient:
        return RawClient(self.place if isinstance(self.place, Path) else ("127.0.0.1", self.place))

    def send(
        self, client: RawClient, method: str, target: str, body: bytes = b"", **headers: str
    ) -> RawClient:
        told = {"Host": self.host, **self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body:
            told["Content-Length"] = str(len(body))
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
        return client.raw("\r\n".join(lines).encode() + body)

    def ask(self, target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        with self.connect() as client:
            asked = self.send(client, method, target, body, **headers)
            status, found, text = asked.response(head_only=method == "HEAD")
            return status, found, text.decode()

    def get(self, target: str = "/") -> str:
        status, _, text = self.ask(target)
        assert status == 200, text
        return text

    def json(self, target: str) -> Any:
        return json.loads(self.get(target))

    def token(self, page: str | None = None) -> str:
        found = re.search(r'name="token" value="(\w+)"', self.get() if page is None else page)
        assert found is not None
        return found[1]

    def act(self, do: str, token: str | None = None, **headers: str) -> Answer:
        """POSTs the form as a browser does."""
        fields = {"do": do, "token": self.token() if token is None else token}
        kind = {"Content_Type": "application/x-www-form-urlencoded", **headers}
        return self.ask("/act", "POST", urllib.parse.urlencode(fields).encode(), **kind)


class Events:
    """An open stream."""

    def __init__(self, browser: Browser, target: str = "/events") -> None:
        self.client = browser.send(browser.connect(), "GET", target)
        self.head = self.client.until(b"\r\n\r\n").decode()
        self._text = ""

    def next(self) -> tuple[str, Any]:
        """The next event; ("", None) at the end of the stream."""
        while "\n\n" not in self._text:
            size = self.client.until(b"\r\n").strip()
            piece = self.client.until(b"\r\n")[:-2] if size and size != b"0" else b""
            if not piece:
                return "", None
            self._text += piece.decode()
        event, _, self._text = self._text.partition("\n\n")
        fields = dict(line.split(": ", 1) for line in event.split("\n"))
        return fields.get("event", ""), json.loads(fields.get("data", "null"))

    def until(self, kind: str) -> Any:
        """The data of the next event of this kind."""
        while True:
            found, data = self.next()
            assert found, f"the stream has ended before {kind}"
            if found == kind:
                return data

    def close(self) -> None:
        self.client.close()

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
