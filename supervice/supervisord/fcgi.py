"""Listening sockets that programs have as standard input: FastCGI programs of supervisord files.

One socket per program: made for its first process, shared by all of them, kept across their restarts, and
closed when none of them will run again by itself. It stays blocking, as such programs expect.
"""

from __future__ import annotations

import _socket  # the C half of `socket`, as in `net`
import os

from supervice import logger
from supervice.lean.loop import running_loop
from supervice.lifecycle.states import RESTING
from supervice.models import program_of
from supervice.net.resolver import at_once, look_up
from supervice.net.unix_listener import Listener
from supervice.pid1.identity import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.models import ProgramConfig, SocketConfig
    from supervice.net.resolver import Answer
    from supervice.process import Process
    from supervice.runner.obstacle import Question

LONGEST_BACKLOG = 65535  # the kernel cuts it to net.core.somaxconn


class SharedSocket:
    """The socket of one program."""

    def __init__(self, config: ProgramConfig) -> None:
        self._config = config
        self._processes: set[str] = set()
        self._listener: Listener | None = None
        self._sock: _socket.socket | None = None
        self._found: Answer | None = None  # of the name server

    def open(self, config: ProgramConfig) -> int:
        """Returns the descriptor of the socket, which it makes if there is none. OSError."""
        self._processes.add(config.name)
        if self._sock is None:
            self._config = config
            settings = config.socket
            assert settings is not None
            try:
                self._sock = self._bind(settings)
            except (OSError, LookupError) as error:
                words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                raise OSError(getattr(error, "errno", None) or 0, words, settings.address) from None
            logger.info(f"{program_of(config)}: listening on {settings.address}")
        return self._sock.fileno()

    def _bind(self, settings: SocketConfig) -> _socket.socket:
        backlog = settings.backlog or LONGEST_BACKLOG
        if settings.address.startswith("tcp://"):
            found, self._found = self._found, None
            return _bind_tcp(settings.address, backlog, found)
        uid, gid = self._owner(settings)
        path = settings.address[len("unix://") :]
        self._listener = Listener(path, settings.mode, gid, logger.warning, uid=uid, for_program=True)
        try:
            self._listener.sock.setblocking(True)
            self._listener.sock.listen(backlog)
        except BaseException:
            self._listener.close()
            self._listener = None
            raise
        return self._listener.sock

    def _owner(self, settings: SocketConfig) -> tuple[int | None, int | None]:
        """Returns the owner: by default the user that the program runs as, if not ours."""
        user = settings.owner or self._config.user
        if user is None:
            return None, None
        identity = resolve(user)
        if settings.owner is None:
            return (None, None) if identity.uid == os.geteuid() else (identity.uid, identity.gid)
        return identity.uid, identity.gid if ":" in settings.owner else None

    def question(self, config: ProgramConfig) -> Question | None:
        """Returns a question for the address of the host, if it is a name and not open yet."""
        address = config.socket.address if config.socket is not None else ""
        if self._sock is not None or not address.startswith("tcp://"):
            return None
        host, port = _host_and_port(address)
        if at_once(host, port, _socket.AI_PASSIVE) is not None:
            return None

        def ask(answered: Callable[[str], object]) -> Callable[[], object]:
            def keep(answer: Answer) -> None:
                self._found = answer
                answered("")  # what is wrong with it is said by `open`

            return look_up(running_loop(), host, port, _socket.AI_PASSIVE, keep)

        return f"the name server that is asked for {host} ({address})", ask

    def rests(self, name: str) -> None:
        """Notes that the process will not run again by itself."""
        self._processes.discard(name)
        if not self._processes:
            self.close()

    def close(self) -> None:
        if self._sock is None:
            return
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        else:
            self._sock.close()
        self._sock = None


def _host_and_port(address: str) -> tuple[str, int]:
    """Returns host and port; the host is "" for every interface."""
    host, _, port = address[len("tcp://") :].rpartition(":")
    return ("" if host == "*" else host.strip("[]")), int(port)


def _bind_tcp(address: str, backlog: int, found: Answer | None) -> _socket.socket:
    """Returns a bound socket. `found`: the addresses of a name, looked up before."""
    host, port = _host_and_port(address)
    found = at_once(host, port, _socket.AI_PASSIVE) if found is None else found
    if isinstance(found, OSError):
        raise LookupError(f"{host}: {found.strerror or found}")
    if not found:
        raise LookupError(f"{host}: no address")
    family, kind, number, _, where = found[0]  # only the first, as supervisord
    sock = _socket.socket(family, kind, number)
    try:
        sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        sock.bind(where)
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


class Socket:
    """The standard input of one process, for `Launcher.inputs`."""

    def __init__(self, shared: SharedSocket, process: Process) -> None:
        self._shared = shared
        self.process = process

    def open(self) -> int:
        return self._shared.open(self.process.config)

    def opened(self) -> None:
        pass

    def question(self) -> Question | None:
        return self._shared.question(self.process.config)


class Sockets:
    """The sockets of a supervisor, by program."""

    def __init__(self) -> None:
        self._shared: dict[str, SharedSocket] = {}

    def update(self, processes: list[Process]) -> dict[str, Socket]:
        """Takes over the programs as configured now; returns the inputs of their processes."""
        before, self._shared = self._shared, {}
        inputs = {}
        for process in processes:
            config = process.config
            if config.socket is not None:
                name = program_of(config)
                if name not in self._shared:
                    self._shared[name] = before.pop(name) if name in before else SharedSocket(config)
                inputs[config.name] = Socket(self._shared[name], process)
        for old in before.values():
            old.close()
        return inputs

    def changed(self, process: Process) -> None:
        if process.state in RESTING and process.config.socket is not None:
            shared = self._shared.get(program_of(process.config))
            if shared is not None:
                shared.rests(process.config.name)

    def close(self) -> None:
        for shared in self._shared.values():
            shared.close()
