"""What some programs need beside them: events for listeners, FastCGI sockets, readers of output.

The supervisor makes it, and only then imports it, when a configuration has such a program.
"""

from __future__ import annotations

from functools import partial

from supervice.output.pump import NAMES, Pump
from supervice.output.router import discards
from supervice.supervision.table import Observer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from supervice.lifecycle.states import Announce
    from supervice.models import ProgramConfig, SupervisorConfig
    from supervice.output.router import OutputRouter
    from supervice.process import Process
    from supervice.runner.launcher import Launcher
    from supervice.supervision.table import ProcessTable
    from supervice.supervisord.fcgi import Sockets
    from supervice.supervisord.listeners.hub import Hub

    class Host(Protocol):
        """The supervisor: its settings."""

        @property
        def config(self) -> SupervisorConfig: ...


class Extensions(Observer):
    """The extensions of one run of a supervisor; they follow the processes from `rebuild` on."""

    def __init__(self, table: ProcessTable, launcher: Launcher, outputs: OutputRouter, host: Host) -> None:
        self._table = table
        self._launcher = launcher
        self._host = host
        self.hub: Hub | None = None
        self._sockets: Sockets | None = None
        outputs.taps = self._pump
        table.observe(self, first=True)  # what a program needs is there before `Startup` starts it

    def rebuild(self) -> None:
        processes = list(self._table.processes.values())
        server = self._host.config.identifier  # our name in events
        inputs = self._launcher.inputs
        inputs.clear()
        if self.hub is None and any(p.config.listener for p in processes):
            from supervice.supervisord.listeners.hub import Hub

            self.hub = Hub(self._launcher.runtime.loop, server)
            self.hub.knows([p for p in processes if p.started_at is not None])
        if self._sockets is None and any(p.config.socket for p in processes):
            from supervice.supervisord.fcgi import Sockets

            self._sockets = Sockets()
        if self.hub is not None:
            self.hub.server = server
            self.hub.update(processes)
            inputs.update(self.hub.channels())
        if self._sockets is not None:
            inputs.update(self._sockets.update(processes))

    def changed(self, process: Process, change: Announce | None) -> None:
        if change is None:
            return
        if self.hub is not None:
            self.hub.changed(process, change)
        if self._sockets is not None:
            self._sockets.changed(process)

    def running(self) -> None:
        """Tells listeners that the programs are about to start."""
        if self.hub is not None:
            self.hub.publish("SUPERVISOR_STATE_CHANGE_RUNNING", "")

    def shutting_down(self, reason: str) -> None:
        self.stopping()

    def stopping(self) -> None:
        """Tells listeners that the programs are about to stop; they themselves stop later."""
        if self.hub is not None:
            self.hub.publish("SUPERVISOR_STATE_CHANGE_STOPPING", "")

    async def settle(self, level: list[Process], seconds: float) -> None:
        """Waits until the listeners of `level`, which stop next, have answered the events they got."""
        if self.hub is not None:
            await self.hub.settle(level, seconds)

    def remote_communication(self, kind: str, data: str) -> None:
        if self.hub is not None:
            self.hub.remote_communication(kind, data)

    def close(self) -> None:
        self._table.unobserve(self)
        self._launcher.inputs.clear()
        if self.hub is not None:
            self.hub.close()
        if self._sockets is not None:
            self._sockets.close()

    def _pump(self, config: ProgramConfig, stream: int) -> Callable[..., Pump]:
        """Returns the pump for a stream of a process, for `OutputRouter.taps`."""
        if config.listener is not None and stream == 0:
            from supervice.supervisord.tap import ListenerPump

            assert self.hub is not None
            return partial(ListenerPump, heard=self.hub.channel(config.name).begin())
        capture = config.stderr_capture_maxbytes if stream else config.stdout_capture_maxbytes
        events = config.stderr_events_enabled if stream else config.stdout_events_enabled
        path = config.stderr_logfile if stream and not config.redirect_stderr else config.stdout_logfile
        strip = self._host.config.strip_ansi and not discards(path)
        # tapped even without a listener: one may come with a reload, while the program runs
        if not (strip or capture or events):
            return Pump
        from supervice.supervisord.tap import Tap, TappedPump

        def log(pid: int, data: bytes) -> None:
            if self.hub is not None:
                self.hub.said(config, pid, NAMES[stream], data)

        def message(pid: int, data: bytes) -> None:
            if self.hub is not None:
                self.hub.communicated(config, pid, NAMES[stream], data)

        tap = Tap(strip=strip, capture=capture, on_log=log if events else None, on_message=message)
        return partial(TappedPump, tap=tap)
