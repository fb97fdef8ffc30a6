"""Serves one client of the control socket: reads its requests, answers them in order, survives anything.

A `Server` makes it and is told when it ends. Whatever goes wrong here costs this client its connection, and
no other client anything.
"""

from __future__ import annotations

import select

from supervice.control.access import may
from supervice.control.protocol import (
    FORBIDDEN,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    MORE,
    STREAM,
    VERBS,
    CommandError,
    FrameReader,
    command_of,
    encode,
    encode_reply,
    has_many_rows,
)
from supervice.net.buffered_socket import BufferedSocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable
    from typing import Any, Protocol

    from supervice.control.access import Level
    from supervice.control.commands import Commands
    from supervice.control.paging import Pages
    from supervice.lean.loop import AnyFuture, EventLoop
    from supervice.net.server_base import Client

    class Server(Protocol):
        """What a connection needs of the server that made it."""

        commands: Commands

        @property
        def loop(self) -> EventLoop: ...
        def log(self, line: str) -> None: ...
        def keep(self, task: AnyFuture) -> None: ...
        def forget(self, client: Client) -> None: ...


READ_SIZE = 16384  # what one client can make us do in one turn of the loop: 2,700 tiny requests, 20 ms
MAX_OUTPUT = 4 * 1024 * 1024  # bytes that wait for a client; one that lets more pile up is dropped
STREAM_OUTPUT = 512 * 1024  # beyond that a stream loses frames instead: a pager may stand still for hours
BUSY_OUTPUT = 64 * 1024  # beyond that no further request of the client is begun
MAX_PENDING = 64  # requests read ahead; the kernel's buffer holds the rest back
FRAME_TIMEOUT = 10.0  # seconds for a frame to arrive whole
STALL_TIMEOUT = 30.0  # seconds without reading any of a reply, or without asking for its next page


