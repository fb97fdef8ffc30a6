"""Sections of supervisord's dialect beside programs: event listeners, FastCGI sockets, HTTP servers.

They are read and checked here, and used elsewhere.
"""

from __future__ import annotations

from supervice.config.context import FAILED
from supervice.config.options import FCGI, INET_SERVER, LISTENER, NAME, UNIX_SERVER
from supervice.config.problems import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.config.context import Context
    from supervice.config.expand import Names
    from supervice.config.options import Row
    from supervice.config.reader import Section
    from supervice.models import ProgramConfig

# supervisord's event types (supervisor/events.py); a plug-in may add others, so an unknown one is a warning.
EVENTS = frozenset(
    [
        "EVENT",
        "PROCESS_STATE",
        "PROCESS_STATE_STARTING",
        "PROCESS_STATE_RUNNING",
        "PROCESS_STATE_BACKOFF",
        "PROCESS_STATE_STOPPING",
        "PROCESS_STATE_EXITED",
        "PROCESS_STATE_STOPPED",
        "PROCESS_STATE_FATAL",
        "PROCESS_STATE_UNKNOWN",
        "REMOTE_COMMUNICATION",
        "PROCESS_LOG",
        "PROCESS_LOG_STDOUT",
        "PROCESS_LOG_STDERR",
        "PROCESS_COMMUNICATION",
        "PROCESS_COMMUNICATION_STDOUT",
        "PROCESS_COMMUNICATION_STDERR",
        "SUPERVISOR_STATE_CHANGE",
        "SUPERVISOR_STATE_CHANGE_RUNNING",
        "SUPERVISOR_STATE_CHANGE_STOPPING",
        "TICK",
        "TICK_5",
        "TICK_60",
        "TICK_3600",
        "PROCESS_GROUP",
        "PROCESS_GROUP_ADDED",
        "PROCESS_GROUP_REMOVED",
    ]
)


class Listener:
    """An `[eventlistener:NAME]`: the processes of the pool and what they listen to."""

    __slots__ = ("buffer_size", "events", "name", "processes")

    def __init__(
        self, name: str, processes: list[ProgramConfig], events: tuple[str, ...], buffer_size: int
    ) -> None:
        self.name = name
        self.processes = processes
        self.events = events
        self.buffer_size = buffer_size


class Server:
    """A `[unix_http_server]` (`file`) or `[inet_http_server]` (`host`, `port`)."""

    __slots__ = ("chmod", "chown", "file", "host", "password", "port", "section", "username")

    def __init__(self, section: str, values: dict[str, Any]) -> None:
        self.section = section
        self.username: str | None = values.get("username")
        self.password: str | None = values.get("password")
        self.file: str | None = values.get("file")
        self.chmod: int = values.get("chmod", 0o700)
        self.chown: str | None = values.get("chown")
        self.host: str = values.get("host", "")
        self.port: int | None = values.get("number")


def _values(ctx: Context, section: Section, names: Names, table: tuple[Row, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for row in table:
        if row[NAME] in section.options:
            value = ctx.value(section, row, names)
            ctx.effect(section, row, value)
            values[row[NAME]] = None if value is FAILED else value
    return values


def listener(ctx: Context, section: Section, names: Names, processes: list[ProgramConfig]) -> Listener | None:
    values = _values(ctx, section, names, LISTENER)
    where = f"[{shown(section.name)}]"
    events = tuple(event.upper() for event in values.get("events") or ())
    _, file, line = section.options.get("events", ("", section.file, section.line))
    if not events:
        ctx.error(file, line, "events", f"{where} names no events, add for example: events = PROCESS_STATE")
        return None
    for event in events:
        if event not in EVENTS:
            ctx.error(file, line, "events", f"{where} events: unknown event type {shown(event)}")
    if any(process.redirect_stderr for process in processes):
        _, file, line = section.options["redirect_stderr"]
        message = f"{where} redirect_stderr = true would disturb the listener's protocol, remove it"
        ctx.error(file, line, "redirect_stderr", message)
    return Listener(section.name.partition(":")[2], processes, events, values.get("buffer_size") or 10)


def fcgi_socket(ctx: Context, section: Section, names: Names) -> None:
    values = _values(ctx, section, names, FCGI)
    socket = values.get("socket") or ""
    _, file, line = section.options.get("socket", ("", section.file, section.line))
    where = f"[{shown(section.name)}]"
    host, _, port = socket[6:].rpartition(":")
    if socket.startswith("unix:///"):
        return
    if not socket.startswith("tcp://") or not host or not (port.isascii() and port.isdigit()):
        ctx.error(file, line, "socket", f"{where} needs socket = tcp://HOST:PORT or unix:///PATH")
    elif "socket_owner" in values or "socket_mode" in values:
        ctx.error(file, line, "socket", f"{where} socket_owner and socket_mode are for unix:// sockets only")


def server(ctx: Context, section: Section, kind: str) -> Server | None:
    names = ctx.names(section, {}, here=section.here)
    ctx.check(section, kind)
    where = f"[{shown(section.name)}]"
    unix = kind == "unix_http_server"
    values = _values(ctx, section, names, UNIX_SERVER if unix else INET_SERVER)
    needed = "file" if unix else "port"
    if needed not in section.options:
        ctx.error(section.file, section.line, needed, f"{where} has no {needed}, add it")
        return None
    if ("username" in values) != ("password" in values):
        message = f"{where} has only one of username and password, give both or none"
        ctx.error(section.file, section.line, "password", message)
    if values[needed] is None:
        return None
    if not unix:
        host, _, number = values["port"].rpartition(":")
        if not (number.isascii() and number.isdigit() and 1 <= int(number[:6]) <= 65535):
            _, file, line = section.options["port"]
            ctx.error(file, line, "port", f"{where} port: no port number, write HOST:PORT, :PORT or PORT")
            return None
        values["host"], values["number"] = ("" if host == "*" else host.lower()), int(number)
        if values["host"] not in ("127.0.0.1", "localhost", "::1", "[::1]") and "password" not in values:
            message = f"{where} is open to the network without a password, set username and password"
            ctx.warning(section.file, section.line, "port", message)
    return Server(section.name, values)
