"""Checks by HTTP: sends one GET; the status decides, and redirects are not followed.

h11 speaks the protocol; it is imported with the first such check. Each request has a connection of its own.
"""

from __future__ import annotations

from supervice.checks.base import HealthChecker, HealthCheckResult
from supervice.checks.connect import connect, lacks_means, readable, writable
from supervice.config.check_values import split_url
from supervice.lean.loop import running_loop, wait_for
from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import socket as Socket

    from supervice.models import HealthCheckConfig

# Bytes of the body that are read, for the message of a failure.
KEPT_BODY = 1024
SHOWN_BODY = 200
CHUNK = 16 * 1024


class HTTPHealthChecker(HealthChecker):
    """Healthy when the answer comes within the timeout and its status is one of those configured."""

    def __init__(self, config: HealthCheckConfig) -> None:
        self._config = config

    async def check(self) -> HealthCheckResult:
        config = self._config
        if not config.url:
            return HealthCheckResult(False, "healthcheck_url is not set")
        import h11

        host, port, target = split_url(config.url)
        where = f"http://{f'[{host}]' if ':' in host else host}:{port}{target}"
        try:
            status, said = await wait_for(running_loop(), self._ask(host, port, target), config.timeout)
        except TimeoutError:
            return HealthCheckResult(False, f"no answer from {where} within {config.timeout:g} s")
        except OSError as error:
            words = f"no answer from {where}: {error.strerror or error}"
            return HealthCheckResult(False, words, lacks_means(error))
        except h11.ProtocolError as error:
            return HealthCheckResult(False, f"{where} does not speak HTTP: {error}")
        well = any(low <= status <= high for low, high in config.status)
        return HealthCheckResult(well, f"{where} answers {status}{said}")

    async def _ask(self, host: str, port: int, target: str) -> tuple[int, str]:
        """Returns the status, and for a failure the beginning of the body."""
        sock = await connect(host, port)
        try:
            return await self._talk(sock, host, port, target)
        finally:
            sock.close()

    async def _talk(self, sock: Socket, host: str, port: int, target: str) -> tuple[int, str]:
        import h11

        loop = running_loop()
        named = f"[{host}]" if ":" in host else host
        headers = {
            "Host": named if port == 80 else f"{named}:{port}",
            "User-Agent": "supervice",
            "Accept": "*/*",
            "Connection": "close",
        }
        given = {name.lower() for name, _ in self._config.headers}
        pairs = [(n, v) for n, v in headers.items() if n.lower() not in given] + list(self._config.headers)
        talk = h11.Connection(h11.CLIENT)
        data = talk.send(h11.Request(method="GET", target=target, headers=pairs)) or b""
        data += talk.send(h11.EndOfMessage()) or b""
        while data:
            try:
                data = data[sock.send(data) :]
            except BlockingIOError:
                await writable(loop, sock)
        status, body = 0, b""
        while True:
            event = talk.next_event()
            if event is h11.NEED_DATA:
                await readable(loop, sock)
                try:
                    talk.receive_data(sock.recv(CHUNK))
                except BlockingIOError:
                    continue
            elif isinstance(event, h11.Response):
                status = event.status_code
                if any(low <= status <= high for low, high in self._config.status):
                    return status, ""
            elif isinstance(event, h11.Data):
                body += bytes(event.data[:KEPT_BODY])
            over = isinstance(event, h11.EndOfMessage | h11.ConnectionClosed)
            if status and (over or len(body) >= KEPT_BODY):
                return status, _shown(body)
            if isinstance(event, h11.ConnectionClosed):
                raise h11.RemoteProtocolError("the connection was closed without an answer")


def _shown(body: bytes) -> str:
    text = " ".join(body[:KEPT_BODY].decode(errors="replace").split())
    text = clean(text)[:SHOWN_BODY]
    return f": {text}" if text else ""
