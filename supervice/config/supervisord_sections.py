"""Parses sections of supervisord's dialect other than programs: listeners, FastCGI sockets, HTTP servers.

The package `supervisord` uses the results.
"""

from __future__ import annotations

import os

from supervice.config.context import FAILED, LONGEST_SOCKET
from supervice.config.event_names import EVENTS
from supervice.config.options import FCGI, INET_SERVER, LISTENER, NAME, UNIX_SERVER
from supervice.config.problems import shown
from supervice.models import ListenerConfig, SocketConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.config.context import Context
    from supervice.config.expand import Names
    from supervice.config.options import Row
    from supervice.config.program import Program
    from supervice.config.reader import Section

# supervisord's own reading of an answer: OK is an acceptance.
DEFAULT_HANDLER = "supervisor.dispatchers:default_handler"


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


def listener(ctx: Context, section: Section, program: Program, *, plugins: bool) -> None:
    """Makes the processes of the section event listeners.

    `plugins`: the file loads plug-ins, which may have events of their own.
    """
    values = _values(ctx, section, program.names, LISTENER)
    where = f"[{shown(section.name)}]"
    names = tuple(dict.fromkeys(event.upper() for event in values.get("events") or ()))
    _, file, line = section.options.get("events", ("", section.file, section.line))
    if not names:
        ctx.error(file, line, "events", f"{where} names no events; write for example events = PROCESS_STATE")
    unknown = [name for name in names if name not in EVENTS]
    for name in unknown:
        if plugins:  # plug-ins of supervisord may register event types
            message = f"{where} events: {shown(name)} is an event of a plug-in and never comes; remove it"
            ctx.warning(file, line, "events", message)
        else:
            hint = ctx.guess(name, [event.lower() for event in sorted(EVENTS)])  # in any case
            ctx.error(file, line, "events", f"{where} events: unknown event type {shown(name)}{hint}")
    made = ListenerConfig(
        tuple([n for n in names if n not in unknown]),
        values.get("buffer_size") or 10,
        accepts_all=values.get("result_handler") not in (None, DEFAULT_HANDLER),
    )
    for config in program.configs():
        config.listener = made
    if any(config.redirect_stderr for config in program.processes):
        _, file, line = section.options["redirect_stderr"]
        message = f"{where} redirect_stderr = true disturbs the listener's protocol; remove it"
        ctx.error(file, line, "redirect_stderr", message)


def fcgi_socket(ctx: Context, section: Section, program: Program) -> None:
    """Gives the processes of a [fcgi-program] section their socket."""
    values = _values(ctx, section, program.names, FCGI)
    address = values.get("socket") or ""
    _, file, line = section.options.get("socket", ("", section.file, section.line))
    where = f"[{shown(section.name)}]"
    host, _, port = address[6:].rpartition(":")
    if address.startswith("unix:///"):
        if len(os.fsencode(address[7:])) > LONGEST_SOCKET:
            ctx.error(
                file,
                line,
                "socket",
                f"{where} socket: the path is longer than {LONGEST_SOCKET} bytes; write a shorter one",
            )
    elif not address.startswith("tcp://") or not host or not _is_port(port):
        ctx.error(file, line, "socket", f"{where} socket: no address; write tcp://HOST:PORT or unix:///PATH")
    elif "socket_owner" in values or "socket_mode" in values:
        ctx.error(
            file,
            line,
            "socket",
            f"{where} socket_owner and socket_mode are for unix:// sockets only; remove them",
        )
    mode = values.get("socket_mode")
    made = SocketConfig(
        address, values.get("socket_owner"), 0o700 if mode is None else mode, values.get("socket_backlog")
    )
    for config in program.configs():
        config.socket = made


def _is_port(number: str) -> bool:
    return number.isascii() and number.isdigit() and 1 <= int(number[:6]) <= 65535


def server(ctx: Context, section: Section, kind: str) -> Server | None:
    names = ctx.names(section, {}, here=section.here)
    ctx.check(section, kind)
    where = f"[{shown(section.name)}]"
    unix = kind == "unix_http_server"
    values = _values(ctx, section, names, UNIX_SERVER if unix else INET_SERVER)
    needed = "file" if unix else "port"
    if needed not in section.options:
        ctx.error(section.file, section.line, needed, f"{where} has no {needed}; add it")
        return None
    if unix and (values.get("chmod") or 0) & 0o002 and "password" not in values:
        _, file, line = section.options["chmod"]
        message = f"{where} chmod lets every user do everything; write 0770 and chown, or add a password"
        ctx.warning(file, line, "chmod", message)
    if ("username" in values) != ("password" in values):
        message = f"{where} has only one of username and password; write both or none"
        ctx.error(section.file, section.line, "password", message)
    if values[needed] is None:
        return None
    if not unix:
        host, _, number = values["port"].rpartition(":")
        if not _is_port(number):
            _, file, line = section.options["port"]
            ctx.error(file, line, "port", f"{where} port: no port number; write HOST:PORT, :PORT or PORT")
            return None
        values["host"], values["number"] = ("" if host == "*" else host.lower()), int(number)
        if values["host"] not in ("127.0.0.1", "localhost", "::1", "[::1]") and "password" not in values:
            message = f"{where} is open to the network without a password; set username and password"
            ctx.warning(section.file, section.line, "port", message)
    return Server(section.name, values)