class Connection(BufferedSocket):
    """One client; see the module's docstring."""

    def __init__(self, server: Server, sock: _socket.socket, level: Level | None) -> None:
        super().__init__(server.loop, sock)
        self._server = server
        self._level = level
        self._frames = FrameReader()
        self._pending: list[dict[str, Any]] = []
        self._task: AnyFuture | None = None
        self._command = ""
        self._stop_stream: Callable[[], None] | None = None
        self._pages: Pages | None = None  # of a reply that the client has not asked for to its end
        self._ended = False  # the client will send no more
        self._closing = False  # nothing of the client is read any more, the output is still written
        self._update()

    @property
    def busy(self) -> bool:
        return bool(self._task or self._out or self._pending or self._stop_stream)

    # Reading ------------------------------------------------------------------------------------------

    def _on_readable(self) -> None:
        data = self._receive(READ_SIZE)
        if data is None:
            return
        self._heard = self._loop.time()
        if data:
            requests = self._frames.feed(data)
            if requests:
                self._set_timer("")  # a frame came whole: the next one has its own time
                self._pending += requests
        else:
            self._ended = True
            if self._hung_up():
                self.close()
                return
        self._work()

    def _hung_up(self) -> bool:
        """Returns whether the end of input means that the client is gone, not only done asking."""
        poll = select.poll()
        poll.register(self._fd, 0)  # POLLHUP is always reported
        return bool(poll.poll(0))

    # Working ------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Begins what can be begun; called after every change."""
        while not (self.closed or self._closing or self._task) and len(self._out) <= BUSY_OUTPUT:
            if self._pending:
                self._begin(self._pending.pop(0))
            elif self._frames.error is not None:
                error = self._frames.error
                self._finish(error.reply())
            elif self._ended and self._stop_stream is None:
                if self._frames.partial:
                    self._finish(CommandError(INVALID_REQUEST, "the request is not complete").reply())
                self._closing = True
            else:
                break
        if self._closing and not self._out:
            self.close()
        if not self.closed:
            self._update()

    def _finish(self, reply: dict[str, Any]) -> None:
        """Sends a last reply and closes the connection."""
        self._end_stream()
        self._write(encode_reply(reply))
        self._closing = True

    def _begin(self, request: dict[str, Any]) -> None:
        self._end_stream()
        try:
            command = command_of(request)
            if command == MORE and self._level is not None:
                self._write(self._next_page())
                return
            self._pages = None
            if not may(self._level, command):
                self._refuse(command)
                return
            if VERBS.get(command, 0) & STREAM and request.get("follow") is True:
                self._stop_stream = self._server.commands.follow(request, self._send_stream)
                if self.closed:  # what was sent at once was too much already
                    self._end_stream()
                return
        except CommandError as error:
            self._write(encode_reply(error.reply()))
            return
        except Exception as error:
            self._write(encode_reply(self._unexpected(str(request.get("command")), error)))
            return
        self._command = command
        self._task = self._loop.create_task(self._execute(command, request))
        self._server.keep(self._task)

    def _refuse(self, command: str) -> None:
        if self._level is None:
            self._finish({"status": "error", "code": FORBIDDEN, "message": "you may not talk to this daemon"})
        else:
            message = f"{command}: you may only read (status, logs, events, health, ...)"
            self._write(encode_reply({"status": "error", "code": FORBIDDEN, "message": message}))

    async def _execute(self, command: str, request: dict[str, Any]) -> None:
        try:
            reply = await self._server.commands.execute(request)
        except CommandError as error:
            reply = error.reply()
        except Exception as error:
            reply = self._unexpected(command, error)
        if not self.closed:
            self._task = None
            self._write(self._first_page(reply))
            self._work()

    def _first_page(self, reply: dict[str, Any]) -> bytes:
        """Returns the whole reply, if it fits into a frame, or its first page."""
        if not has_many_rows(reply):
            try:
                return encode(reply)
            except TypeError:
                return encode_reply(reply)
            except ValueError:
                pass
        from supervice.control.paging import Pages

        self._pages = Pages(reply)
        return self._next_page()

    def _next_page(self) -> bytes:
        pages = self._pages
        if pages is None:
            message = "nothing is left of a reply; ask for something first"
            return encode_reply({"status": "error", "code": INVALID_REQUEST, "message": message})
        try:
            frame = pages.frame()
        except (TypeError, ValueError) as error:
            self._pages = None
            message = f"the reply cannot be sent: {error}"
            return encode_reply({"status": "error", "code": INTERNAL_ERROR, "message": message})
        if pages.done:
            self._pages = None
        return frame

    def _unexpected(self, command: str, error: Exception) -> dict[str, Any]:
        text = f"{type(error).__name__}: {error}"
        self._server.log(f"control socket: {command}: unexpected {text}")
        return {"status": "error", "code": INTERNAL_ERROR, "message": f"unexpected {text}"}

    def _send_stream(self, frame: dict[str, Any]) -> bool:
        if self.closed or self._closing or len(self._out) > STREAM_OUTPUT:
            return False
        self._write(encode_reply(frame))
        return not self.closed

    def _end_stream(self) -> None:
        stop, self._stop_stream = self._stop_stream, None
        if stop is not None:
            try:
                stop()
            except Exception as error:
                self._unexpected("end of a stream", error)

    # Writing ------------------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        self._push(data)
        if len(self._out) > MAX_OUTPUT:
            self._server.log("control socket: a client that does not read was dropped")
            self.close()

    # Watching -----------------------------------------------------------------------------------------

    def _update(self) -> None:
        """Sets the reader and the one timer to what the connection waits for."""
        full = len(self._pending) >= MAX_PENDING or self._frames.error is not None
        reading = not (self._ended or self._closing or full)
        self._watch_input(reading)
        if self._out and self._stop_stream is None:
            self._set_timer("read", STALL_TIMEOUT)
        elif self._pages is not None:
            self._set_timer("ask on", STALL_TIMEOUT)
        elif reading and (self._frames.partial or self._level is None) and not self._task:
            self._set_timer("send", FRAME_TIMEOUT)
        else:
            self._set_timer("")

    def close(self) -> None:
        """Closes the connection now. A command that only reads is cancelled, any other goes on."""
        if self.closed:
            return
        self._release()
        self._end_stream()
        self._pending.clear()
        self._pages = None
        task, self._task = self._task, None
        if task is not None and may("read", self._command):
            task.cancel()
        self._server.forget(self)
