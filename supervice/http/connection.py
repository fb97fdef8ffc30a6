"""Serves one client of the HTTP server: reads its requests, answers them in order, survives anything.

h11 knows HTTP; this has the socket, the limits and the pace. A `Server` makes it. Whatever goes wrong here
costs this client its connection, and no other client anything.
"""

from __future__ import annotations

import _socket  # the C half of `socket`, see `peer`

import h11

from supervice.http.h11_adapter import head_of, request_of
from supervice.http.messages import REASONS, Response, text
from supervice.http.stream import Streaming
from supervice.net.buffered_socket import BufferedSocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Protocol

    from supervice.http.messages import Guard, Handler, Request
    from supervice.lean.loop import AnyFuture, EventLoop
    from supervice.net.server_base import Client

    class Server(Protocol):
        """What a connection needs of the server that made it."""

        handler: Handler
        guard: Guard | None

        @property
        def loop(self) -> EventLoop: ...
        @property
        def overloaded(self) -> bool: ...
        def most_body(self, request: Request) -> int: ...
        def has_room(self, asking: HttpConnection) -> bool: ...
        def log(self, line: str) -> None: ...
        def keep(self, task: AnyFuture) -> None: ...
        def forget(self, client: Client) -> None: ...


READ_SIZE = 16384  # what one client can make us do in one turn of the loop
REQUESTS_PER_TURN = 16
MAX_HEAD = 16384  # bytes of request line and headers: 431 beyond
MAX_BODY = 64 * 1024  # bytes of a body: 413 beyond
LITTLE = 16 * 1024  # bytes that may always wait for a client or come from it: a probe and its answer
MAX_AHEAD = 65536  # bytes read while a request is being answered; the kernel's buffer holds the rest back
STREAM_OUTPUT = 512 * 1024  # bytes that wait for a client; beyond that a stream loses pieces
REQUEST_TIMEOUT = 15.0  # seconds for a request to arrive whole, and for a new client to begin
STALL_TIMEOUT = 30.0  # seconds without reading the rest of a response, or PROGRESS bytes of it
LINGER = 2.0  # seconds for a client that still sends to hear what we said last


