"""Opens listening sockets for programs (`listen`), and keeps them open while a program restarts.

A client that connects meanwhile waits instead of being refused. A socket is opened for the first start that
needs it, and closed when no process of its program will run again by itself: an operator has stopped it, it
is FATAL, it has ended, or a reload has removed the socket. Made for the first program with `listen`.
"""

from __future__ import annotations

import _socket  # the C half of `socket`, as in `net`
import fcntl
import os

from supervice import logger
from supervice.lifecycle.states import RESTING
from supervice.models import program_of
from supervice.net import inet_listener
from supervice.net.resolver import at_once, look_up
from supervice.net.unix_listener import Listener
from supervice.pid1.identity import resolve
from supervice.supervision.table import Observer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervice.lean.loop import EventLoop
    from supervice.lifecycle.states import Announce
    from supervice.models import ListenConfig, ProgramConfig
    from supervice.net.resolver import Answer
    from supervice.process import Process
    from supervice.runner.launcher import Launcher
    from supervice.runner.obstacle import Question
    from supervice.supervision.startup import Startup
    from supervice.supervision.table import ProcessTable

FIRST_FD = 3  # of the program
# Our descriptors are above all numbers that they get in the child.
ABOVE = 100
LONGEST_BACKLOG = 65535  # the kernel cuts it to net.core.somaxconn


class Socket:
    """One open socket. OSError when it cannot be had."""

    def __init__(self, address: str, settings: ListenConfig, user: str | None, found: Answer | None) -> None:
        self.address = address
        self._listener: Listener | None = None
        backlog = settings.backlog or LONGEST_BACKLOG
        way, _, rest = address.partition(":")
        if way == "unix":
            uid, gid = _owner(settings, user)
            self._listener = Listener(rest, settings.mode, gid, logger.warning, uid=uid, for_program=True)
            self._settle(self._listener, backlog)
            return
        host, _, port = rest.rpartition(":")
        addresses = None
        if host not in ("", "*"):
            found = at_once(host.strip("[]"), int(port), _socket.AI_PASSIVE) if found is None else found
            if isinstance(found, OSError):
                raise found
            # one descriptor for each configured address: IPv4 first, as a client of `localhost` expects
            addresses = sorted(found or [], key=lambda entry: entry[0] != _socket.AF_INET)[:1]
        (inet,) = inet_listener.listen(host, int(port), addresses)
        try:
            self._settle(inet, backlog)
        finally:
            inet.close()  # the copy stays

    def _settle(self, listener: Listener | inet_listener.InetListener, backlog: int) -> None:
        listener.sock.setblocking(True)  # as programs expect it
        listener.sock.listen(backlog)
        self.fd = fcntl.fcntl(listener.fd, fcntl.F_DUPFD_CLOEXEC, ABOVE)
        self._backlog = backlog

    def restore(self) -> None:
        """Makes the file of a unix socket again that the program, or another process, has removed."""
        again = None if self._listener is None else self._listener.again()
        if again is None:
            return
        assert self._listener is not None
        old, self._listener = self._listener, again
        os.close(self.fd)
        old.close()
        self._settle(again, self._backlog)
        logger.info(f"{self.address}: its file was removed; it has been made again")

    def is_lost(self) -> bool:
        """Returns whether no client can find it any more."""
        return self._listener is not None and self._listener.is_lost()

    def close(self) -> None:
        os.close(self.fd)
        if self._listener is not None:
            self._listener.close()


def _owner(settings: ListenConfig, user: str | None) -> tuple[int | None, int | None]:
    """Returns the owner of the socket file: by default the user that the program runs as, if not ours."""
    name = settings.owner or user
    if name is None:
        return None, None
    identity = resolve(name)
    if settings.owner is None:
        return (None, None) if identity.uid == os.geteuid() else (identity.uid, identity.gid)
    return identity.uid, identity.gid if ":" in settings.owner else None


