"""Asks the daemon, synchronously, for `supervicectl`. Imports next to nothing, because its start is timed.

`supervice.client.Controller` is the same for asyncio and shares the decisions made here: where the daemon is,
which daemon to trust, how long to wait.
"""

from __future__ import annotations

import _socket  # the C half of `socket`: the other half costs 8 of the 35 ms a `supervicectl` may take
import os
import time

from supervice.control.address import socket_candidates, told_path
from supervice.control.protocol import AT_ONCE, MORE, VERBS, FrameReader, encode
from supervice.net.peer import in_this_container, peer_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from supervice.net.peer import Peer

NOT_FOUND_MESSAGE = "Supervice is not running (socket not found)"
# The launcher of the bundle says the same (docker/bundle/launcher/health.c).
START_IT = "start it or give the socket with -s; outside of its container: docker exec CONTAINER supervicectl"
QUICK_TIMEOUT = 10.0  # seconds; what the daemon answers at once comes by then or not at all
GRACE = 5.0  # seconds on top of a timeout that the daemon was given, so that it is the one that reports it

# Seconds between two looks for a daemon that is still to come.
LOOK_AGAIN = 0.1


class Unreachable(Exception):
    """There is no daemon that may be talked to. The message is one line and says what to do."""


class Elsewhere(Unreachable):
    """The daemon that answers belongs to another container."""


def reply_timeout(command: str, timeout: float | None) -> float | None:
    """Returns the seconds to wait for the reply; None: no limit, since a stop may take minutes."""
    if VERBS.get(command, 0) & AT_ONCE:
        return timeout if timeout is not None else QUICK_TIMEOUT
    return timeout + GRACE if timeout is not None else None


def trusted(peer: Peer, *, named: bool = False, obeyed: bool = False) -> bool:
    """Returns whether the daemon may be trusted: root's and our own user's are.

    Root also trusts the one named with -s, and PID 1 of its own container: so `docker exec -u root` reaches a
    daemon that the image runs as another user. Not if it is `obeyed`: root would become what that user says.
    """
    if peer.uid in (0, os.geteuid()):
        return True
    return (
        not obeyed and os.geteuid() == 0 and (named or (peer.pid == 1 and in_this_container(1) is not False))
    )


def full_queue_of_a_stranger(path: str) -> str:
    """Returns why not to wait at a socket whose queue is full, or "": a stranger could hold us up.

    A connection would tell who listens; before it, the owners of the file and of PID 1 have to do.
    """
    try:
        uid = os.lstat(path).st_uid
        if uid in (0, os.geteuid()) or uid == os.stat("/proc/1").st_uid:
            return ""
    except OSError:
        return ""
    return f"{path}: refused: the socket belongs to uid {uid}, which is neither root nor you"


def check_peer(path: str, peer: Peer, *, named: bool, obeyed: bool = False) -> None:
    """Raises `Unreachable` when the daemon at `path` must not be talked to."""
    if not named and in_this_container(peer.pid) is False:
        raise Elsewhere(
            f"{path} is the socket of another container's supervice; write -s {path} to talk to it"
        )
    if not trusted(peer, named=named, obeyed=obeyed):
        if os.geteuid() == 0 and obeyed:
            raise Unreachable(
                f"{path}: refused: uid {peer.uid} runs the daemon there and would decide what root runs; run "
                f"this as that user (docker exec -u {peer.uid})"
            )
        raise Unreachable(
            f"{path}: refused: the daemon there runs as uid {peer.uid}, which is neither root nor you"
        )


def connect_message(path: str, error: OSError) -> str:
    """Returns one line on why there is no connection."""
    if isinstance(error, FileNotFoundError):
        return NOT_FOUND_MESSAGE
    if isinstance(error, ConnectionRefusedError):
        return f"Supervice is not running (no daemon answers at {path})"
    if isinstance(error, PermissionError):
        return (
            f"{path}: permission denied; run this as the user of the daemon (docker exec without -u, or "
            "-u UID) or as root; members of socket_group may look"
        )
    return f"{path}: {error.strerror or error}"


