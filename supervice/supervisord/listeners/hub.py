"""Sends what happens to the pools that want to hear of it: changes of state, output, groups, the clock.

A change of one of our processes becomes the event that supervisord would have sent for it. Where our states
differ: FATAL comes from BACKOFF there, so a BACKOFF is sent before it; UNHEALTHY does not exist there, so
nothing is sent for it and it counts as RUNNING. A restart is a stop and a start.
"""

from __future__ import annotations

import time

from supervice.lifecycle.states import BACKOFF, EXITED, FATAL, RUNNING, STARTING, STOPPED, STOPPING, UNHEALTHY
from supervice.models import group_of, group_priority, member_of, program_of
from supervice.supervisord.listeners import events
from supervice.supervisord.listeners.channel import Channel
from supervice.supervisord.listeners.pool import Pool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervice.lean.loop import Cancellable, EventLoop
    from supervice.lifecycle.states import Announce
    from supervice.models import ProgramConfig
    from supervice.process import Process

# Seconds that listeners get at the end for their last events. supervisord gives none, but stops slower.
LONGEST_SETTLE = 1.0
# Seconds by which a timer may fire before the wall clock agrees.
TICK_SLACK = 0.002


class Hub:
    """All listeners of a supervisor. `server` is our name in events, from the next `update` on."""

    def __init__(self, loop: EventLoop, server: str) -> None:
        self._loop = loop
        self.server = server
        self._pools: dict[str, Pool] = {}
        self._channels: dict[str, Channel] = {}  # by process
        self._groups: list[str] = []
        self._serial = -1
        self._ticks: dict[int, int] = {}  # by seconds: the last slice of time
        self._timer: Cancellable | None = None

    # -- who listens -------------------------------------------------------------------------------------

    def knows(self, processes: Iterable[Process]) -> None:
        """Records their groups as known: they existed before us, so listeners are not told of them."""
        self._groups = list(dict.fromkeys(group_of(p.config) for p in processes))

    def update(self, processes: Iterable[Process]) -> None:
        """Takes over the listeners and groups as configured now, and sends events about groups."""
        processes = list(processes)
        members: dict[str, list[Process]] = {}
        for process in processes:
            if process.config.listener is not None:
                members.setdefault(program_of(process.config), []).append(process)
        ordered = sorted([process.config for process in processes], key=group_priority)
        groups = list(dict.fromkeys(group_of(config) for config in ordered))
        for group in self._groups:
            if group not in groups:
                self.publish("PROCESS_GROUP_REMOVED", events.process_group(group))
        for name in [name for name in self._pools if name not in members]:
            self._pools.pop(name).close()
        old, self._channels = self._channels, {}
        for group in groups:  # a pool hears of its own group and of those after it
            for name, ours in members.items():
                if group_of(ours[0].config) == group:
                    self._fill(name, ours, old)
            if group not in self._groups:
                self.publish("PROCESS_GROUP_ADDED", events.process_group(group))
        self._groups = groups
        for channel in old.values():
            if channel.process.config.name not in self._channels:
                channel.end()
        self._arm()

    def _fill(self, name: str, processes: list[Process], old: dict[str, Channel]) -> None:
        pool = self._pools.get(name)
        if pool is None:
            pool = self._pools[name] = Pool(self._loop, self.server, name)
        settings = processes[0].config.listener
        assert settings is not None
        pool.server = self.server
        pool.configure(settings.events, settings.buffer_size)
        channels = []
        for process in processes:
            channel = old.get(process.config.name)
            if channel is None or channel.process is not process:
                channel = Channel(self._loop, pool, process)
            self._channels[process.config.name] = channel
            channels.append(channel)
        pool.members = list(channels)

    def channel(self, name: str) -> Channel:
        """Returns the channel of the listener process of that name."""
        return self._channels[name]

    def channels(self) -> dict[str, Channel]:
        return self._channels

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for channel in self._channels.values():
            channel.end()
        for pool in self._pools.values():
            pool.close()

    # -- what happens ------------------------------------------------------------------------------------

    def wants(self, *events: str) -> bool:
        return any(event in pool.wanted for pool in self._pools.values() for event in events)

    def publish(self, event: str, payload: str) -> None:
        serial = None
        for pool in self._pools.values():
            if event in pool.wanted:
                if serial is None:  # only what a listener hears of is counted
                    self._serial += 1
                    serial = self._serial
                pool.accept(event, payload, serial)

    def changed(self, process: Process, change: Announce) -> None:
        """Sends the event for a change of state of any process."""
        channel = self._channels.get(process.config.name)
        if channel is not None and process.pid is None:
            channel.end()
        before = RUNNING if change.from_state == UNHEALTHY else change.from_state
        after = change.to_state
        if after == FATAL and before == STARTING:
            self._state(process, BACKOFF, STARTING, _tries(process))
            before = BACKOFF
        if after == STARTING and before == STOPPING:
            self._state(process, STOPPED, STOPPING, f"pid:{_last_pid(process)}")
            before = STOPPED
        if after == EXITED:
            self._state(process, EXITED, before, f"expected:{int(change.expected)} pid:{_last_pid(process)}")
        elif after in (STARTING, BACKOFF):
            self._state(process, after, before, _tries(process))
        elif after == STOPPED:
            self._state(process, STOPPED, before, f"pid:{_last_pid(process) if before == STOPPING else 0}")
        elif after == STOPPING or (after == RUNNING and before != RUNNING):
            self._state(process, after, before, f"pid:{process.pid}")
        elif after == FATAL:
            self._state(process, FATAL, before)
        if channel is not None or self._pools:
            self._dispatch()

    def _dispatch(self) -> None:
        for pool in self._pools.values():
            pool.dispatch()

    def _state(self, process: Process, state: str, before: str, extra: str = "") -> None:
        name, group = member_of(process.config), group_of(process.config)
        self.publish(f"PROCESS_STATE_{state}", events.process_state(name, group, before, extra))

    def said(self, config: ProgramConfig, pid: int, channel: str, data: bytes) -> None:
        """Sends the event for what a program has written to its stdout or stderr."""
        if not self.wants(f"PROCESS_LOG_{channel.upper()}"):
            return
        payload = events.process_log(member_of(config), group_of(config), pid, channel, data)
        self.publish(f"PROCESS_LOG_{channel.upper()}", payload)

    def communicated(self, config: ProgramConfig, pid: int, channel: str, data: bytes) -> None:
        """Sends the event for what a program has written between the two tokens."""
        payload = events.process_communication(member_of(config), group_of(config), pid, data)
        self.publish(f"PROCESS_COMMUNICATION_{channel.upper()}", payload)

    async def settle(self, processes: list[Process], seconds: float) -> None:
        """Returns when the listeners among these processes have answered their events, or time is up."""
        ours = {program_of(p.config) for p in processes if p.config.listener is not None}
        pools = [pool for name, pool in self._pools.items() if name in ours]
        if all(pool.at_rest for pool in pools):
            return
        done = self._loop.create_future()

        def look(late: bool = False) -> None:
            if not done.done() and (late or all(pool.at_rest for pool in pools)):
                done.set_result(None)

        timer = self._loop.call_later(min(seconds, LONGEST_SETTLE), look, True)
        for pool in pools:
            pool.on_rest = look
        await done
        timer.cancel()
        for pool in pools:
            pool.on_rest = None

    def remote_communication(self, kind: str, data: str) -> None:
        self.publish("REMOTE_COMMUNICATION", events.remote_communication(kind, data))

    # -- the clock ---------------------------------------------------------------------------------------

    def _arm(self) -> None:
        """Sets a timer for the next tick that a listener wants, if one does."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = time.time()
        wanted = [seconds for seconds, event in events.TICKS.items() if self.wants(event)]
        self._ticks = {seconds: self._ticks.get(seconds, _slice(now, seconds)) for seconds in wanted}
        if wanted:
            delay = min(seconds - now % seconds for seconds in wanted) + TICK_SLACK
            self._timer = self._loop.call_later(delay, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = time.time()
        for seconds, last in list(self._ticks.items()):
            this = _slice(now, seconds)
            if this != last:
                self._ticks[seconds] = this
                self.publish(events.TICKS[seconds], events.tick(this))
        self._arm()


def _slice(now: float, seconds: int) -> int:
    return int(now - now % seconds)


def _tries(process: Process) -> str:
    snapshot = process.snapshot
    # it was up and died too soon: supervisord does not wait then, so its count would be 0
    return f"tries:{snapshot.failures}"


def _last_pid(process: Process) -> int:
    return process.exits[-1].pid if process.exits else 0
