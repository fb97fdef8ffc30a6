"""Opens the parts of a supervisor that exist only while it runs, and closes them."""

from __future__ import annotations

from supervice import logger
from supervice.assembly.on_demand import OnDemand, OnRequest
from supervice.lean.text import clean
from supervice.pid1.signals import clean_dispositions
from supervice.supervision.memory_watch import MemoryWatch
from supervice.supervision.resources import Resources
from supervice.supervision.signal_actions import SignalActions
from supervice.supervision.socket_files import SocketFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from supervice.config import Loaded
    from supervice.events import EventBus
    from supervice.lean.loop import EventLoop
    from supervice.output.process_output import ProgramOutput
    from supervice.supervision.socket_files import HasSocketFiles
    from supervice.supervisord.extensions import Extensions
    from supervice.supervisord.interface import Daemon

    class Supervisor(Daemon, Protocol):
        """The supervisor that the parts belong to."""

        @property
        def daemon(self) -> bool: ...
        @property
        def event_bus(self) -> EventBus: ...
        async def reload_config(self) -> dict[str, list[str]]: ...


class LiveParts:
    """The parts of one supervisor; there are none before `open` and after `close`."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self.on_demand = OnDemand(supervisor)
        self.memory: MemoryWatch | None = None
        self._resources: Resources | None = None
        self._signals: SignalActions | None = None
        self._socket_files: SocketFiles | None = None

    @property
    def opened(self) -> bool:
        return self._resources is not None

    @property
    def extensions(self) -> Extensions | None:
        return self.on_demand.extensions

    def open(self, loop: EventLoop) -> Resources:
        """Opens everything; programs can be started then. SocketInUse or PidfileInUse."""
        supervisor, source = self._supervisor, self._supervisor.source
        self.on_demand.prepare()
        commands = OnRequest(supervisor)
        resources = self._resources = Resources(
            loop, supervisor.config, commands, daemon=supervisor.daemon, directory=source.directory
        )
        self._introduce(resources)
        supervisor.table.use(resources.launcher)
        self.on_demand.open(loop, resources, commands)
        signals = self._signals = SignalActions(
            loop,
            supervisor.table,
            supervisor.termination,
            resources.runtime,
            daemon=supervisor.daemon,
            reload=supervisor.reload_config,
            reopen=self.reopen,
        )
        self.on_demand.serve(source.servers)
        self._socket_files = SocketFiles(loop, self._with_sockets)
        if supervisor.daemon:
            self.memory = MemoryWatch(loop, supervisor.table, supervisor.journal, supervisor.event_bus)
            resources.runtime.blame = self.memory.blame
            clean_dispositions()  # only now: what came while we started finds its handler
            signals.catch_up()
        supervisor.event_bus.start()
        self.on_demand.answer_probes()
        return resources

    def close(self) -> None:
        for part in (self._socket_files, self._signals, self.on_demand, self.memory, self._resources):
            if part is not None:
                part.close()
        self._signals = self.memory = self._resources = self._socket_files = None

    def _introduce(self, resources: Resources) -> None:
        """Logs what runs, and the warnings of the configuration."""
        supervisor, source = self._supervisor, self._supervisor.source
        if supervisor.daemon:
            processes = supervisor.table.processes.values()
            foreground = [p.foreground[0] for p in processes if p.foreground is not None]
            counts = len(supervisor.config.programs), len(processes) - len(foreground)
            logger.info(source.introduction(*counts, resources.socket_path, *foreground))
        self._warn()

    def _warn(self) -> None:
        """Logs the warnings of the configuration that it has not logged before."""
        for problem in self._supervisor.source.new_warnings():
            logger.warning(clean(problem))

    def _with_sockets(self) -> list[HasSocketFiles]:
        ours = [] if self._resources is None else [self._resources]
        return [*ours, *self.on_demand.with_sockets()]

    # -- between `open` and `close` ----------------------------------------------------------------------

    def look_after_sockets(self) -> list[tuple[str, str]]:
        """Makes socket files again that were removed; returns what could not be made, and why."""
        return [] if self._socket_files is None else self._socket_files.look()

    def apply(self, loaded: Loaded) -> None:
        """Takes over the settings and servers of a reload that need no new start."""
        if self._resources is not None:
            self._resources.apply(loaded.config)
        self._warn()
        self.on_demand.serve(loaded.servers)

    def reopen(self) -> list[tuple[str, str]]:
        """Reopens every log file after an external rotation; returns what could not be opened, and why."""
        logger.info("reopening log files")
        failed = [] if self._resources is None else self._resources.reopen()
        return failed + self.look_after_sockets()

    async def rotate(self, outputs: Iterable[ProgramOutput] | None) -> list[tuple[str, str]]:
        """Rotates the log files of these processes, or all; returns each path, and "" or why it was not."""
        return [] if self._resources is None else await self._resources.outputs.rotate(outputs)

    def empty_log(self, path: str) -> None:
        """Empties the log file at `path`, if it is one of ours. OSError."""
        if self._resources is not None:
            self._resources.outputs.empty(path)
