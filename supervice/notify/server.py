"""The socket on which programs say that they are ready, alive or about to end.

One socket for all programs, to which every user may send. It has a path where a directory is writable,
because not every client knows other addresses, else an abstract name that the kernel chooses. The kernel says
who sent a message (SO_PASSCRED), and only the processes of a program speak for it: its leader, its session,
and its descendants (docs/adr/0014).

Descriptors that come along are closed; that of BARRIER is closed after everything before it is handled.
"""

from __future__ import annotations

import _socket
import os

from supervice.fs.private_directory import PrivateDirectory
from supervice.lean.rights import ROOM, close_received, integers, refuse_rights
from supervice.notify.protocol import parse
from supervice.pid1.leftovers import read_stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from supervice.lean.loop import EventLoop
    from supervice.notify.protocol import Message

    Listener = Callable[[int, Message], object]

# Longer messages are dropped, as by systemd (NOTIFY_BUFFER_MAX): one of 64 KiB takes 30 ms to parse.
LONGEST = 4096
# Messages in a row before other work gets a turn.
BATCH = 64
# Seconds after which it gets a turn anyway: to find the owner of one message can take most of them.
TURN = 0.01
# Messages that are taken out of the queue at its end: net.unix.max_dgram_qlen is 10, 512 under systemd.
MOST_LEFT = 1024
# The most ancestors that are looked at, 36 us each.
DEEPEST = 256
CREDENTIALS = 12  # struct ucred: pid, uid, gid


class NotifySocket:
    def __init__(self, loop: EventLoop, places: Sequence[str] = ()) -> None:
        """`places`: the directories to try. OSError when this system has no such sockets."""
        self._loop = loop
        self._directory: PrivateDirectory | None = None
        self._programs: dict[int, Listener] = {}  # by the pid of the leader, which is its session's too
        self._found: dict[int, Listener | None] = {}  # the owners of processes, for one turn
        self._socket = _nameless()
        try:
            self.address = self._bind_path(places) or self._bind_abstract()
            loop.add_reader(self._socket.fileno(), self._readable)
        except BaseException:
            self._socket.close()
            raise

    def _bind_path(self, places: Sequence[str]) -> str:
        """Binds in a directory of its own, so that no other file is in the way; "" when none can be made."""
        for place in places:
            try:
                self._directory = PrivateDirectory(place)
            except OSError:
                continue
            try:
                return self._directory.bind(self._socket)
            except OSError:
                self._directory.close()
                self._directory = None
                self._socket.close()  # it may have a name already, and gets no other one
                self._socket = _nameless()
        return ""

    def _bind_abstract(self) -> str:
        self._socket.bind("")  # unix(7), autobind: a name that is free
        return "@" + bytes(self._socket.getsockname())[1:].decode()

    def register(self, pid: int, listener: Listener) -> None:
        """Calls `listener(sender, message)` from now on for what the program led by `pid` sends."""
        self._programs[pid] = listener
        self._found.clear()

    def forget(self, listener: Listener) -> None:
        self._programs = {pid: one for pid, one in self._programs.items() if one != listener}
        self._found.clear()

    @property
    def is_idle(self) -> bool:
        return not self._programs

    def drain(self) -> None:
        """Handles what has come, however long it takes: a program's last words come before its end."""
        self._handle(float("inf"))

    def _readable(self) -> None:
        self._handle(self._loop.time() + TURN)

    def _handle(self, until: float) -> None:
        self._found.clear()  # a pid may be another process's by now
        for _ in range(BATCH):
            try:
                data, extra, flags, _ = self._receive()
            except BlockingIOError:
                return
            except OSError:
                continue
            sender = 0
            for level, kind, content in extra:
                if level == _socket.SOL_SOCKET and kind == _socket.SCM_CREDENTIALS:
                    sender = (integers(content) or [0])[0]
            try:
                if not flags & _socket.MSG_TRUNC:
                    self._deliver(sender, data)
            finally:
                close_received(extra)  # that of a barrier is a pipe whose end the sender waits for
            if self._loop.time() > until:
                return  # the loop calls again: there is more to read

    def _receive(self) -> tuple[bytes, list[tuple[int, int, bytes]], int, object]:
        room = _socket.CMSG_SPACE(CREDENTIALS) + ROOM
        return self._socket.recvmsg(LONGEST, room, _socket.MSG_CMSG_CLOEXEC)

    def _deliver(self, sender: int, data: bytes) -> None:
        listener = self._owner(sender)
        if listener is not None:
            listener(sender, parse(data))

    def _owner(self, sender: int) -> Listener | None:
        """Returns the listener of the program that the process belongs to; None for a stranger."""
        owner = self._programs.get(sender)
        pid, me = sender, os.getpid()
        walked: list[int] = []
        while owner is None and pid > 1 and pid != me:
            if pid in self._found:
                owner = self._found[pid]
                break
            stat = read_stat(pid) if len(walked) < DEEPEST else None
            if stat is None:
                return None  # which says nothing about those in between
            walked.append(pid)
            pid = stat.ppid
            owner = self._programs.get(stat.session) or self._programs.get(pid)
        for one in walked:
            self._found[one] = owner
        return owner

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._empty()
        self._socket.close()
        if self._directory is not None:
            self._directory.close()

    def _empty(self) -> None:
        """Takes what is still in the queue: the kernel would close its descriptors, and we wait for that."""
        refuse_rights(self._socket)
        for _ in range(MOST_LEFT):
            try:
                close_received(self._receive()[1])
            except OSError:
                return


def _nameless() -> _socket.socket:
    kind = _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK
    sock = _socket.socket(_socket.AF_UNIX, kind)
    try:
        sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def places(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Returns directories for the socket: not on a volume, and reachable for programs of other users."""
    mine = environ.get("XDG_RUNTIME_DIR", "") if os.geteuid() else ""
    return tuple(place for place in ("/run", mine, "/tmp") if place.startswith("/"))