class Listening(Observer):
    """The listening sockets of one supervisor's programs, until `close`."""

    def __init__(self, loop: EventLoop, table: ProcessTable, startup: Startup, launcher: Launcher) -> None:
        self._loop = loop
        self._table = table
        self._startup = startup
        self._launcher = launcher
        self._open: dict[str, dict[object, Socket]] = {}  # by program; what makes a socket another one
        self._found: dict[str, Answer] = {}  # what name servers have said, by address
        self._looking: set[str] = set()
        launcher.sockets = self
        table.observe(self, first=True)

    # -- what a start asks for ---------------------------------------------------------------------------

    def open(self, config: ProgramConfig) -> list[int]:
        """Returns our descriptors of its sockets, opening those that are not open. OSError."""
        assert config.listen is not None
        program = program_of(config)
        there = self._open.setdefault(program, {})
        for key, address in _keys(config):
            if key in there:
                there[key].restore()
                continue
            try:
                there[key] = Socket(address, config.listen, config.user, self._found.pop(address, None))
            except (OSError, LookupError) as error:
                words = (error.strerror if isinstance(error, OSError) else None) or str(error)
                where = address.partition(":")[2]
                said = words if where in words else f"{where}: {words}"
                raise OSError(getattr(error, "errno", None) or 0, f"listen: {said}") from None
            logger.info(f"{program}: listening on {address}")
        return [there[key].fd for key, _ in _keys(config)]

    def lost(self, config: ProgramConfig) -> list[str]:
        """Returns the addresses of its open sockets whose file was removed."""
        there = self._open.get(program_of(config), {})
        return [address for key, address in _keys(config) if key in there and there[key].is_lost()]

    def question(self, config: ProgramConfig) -> Question | None:
        """Returns a question for the address of a socket's host, if it is a name and not open yet."""
        there = self._open.get(program_of(config), {})
        for key, address in _keys(config):
            host, _, port = address.removeprefix("tcp:").rpartition(":")
            named = address.startswith("tcp:") and host not in ("", "*")
            if key in there or not named or address in self._found:
                continue
            if at_once(host.strip("[]"), int(port), _socket.AI_PASSIVE) is None:
                return self._ask(address, host, int(port))
        return None

    def _ask(self, address: str, host: str, port: int) -> Question:
        def ask(answered: Callable[[str], object]) -> Callable[[], object]:
            def keep(answer: Answer) -> None:
                self._found[address] = answer
                answered("")  # what is wrong with it is said by `open`

            return look_up(self._loop, host, port, _socket.AI_PASSIVE, keep)

        return f"the name server that is asked for {host} ({address})", ask

    # -- what becomes of the programs --------------------------------------------------------------------

    def changed(self, process: Process, change: Announce | None) -> None:
        if change is not None and process.state in RESTING:
            self._look(program_of(process.config))

    def wanted(self, names: Iterable[str], wanted: bool) -> None:
        for name in () if wanted else names:
            process = self._table.processes.get(name)
            if process is not None:
                self._look(program_of(process.config))

    def rebuild(self) -> None:
        """Handles a reload: opens new sockets before it closes those that are no longer wanted."""
        wanted: dict[str, set[object]] = {}
        for process in self._table.processes.values():
            config = process.config
            program = program_of(config)
            if config.listen is None or program not in self._open:
                continue
            wanted.setdefault(program, set()).update(key for key, _ in _keys(config))
            try:
                self.open(config)
            except OSError as error:
                logger.error(f"{config.name}: {error.strerror}; its next start tries again")
        for program in list(self._open):
            for key in self._open[program].keys() - wanted.get(program, set()):
                self._end(program, key)
            self._look(program)

    def _look(self, program: str) -> None:
        """Decides in the next turn of the loop: by then a start after the stop has been requested."""
        if program in self._open and program not in self._looking:
            self._looking.add(program)
            self._loop.call_soon(self._decide, program)

    def _decide(self, program: str) -> None:
        self._looking.discard(program)
        processes = [p for p in self._table.processes.values() if program_of(p.config) == program]
        if not any(self._comes_back(process) for process in processes):
            for key in list(self._open.get(program, ())):
                self._end(program, key)

    def _comes_back(self, process: Process) -> bool:
        name, table = process.config.name, self._table
        return (
            process.state not in RESTING
            or name in table.returning
            or name in table.leaving
            or self._startup.is_waiting(process)
        )

    def _end(self, program: str, key: object) -> None:
        socket = self._open[program].pop(key)
        socket.close()
        logger.info(f"{program}: not listening on {socket.address} any more")
        if not self._open[program]:
            del self._open[program]

    def close(self) -> None:
        self._table.unobserve(self)
        self._launcher.sockets = None
        for there in self._open.values():
            for socket in there.values():
                socket.close()
        self._open.clear()


def _keys(config: ProgramConfig) -> list[tuple[object, str]]:
    """Returns what distinguishes each socket of a program, with its address."""
    listen = config.listen
    if listen is None:
        return []
    of_files = (listen.mode, listen.owner, config.user if listen.owner is None else None)
    return [
        ((address, listen.backlog, of_files if address.startswith("unix:") else None), address)
        for _, address in listen.sockets
    ]