class HttpConnection(BufferedSocket):
    """One client; see the module's docstring. An idle client may stay: it causes no wake-up."""

    def __init__(self, server: Server, sock: _socket.socket, peer: str) -> None:
        super().__init__(server.loop, sock)
        self.server = server
        self._peer = peer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._ahead = bytearray()  # came while we were busy; h11 gets it after that
        self._request: Request | None = None  # the one that is being read
        self._method = ""  # of the request that is read or answered
        self._body = bytearray()
        self._most_body = MAX_BODY
        self.since = 0.0  # when the request that is read, or its answer, began
        self._refusal: Response | None = None  # of the guard, for that request
        self._smuggled = False  # it has two lengths: what follows it may be meant for another reader
        self._working = False  # the handler has a request
        self._stream: Streaming | None = None
        self._ended = False  # the client will send no more
        self._told_end = False  # and h11 knows it
        self._closing = False  # nothing of the client is read any more, the output is still written
        self._lingering = False
        self._fresh = True  # no request came whole so far
        self._update()

    @property
    def busy(self) -> bool:
        return self._working or self._stream is not None or bool(self._out)

    @property
    def streams(self) -> bool:
        return self._stream is not None

    @property
    def held(self) -> int:
        """The number of bytes that are kept for the client, or from it."""
        return len(self._out) + len(self._body)

    # Reading ------------------------------------------------------------------------------------------

    def _on_readable(self) -> None:
        data = self._receive(READ_SIZE)
        if data is None:
            return
        if self._lingering:
            if not data:
                self.close()
            return
        self._heard = self._loop.time()
        if data:
            self._ahead += data
        else:
            self._ended = True
            if self._stream is not None:  # a client that follows a log says nothing more: it is gone
                self.close()
                return
        self._work()

    def _work(self) -> None:
        """Does what can be done now; called after every change."""
        if self.closed:
            return
        turns = REQUESTS_PER_TURN
        while not (self.closed or self._closing or self.busy):
            if turns == 0:
                self._loop.call_soon(self._work)
                break
            try:
                if self._ahead:
                    self._feed()
                elif self._ended and not self._told_end:
                    self._told_end = True
                    self._http.receive_data(b"")
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    if self._ended and not self._told_end:
                        continue
                    self._encourage()
                    break
                if type(event) is h11.EndOfMessage:
                    turns -= 1
                self._take(event)
            except h11.RemoteProtocolError as error:
                self._refuse(error.error_status_hint or 400, str(error))
        if self._closing and not self._out and not self._lingering:
            self._linger()
        if not self.closed:
            self._update()

    def _feed(self) -> None:
        data = bytes(self._ahead)
        self._ahead.clear()
        if self._http.their_state is h11.IDLE and not self._partial:
            data = data.lstrip(b"\r\n")  # RFC 9112, 2.2: some send a newline too many after a request
        if data:
            self._http.receive_data(data)

    def _encourage(self) -> None:
        """Answers Expect: 100-continue, which the client awaits before it sends its body."""
        if self._request is not None and self._http.they_are_waiting_for_100_continue:
            self._send(h11.InformationalResponse(status_code=100, headers=[], reason="Continue"))

    def _take(self, event: object) -> None:
        if isinstance(event, h11.Request):
            self._begin(event)
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > self._most_body:
                self._refuse(413, f"the most is {self._most_body} bytes")
            elif len(self._body) > LITTLE and not self.server.has_room(self):
                self._refuse(503, "too many other requests are being sent; send it again")
        elif isinstance(event, h11.EndOfMessage):
            request, self._request = self._request, None
            if request is not None:
                request.body, self._body = bytes(self._body), bytearray()
                self._fresh = False
                self._set_timer("")
                self._handle(request)
        else:  # ConnectionClosed, or PAUSED after an answer that closes
            self._closing = True

    def _begin(self, event: h11.Request) -> None:
        self._request = request = request_of(event, self._peer)
        self._method = request.method
        self._body = bytearray()
        self._most_body = self.server.most_body(request)
        self.since = self._loop.time()
        self._smuggled = {"content-length", "transfer-encoding"} <= request.headers.keys()
        length = request.headers.get("content-length", "0")
        if event.http_version not in (b"1.0", b"1.1"):  # PRI * HTTP/2.0: its client does not ask first
            self._refuse(505, "this speaks HTTP/1.1")
        elif request.method == "CONNECT":
            self._refuse(405, "this is no proxy")
        elif len(length) > 9 or int(length) > self._most_body:
            self._refuse(413, f"the most is {self._most_body} bytes")
        elif self.server.guard is not None:
            self._refusal = self._ask_guard(self.server.guard, request)
            if self._refusal is not None and (length != "0" or "transfer-encoding" in request.headers):
                self._refusal.headers["Connection"] = "close"  # its body is not worth waiting for
                self._request = None
                self._answer(self._refusal)

    def _ask_guard(self, guard: Guard, request: Request) -> Response | None:
        try:
            return guard(request)
        except Exception as error:
            return self._unexpected(request, error)

    def _refuse(self, status: int, why: str) -> None:
        """Sends a last answer and closes: what follows cannot be told from a request any more."""
        self._request = None
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._answer(text(status, f"{REASONS.get(status, 'error')}: {why}", {"Connection": "close"}))
        self._closing = True

    # Answering ----------------------------------------------------------------------------------------

    def _handle(self, request: Request) -> None:
        if self._refusal is not None:
            refusal, self._refusal = self._refusal, None
            self._answer(refusal)
            return
        if self.server.overloaded:
            self._answer(text(503, "too much is being done already", {"Retry-After": "1"}))
            return
        try:
            answer = self.server.handler(request)
        except Exception as error:
            answer = self._unexpected(request, error)
        if isinstance(answer, Response):
            self._answer(answer)
        else:
            request.body = b""  # the handler has read it; what waits does not keep it
            self._working = True
            self.server.keep(self._loop.create_task(self._await(request, answer)))

    async def _await(self, request: Request, answer: Awaitable[Response]) -> None:
        try:
            response = await answer
        except Exception as error:
            response = self._unexpected(request, error)
        self._working = False
        if not self.closed:
            self._answer(response)
            self._work()

    def _unexpected(self, request: Request, error: Exception) -> Response:
        words = f"unexpected {type(error).__name__}: {error}"
        self.server.log(f"http: {request.method} {request.path[:100]}: {words}")
        return text(500, words)

    def _answer(self, response: Response) -> None:
        self.since = self._loop.time()
        much = type(response.body) is bytes and len(response.body) > LITTLE and self._method != "HEAD"
        if much and not self.server.has_room(self):
            response = text(503, "too many answers wait to be read; ask again", {"Retry-After": "1"})
        if self._smuggled:
            response.headers["Connection"] = "close"  # RFC 9112, 6.1
        try:
            head = head_of(response)
        except h11.LocalProtocolError as error:  # a header that cannot be said; nothing of it is sent yet
            self.server.log(f"http: a response could not be sent: {error}")
            response = text(500, "the response could not be sent")
            head = head_of(response)
        body = response.body
        silent = self._method == "HEAD" or response.status in (204, 304)
        self._send(head)
        if isinstance(body, bytes) or silent:
            if isinstance(body, bytes) and body and not silent:
                self._send(h11.Data(data=body))
            self._finish()
        elif not self.closed:
            self._stream = Streaming(self, self.server.log)
            self._stream.begin(body)

    def _finish(self) -> None:
        """Ends the response."""
        if self.closed:
            return
        self._send(h11.EndOfMessage())
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._ahead[:0] = self._http.trailing_data[0]
            self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
            self._told_end = False
            self._method = ""
            self._heard = self._loop.time()
        else:
            self._closing = True

    def stream_piece(self, data: bytes) -> bool:
        if self.closed or self._closing or len(self._out) > STREAM_OUTPUT:
            return False
        if len(self._out) > LITTLE and not self.server.has_room(self):
            return False
        if data:
            self._send(h11.Data(data=data))
        return not self.closed

    def stream_done(self) -> None:
        self._stream = None
        self._finish()
        self._loop.call_soon(self._work)  # it may be `_work` that has begun it

    # Writing ------------------------------------------------------------------------------------------

    def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._push(data)

    # Watching -----------------------------------------------------------------------------------------

    def _update(self) -> None:
        """Sets the reader and the one timer to what the connection waits for."""
        full = len(self._ahead) >= MAX_AHEAD
        reading = self._lingering or not (self._ended or self._closing or full)
        self._watch_input(reading)
        if self._lingering:
            self._set_timer("leave", LINGER)
        elif self._out and self._stream is None:
            self._set_timer("read", STALL_TIMEOUT)
        elif not self.busy and (self._fresh or self._http.their_state is not h11.IDLE or self._partial):
            self._set_timer("send", REQUEST_TIMEOUT)
        else:
            self._set_timer("")

    @property
    def _partial(self) -> bool:
        """Returns whether the head of a request has begun to come."""
        return bool(self._http.trailing_data[0])

    def _late(self) -> None:
        if self._timer_for == "send" and (self._request is not None or self._partial):
            self._refuse(408, f"not whole after {REQUEST_TIMEOUT:g} s")
            self._work()
        else:
            self.close()

    # Ending -------------------------------------------------------------------------------------------

    def _linger(self) -> None:
        """Waits before closing: with unread input it would reset, which may overtake our last answer."""
        if self._ended:
            self.close()
            return
        self._lingering = True
        self._ahead.clear()
        try:
            self._sock.shutdown(_socket.SHUT_WR)
        except OSError:
            self.close()

    def close_soon(self) -> None:
        """Closes the connection when the present request is answered."""
        self._ended = True
        if self._stream is not None or not self.busy:
            self.close()
        else:
            self._closing = not self._working
            self._work()

    def close(self) -> None:
        """Closes the connection now. What a handler is doing goes on."""
        if self.closed:
            return
        self._release()
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.end()
        self._ahead.clear()
        self._body = bytearray()
        self.server.forget(self)
