"""Makes the parts that only some configurations need, when the first program needs them, and closes them.

At the start the configuration decides; later a reload may bring the first program with a schedule. A
configuration that needs none of these parts loads none of their modules.
"""

from __future__ import annotations

from supervice.supervision.table import Observer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from supervice.api.dispatch import Dispatcher
    from supervice.api.endpoints import Endpoints
    from supervice.config.supervisord_sections import Server
    from supervice.control.commands import Commands
    from supervice.lean.loop import EventLoop
    from supervice.supervision.interface import Daemon as Asked
    from supervice.supervision.listening import Listening
    from supervice.supervision.resources import Resources
    from supervice.supervision.schedules import Schedules
    from supervice.supervision.socket_files import HasSocketFiles
    from supervice.supervision.watches import Watches
    from supervice.supervisord.extensions import Extensions
    from supervice.supervisord.interface import Daemon
    from supervice.supervisord.rpc.servers import Servers
    from supervice.web.site import Site


class OnRequest:
    """Implements `Commands` with a `Dispatcher` that it makes at the first request."""

    def __init__(self, daemon: Asked) -> None:
        self._daemon = daemon
        self._made: Dispatcher | None = None

    def _dispatcher(self) -> Dispatcher:
        if self._made is None:
            from supervice.api.dispatch import Dispatcher

            self._made = Dispatcher(self._daemon)
        return self._made

    def execute(self, message: dict[str, Any]) -> Coroutine[Any, Any, dict[str, Any]]:
        return self._dispatcher().execute(message)

    def follow(self, message: dict[str, Any], send: Callable[[dict[str, Any]], bool]) -> Callable[[], None]:
        return self._dispatcher().follow(message, send)


class OnDemand(Observer):
    """The optional parts of one supervisor; it makes none before `open` and after `close`."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._loop: EventLoop | None = None
        self._resources: Resources | None = None
        self.extensions: Extensions | None = None
        self._schedules: Schedules | None = None
        self._watches: Watches | None = None
        self._listening: Listening | None = None
        self._servers: Servers | None = None
        self._endpoints: Endpoints | None = None
        self._commands: Commands | None = None
        self._password: str | None = None
        self._site: Site | None = None

    def prepare(self) -> None:
        """Reads files that only the present user may read, before the daemon changes its user."""
        if self._daemon.config.http:
            from supervice.api.password import password_of

            self._password = password_of(self._daemon.config)

    def open(self, loop: EventLoop, resources: Resources, commands: Commands) -> None:
        """Makes the parts that the programs need. Servers that clients reach are opened by `serve`."""
        self._loop = loop
        self._resources = resources
        self._commands = commands
        self._extend()
        self._attend()
        self._listen()
        self._take_turns()

    def begin(self) -> None:
        """Begins the work that comes before the programs start."""
        if self.extensions is not None:
            self.extensions.running()
        if self._watches is not None:
            self._watches.begin()

    def begin_schedules(self) -> None:
        """Begins the schedules; the programs have been started."""
        if self._schedules is not None:
            self._schedules.begin()

    def close(self) -> None:
        of_http = (self._site, self._endpoints, self._servers)
        of_programs = (self.extensions, self._schedules, self._watches, self._listening)
        for part in (*of_http, *of_programs):
            if part is not None:
                part.close()
        self._listening = None
        self._endpoints = self._servers = self.extensions = self._schedules = self._watches = None
        self._site = self._commands = None
        self._loop = self._resources = None

    def with_sockets(self) -> list[HasSocketFiles]:
        """Returns the parts that have made sockets of their own."""
        return [part for part in (self._endpoints, self._servers) if part is not None]

    def rebuild(self) -> None:
        """Makes further parts when the set of processes has changed and needs more."""
        self._extend()
        self._listen()
        self._take_turns()
        for made in self._attend():
            made.rebuild()

    def serve(self, servers: list[Server]) -> None:
        """Opens the HTTP servers of a supervisord file, and closes those that it no longer has."""
        loop, resources = self._loop, self._resources
        if loop is None or resources is None or not (servers or self._servers):
            return
        if self._servers is None:
            from supervice.supervisord.rpc.servers import Servers

            self._servers = Servers(self._daemon, loop, self._page)
        self._servers.apply(servers)
        resources.launcher.server_url = self._servers.url

    def answer_probes(self) -> None:
        """Opens our own HTTP server where `http` is set."""
        where = self._daemon.config.http
        if not where or self._loop is None:
            return
        from supervice.api.endpoints import Endpoints  # and with it h11

        daemon = self._daemon
        self._endpoints = Endpoints(
            self._loop,
            daemon.table,
            daemon.startup,
            daemon.probes,
            daemon.termination,
            self._page,
            daemon.memory,
        )
        self._endpoints.protect(daemon.config, self._password)
        self._endpoints.open(where)

    def _page(self) -> Site:
        """Returns the page; makes it when the first client asks."""
        if self._site is None:
            from supervice.web.site import Site

            assert self._loop is not None
            assert self._commands is not None
            self._site = Site(self._daemon, self._loop, self._commands)
        return self._site

    def _extend(self) -> None:
        """Makes the extensions (event listeners, FastCGI sockets, taps)."""
        daemon, resources = self._daemon, self._resources
        if resources is None or self.extensions is not None:
            return
        programs = daemon.table.processes.values()
        if daemon.config.strip_ansi or any(process.config.needs_extensions for process in programs):
            from supervice.supervisord.extensions import Extensions

            self.extensions = Extensions(daemon.table, resources.launcher, resources.outputs, daemon)
            self.extensions.rebuild()

    def _listen(self) -> None:
        """Makes the part that keeps sockets of programs open."""
        daemon, resources, loop = self._daemon, self._resources, self._loop
        if loop is None or resources is None or self._listening is not None:
            return
        if any(process.config.listen for process in daemon.table.processes.values()):
            from supervice.supervision.listening import Listening

            self._listening = Listening(loop, daemon.table, daemon.startup, resources.launcher)

    def _take_turns(self) -> None:
        """Makes the part that says which of several processes may be restarted now."""
        daemon, resources = self._daemon, self._resources
        if resources is None or resources.launcher.turns is not None:
            return
        configs = [process.config for process in daemon.table.processes.values()]
        if any(c.memory_limit is not None and (c.rolling or c.overlap) for c in configs):
            from supervice.supervision.restart_turns import RestartTurns

            resources.launcher.turns = RestartTurns(daemon.table)

    def _attend(self) -> list[Schedules | Watches]:
        """Makes the parts that run schedules and watch files; returns the new ones."""
        daemon, loop = self._daemon, self._loop
        if loop is None:
            return []
        made: list[Schedules | Watches] = []
        configs = [process.config for process in daemon.table.processes.values()]
        if self._watches is None and (daemon.config.watch_config or any(config.watch for config in configs)):
            from supervice.supervision.watches import watches_of

            self._watches = watches_of(daemon, lambda: daemon.source.files)
            made.append(self._watches)
        if self._schedules is None and any(config.schedule for config in configs):
            from supervice.supervision.schedules import Schedules

            self._schedules = Schedules(loop, daemon.table, daemon.startup, daemon.journal)
            made.append(self._schedules)
        return made
