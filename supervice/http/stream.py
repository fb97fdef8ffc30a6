"""A response that a handler produces piece by piece, and its end, whichever side ends it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from supervice.http.messages import Stream

    class Client(Protocol):
        """What a stream needs of the connection that it is sent on."""

        @property
        def closed(self) -> bool: ...
        def stream_piece(self, data: bytes) -> bool: ...
        def stream_done(self) -> None: ...
        def close(self) -> None: ...


class Streaming:
    """One such response. It calls the function that ends the stream once."""

    def __init__(self, client: Client, log: Callable[[str], object]) -> None:
        self._client = client
        self._log = log
        self._stop: Callable[[], object] | None = None
        self._begun = False
        self._over = False

    def begin(self, stream: Stream) -> None:
        try:
            self._stop = stream(self._send, self._done)
        except Exception as error:
            self._log(f"http: a stream could not begin: {type(error).__name__}: {error}")
            self._over = True
            self._client.close()
            return
        self._begun = True
        if self._over:  # it was short, or the client is gone already
            self._call_stop()

    def _send(self, data: bytes) -> bool:
        return not self._over and self._client.stream_piece(data)

    def _done(self) -> None:
        if not self._over:
            self._over = True
            if self._begun:
                self._call_stop()
            if not self._client.closed:
                self._client.stream_done()

    def end(self) -> None:
        """Ends the stream because the client has left."""
        if not self._over:
            self._over = True
            if self._begun:
                self._call_stop()

    def _call_stop(self) -> None:
        stop, self._stop = self._stop, None
        if stop is not None:
            try:
                stop()
            except Exception as error:
                self._log(f"http: the end of a stream: {type(error).__name__}: {error}")
