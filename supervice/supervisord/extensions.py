"""What some programs need beside them: the events of listeners, FastCGI sockets, readers of their output.

Made by the supervisor when a configuration has such a program, and only then imported. It knows neither
signals nor the exit code; `update` is called whenever processes have come, gone or changed.
"""

from __future__ import annotations

from functools import partial

from supervice.output.pump import NAMES, Pump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervice.lifecycle.states import Announce
    from supervice.models import ProgramConfig, SupervisorConfig
    from supervice.output.router import OutputRouter
    from supervice.process import Process
    from supervice.runner.launcher import Launcher
    from supervice.supervisord.fcgi import Sockets
    from supervice.supervisord.listeners.hub import Hub


class Attachments:
    """Of one run of a supervisor."""

    def __init__(self, launcher: Launcher, outputs: OutputRouter, settings: SupervisorConfig) -> None:
        self._launcher = launcher
        self._settings = settings
        self.hub: Hub | None = None
        self._sockets: Sockets | None = None
        outputs.taps = self._pump

    def update(self, processes: Iterable[Process], server: str) -> None:
        """Takes over the programs as they are configured now; `server` is our name in events."""
        processes = list(processes)
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

    def changed(self, process: Process, change: Announce) -> None:
        """After each change of state of any process."""
        if self.hub is not None:
            self.hub.changed(process, change)
        if self._sockets is not None:
            self._sockets.changed(process)

    def running(self) -> None:
        """The supervisor is about to start programs."""
        if self.hub is not None:
            self.hub.publish("SUPERVISOR_STATE_CHANGE_RUNNING", "")

    def stopping(self) -> None:
        """The supervisor is about to stop them; who listens is stopped after those it listens to."""
        if self.hub is not None:
            self.hub.publish("SUPERVISOR_STATE_CHANGE_STOPPING", "")

    async def settle(self, level: list[Process], seconds: float) -> None:
        """Has listeners that are about to be stopped answer for what they were told."""
        if self.hub is not None:
            await self.hub.settle(level, seconds)

    def remote_communication(self, kind: str, data: str) -> None:
        if self.hub is not None:
            self.hub.remote_communication(kind, data)

    def close(self) -> None:
        self._launcher.inputs.clear()
        if self.hub is not None:
            self.hub.close()
        if self._sockets is not None:
            self._sockets.close()

    def _pump(self, config: ProgramConfig, stream: int) -> Callable[..., Pump]:
        """What reads a stream of a process, for `OutputRouter.taps`."""
        if config.listener is not None and stream == 0:
            from supervice.supervisord.tap import ListenerPump

            assert self.hub is not None
            return partial(ListenerPump, heard=self.hub.channel(config.name).begin())
        capture = config.stderr_capture_maxbytes if stream else config.stdout_capture_maxbytes
        events = config.stderr_events_enabled if stream else config.stdout_events_enabled
        strip = self._settings.strip_ansi
        # `events` also without a listener: one may come with a reload, while the program runs
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