class Client:
    """One connection to the daemon at `path`. OSError, or `Unreachable` when it is not trusted.

    `named`: the user asked for this daemon, even if it is another container's (`Elsewhere`). `obeyed`: its
    reply decides what we become.
    """

    def __init__(
        self, path: str, timeout: float = QUICK_TIMEOUT, *, named: bool = True, obeyed: bool = False
    ) -> None:
        self._frames = FrameReader()
        self._ready: list[dict[str, Any]] = []
        self._sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            self._connect(path, timeout)
            peer = peer_of(self._sock)
            check_peer(path, peer, named=named, obeyed=obeyed)
        except BaseException:
            self._sock.close()
            raise

    def _connect(self, path: str, timeout: float) -> None:
        give_up = time.monotonic() + timeout
        self._sock.settimeout(timeout)
        while True:
            try:
                self._sock.connect(path)
                return
            except BlockingIOError:  # a Unix socket whose queue is full says so instead of waiting
                strange = full_queue_of_a_stranger(path)
                if strange:
                    raise Unreachable(strange) from None
                if time.monotonic() > give_up:
                    raise TimeoutError(f"not accepted within {timeout:g} s") from None
                time.sleep(0.005)

    def send(self, request: dict[str, Any]) -> None:
        """Sends one request. ValueError when it is over 1 MiB."""
        try:
            self._sock.sendall(encode(request), _socket.MSG_NOSIGNAL)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it may have said why before it hung up: `receive` tells

    def receive(self, timeout: float | None) -> dict[str, Any] | None:
        """Returns the next frame; None when the daemon has hung up. TimeoutError, `ProtocolError`."""
        give_up = None if timeout is None else time.monotonic() + timeout
        while not self._ready:
            if self._frames.error is not None:
                raise self._frames.error
            if give_up is None:
                self._sock.settimeout(None)
            else:
                left = give_up - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self._sock.settimeout(left)
            try:
                data = self._sock.recv(262144)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._ready = self._frames.feed(data)
        return self._ready.pop(0)

    def fileno(self) -> int:
        return self._sock.fileno()

    def arrived(self) -> list[dict[str, Any]] | None:
        """Returns the frames that have come, when the socket is readable; None after the daemon's end."""
        try:
            data = self._sock.recv(262144)
        except ConnectionResetError:
            data = b""
        self._ready += self._frames.feed(data)
        if self._frames.error is not None:
            raise self._frames.error
        frames, self._ready = self._ready, []
        return frames if data or frames else None

    def receive_idly(self, timeout: float | None, idle: Callable[[], float]) -> dict[str, Any] | None:
        """Does the same; while it waits it calls `idle`, again after the seconds that `idle` returns."""
        give_up = None if timeout is None else time.monotonic() + timeout
        pause = idle()
        while True:
            try:
                left = pause if give_up is None else min(pause, give_up - time.monotonic())
                return self.receive(left)
            except TimeoutError:
                if give_up is not None and time.monotonic() >= give_up:
                    raise
                pause = idle()

    def ask(
        self, request: dict[str, Any], timeout: float | None = None, idle: Callable[[], float] | None = None
    ) -> dict[str, Any]:
        """Sends `request` and returns the reply with all its pages, waiting `timeout` seconds for each.

        `Unreachable` when there is none.
        """
        whole: dict[str, Any] = {}
        more = True
        while more:
            self.send(request)
            try:
                reply = self.receive(timeout) if idle is None else self.receive_idly(timeout, idle)
            except TimeoutError:
                raise Unreachable(f"the daemon did not answer within {timeout:g} s") from None
            if reply is None:
                raise Unreachable("the daemon hung up without an answer; look at its log")
            if not (whole or reply.get(MORE)):
                return reply
            if whole and reply.get("status") != whole.get("status"):
                return reply  # why the next page cannot be had
            from supervice.control.paging import add_page

            more = add_page(whole, reply)
            request = {"command": MORE}
        return whole

    def close(self) -> None:
        self._sock.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def reach(explicit: str | None, environ: Mapping[str, str], *, obeyed: bool = False) -> Client:
    """Returns a connection to the first daemon that answers. `Unreachable` when none does."""
    problem, elsewhere = "", ""
    looked: list[str] = []
    named = told_path(explicit, environ) is not None
    for path in socket_candidates(explicit, environ):
        looked.append(path)
        try:
            return Client(path, named=named, obeyed=obeyed)
        except Elsewhere as error:
            elsewhere = elsewhere or f"no supervice runs in this container; {error}"
        except OSError as error:
            # An empty place is the least interesting of all problems.
            if not isinstance(error, FileNotFoundError):
                problem = problem or connect_message(path, error)
        except Unreachable as error:
            problem = problem or str(error)
    problem = problem or elsewhere
    if not problem:
        problem = f"{NOT_FOUND_MESSAGE}: looked for {', '.join(looked)}; {START_IT}"
    raise Unreachable(problem)


def call(
    request: dict[str, Any],
    explicit: str | None,
    environ: Mapping[str, str],
    timeout: float | None = None,
    idle: Callable[[], float] | None = None,
) -> dict[str, Any]:
    """Returns the daemon's reply to `request`. `Unreachable` when there is none; `timeout` in seconds."""
    with reach(explicit, environ, obeyed=request.get("command") == "exec") as client:
        return client.ask(request, reply_timeout(str(request.get("command")), timeout), idle)


def wait_for_daemon(explicit: str | None, environ: Mapping[str, str], seconds: float) -> float:
    """Waits until a daemon answers; returns what is left of the seconds."""
    until = time.monotonic() + seconds
    while True:
        left = max(0.0, until - time.monotonic())
        try:
            with reach(explicit, environ):
                return left
        except Unreachable:
            if not left:
                return left
            time.sleep(min(LOOK_AGAIN, left))
