"""Accepts connections on one listening socket, a few per turn, and pauses when it can take no more.

A client in the queue that cannot be accepted would wake the loop again and again; so the socket is not
watched during a pause.
"""

from __future__ import annotations

import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable
    from typing import Protocol

    from supervice.lean.loop import Cancellable, EventLoop

    class Listening(Protocol):
        fd: int
        port: int

        def accept_from(self) -> tuple[_socket.socket, str]: ...
        def again(self) -> Listening | None: ...
        def close(self) -> None: ...


ACCEPTS_PER_TURN = 32  # so that a storm of clients does not hold up reaping
FIRST_PAUSE = 0.1  # seconds without accepting when descriptors or memory have run out, then doubled
LONGEST_PAUSE = 5.0

# Errors of accept when this process cannot take more; any other error concerns one client.
EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class Acceptor:
    """Gives each connection to `welcome(sock, peer)`, whose OSError costs that client its connection.

    `room(waits)` returns why no client can be taken now, or "". With `waits` a client is certainly there, so
    another may lose its place for it. Accepts as soon as it is made.
    """

    def __init__(
        self,
        loop: EventLoop,
        listener: Listening,
        welcome: Callable[[_socket.socket, str], object],
        room: Callable[[bool], str],
        log: Callable[[str], object],
        name: str,
    ) -> None:
        self.listener = listener
        self._loop = loop
        self._welcome = welcome
        self._room = room
        self._log = log
        self.name = name
        self._accepting = False
        self._closed = False
        self._pause = FIRST_PAUSE
        self._resume: Cancellable | None = None
        self._watch()

    def _watch(self) -> None:
        wanted = self._resume is None and not self._closed
        if wanted == self._accepting:
            return
        self._accepting = wanted
        if wanted:
            self._loop.add_reader(self.listener.fd, self._on_connect)
        else:
            self._loop.remove_reader(self.listener.fd)

    def _on_connect(self) -> None:
        for turn in range(ACCEPTS_PER_TURN):
            if self._closed:
                return
            full = self._room(turn == 0)
            if full:
                if turn == 0:
                    self._rest(full)
                break
            try:
                sock, peer = self.listener.accept_from()
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self._rest(error.strerror or str(error))
                    break
                continue
            self._pause = FIRST_PAUSE
            try:
                self._welcome(sock, peer)
            except OSError:
                sock.close()  # gone before we looked, or it cannot be watched
        self._watch()

    def _rest(self, why: str) -> None:
        self._log(f"{self.name}: no new connection for {self._pause:g} s: {why}")
        self._resume = self._loop.call_later(self._pause, self._rested)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _rested(self) -> None:
        self._resume = None
        self._watch()

    def restore(self) -> bool:
        """Listens anew if the socket file was removed; returns whether it was. OSError when that fails."""
        new = self.listener.again()
        if new is None:
            return False
        if self._accepting:
            self._loop.remove_reader(self.listener.fd)
            self._accepting = False
        self.listener.close()  # removes no file: there is another one now
        self.listener = new
        self._watch()
        return True

    def wake(self) -> None:
        """Ends a pause: a place has become free."""
        if self._resume is not None:
            self._resume.cancel()
            self._rested()

    def close(self) -> None:
        """Stops listening."""
        self._closed = True
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        self._watch()
        self.listener.close()
