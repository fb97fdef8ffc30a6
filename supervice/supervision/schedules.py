"""Runs programs at their times: feeds what happens to `schedules.decide`, and does what that decides.

One timer serves the nearest time of all programs. `schedules.decide` knows which times those are, and what is
skipped, missed or retried; how a run ends is the business of the process. Made for the first program with a
schedule.
"""

from __future__ import annotations

import time

from supervice import logger
from supervice.lean.builtin import heappop, heappush
from supervice.lifecycle.states import EXITED, FATAL, STARTING, STOPPED
from supervice.schedules import states as s
from supervice.schedules.decide import begin, decide, is_unset, wake, will_run_again
from supervice.schedules.description import duration
from supervice.schedules.set_clock import SetClock
from supervice.supervision.schedule_entry import Entry, plan_of
from supervice.supervision.schedule_notify import Notifications
from supervice.supervision.schedule_stamp import read_stamp, write_stamp
from supervice.supervision.schedule_view import row, said
from supervice.supervision.table import Observer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from supervice.lean.loop import Cancellable, EventLoop
    from supervice.lifecycle.states import Announce
    from supervice.models import ProgramConfig, ScheduleConfig
    from supervice.process import Process
    from supervice.runner.waiting import Waitable
    from supervice.supervision.journal import Journal
    from supervice.supervision.startup import Startup
    from supervice.supervision.table import ProcessTable

# Schedules to look at before other timers, signals and clients get a turn.
BATCH = 64
# Seconds; two times of one schedule are never closer, so a smaller difference is rounding.
_SAME = 0.001


class Schedules(Observer):
    """The schedules of one supervisor, from `begin` to `close`. Implements `Plans`."""

    def __init__(
        self,
        loop: EventLoop,
        table: ProcessTable,
        startup: Startup,
        journal: Journal,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._loop = loop
        self._table = table
        self._startup = startup
        self._journal = journal
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._coming: dict[str, tuple[Process, ProgramConfig, bool]] = {}  # whose schedule begins soon
        self._heap: list[tuple[float, int, Entry]] = []
        self._pushed = 0
        self._timer: Cancellable | None = None
        self._timer_at = 0.0
        self._set_clock: SetClock | None = None
        self._looking: list[Entry] = []
        self._closed = False
        self._unwatch = startup.watch(self._left)
        startup.plans = self
        table.observe(self)

    def begin(self) -> None:
        """Begins all schedules, with the daemon."""
        self._take_over(boot=True)

    def close(self) -> None:
        self._closed = True
        self._table.unobserve(self)
        self._unwatch()
        self._startup.plans = None
        if self._timer is not None:
            self._timer.cancel()
        if self._set_clock is not None:
            self._set_clock.close()
        for entry in self._entries.values():
            if entry.notifications is not None:
                entry.notifications.close()

    # -- what the table tells ----------------------------------------------------------------------------

    def rebuild(self) -> None:
        if not self._closed:
            self._take_over(boot=False)

    def changed(self, process: Process, change: Announce | None) -> None:
        entry = self._find(process.config.name)
        if entry is None or change is None or entry.process is not process:
            return
        if change.to_state == STARTING:
            self._feed(entry, s.RunBegan)
        elif change.to_state in (EXITED, FATAL):
            ok = change.to_state == EXITED and change.expected
            self._feed(entry, s.RunEnded, ok=ok, code=process.snapshot.status, reason=change.reason)
        elif change.to_state == STOPPED:
            self._feed(entry, s.RunCancelled)

    def wanted(self, names: Iterable[str], wanted: bool) -> None:
        for name in names:
            entry = self._find(name)
            if entry is not None:
                self._feed(entry, s.Released if wanted else s.Held)

    def shutting_down(self, reason: str) -> None:
        self._coming.clear()
        for entry in self._entries.values():
            self._feed(entry, s.ShutdownBegan)

    def _left(self, process: Waitable) -> None:
        """Handles a process that stopped waiting for its dependencies without having been started."""
        entry = self._entries.get(process.config.name)
        if entry is None or entry.state.run is None or entry.state.run.spawned is not None:
            return
        reason = self._startup.why_left(process)
        if reason:
            self._feed(entry, s.RunImpossible, reason=reason)
        else:
            self._feed(entry, s.RunCancelled)

    # -- which schedules there are -----------------------------------------------------------------------

    def _take_over(self, boot: bool) -> None:
        configured = {
            name: (process, self._table.configured(name))
            for name, process in self._table.processes.items()
            if self._table.configured(name).schedule is not None
        }
        self._coming = {name: coming for name, coming in self._coming.items() if name in configured}
        for name in [name for name in self._entries if name not in configured]:
            self._drop(name)
        for name, (process, config) in configured.items():
            entry = self._find(name)
            if entry is not None and entry.process is process:
                self._adjust(entry, config)
            else:
                self._coming[name] = (process, config, boot)
        if boot and configured and is_unset(self._clock()):
            logger.warning("the clock was never set: schedules follow it as it is")
        self._come()

    def _come(self) -> None:
        """Begins some schedules; the others wait for the next turns of the loop."""
        for name in list(self._coming)[:BATCH]:
            self._find(name)
        if self._coming and not self._closed:
            self._loop.call_soon(self._come)
        self._watch_clock()
        self._rearm()

    def _find(self, name: str) -> Entry | None:
        coming = self._coming.pop(name, None)
        if coming is not None:
            self._add(*coming)
        return self._entries.get(name)

    def _add(self, process: Process, config: ProgramConfig, boot: bool) -> None:
        try:
            entry = Entry(process, config)
        except ValueError as error:
            logger.error(f"{config.name}: no schedule: {error}")
            return
        self._entries[entry.name] = entry
        stamp = read_stamp(entry.name, entry.config.stamp) if entry.config.stamp else None
        held = not config.autostart or entry.name in self._table.held
        entry.state, effects = begin(
            self._clock(), self._loop.time(), entry.plan, stamp=stamp, boot=boot, held=held
        )
        self._do(entry, effects)

    def _adjust(self, entry: Entry, config: ProgramConfig) -> None:
        before, entry.config = entry.config, config.schedule or entry.config
        try:
            entry.lines, entry.plan = plan_of(config)
        except ValueError as error:
            logger.error(f"{config.name}: its schedule stays what it was: {error}")
            return
        if entry.config != before:
            times = _times_of(before) != _times_of(entry.config)
            self._feed(entry, s.PlanChanged, times=times)

    def _drop(self, name: str) -> None:
        entry = self._entries.pop(name)
        entry.due = None
        if entry.notifications is not None:
            entry.notifications.close()

    # -- the clocks --------------------------------------------------------------------------------------

    def _watch_clock(self) -> None:
        """Watches for a set clock while there are cron expressions; `every` uses the other clock."""
        needed = any(entry.plan.timeline.goes_by_the_clock for entry in self._entries.values())
        if needed and self._set_clock is None:
            self._set_clock = SetClock(self._loop, self._clock_was_set, self._clock)
        elif not needed and self._set_clock is not None:
            self._set_clock.close()
            self._set_clock = None

    def _clock_was_set(self, seconds: float) -> None:
        way = "forward" if seconds > 0 else "back"
        logger.warning(f"the clock was set {way} by {duration(round(abs(seconds)))}: schedules follow it")
        self._look_at(list(self._entries.values()))

    def _arm(self, entry: Entry) -> None:
        """Notes when the entry has to be looked at next."""
        seconds = None if self._entries.get(entry.name) is not entry else wake(entry.state, entry.plan)
        due = None if seconds is None else entry.state.mono + seconds
        if due is not None and entry.due is not None and abs(due - entry.due) < _SAME:
            return
        entry.due = due
        if due is not None:
            self._pushed += 1
            heappush(self._heap, (due, self._pushed, entry))
        self._rearm()

    def _rearm(self) -> None:
        heap = self._heap
        while heap and heap[0][2].due != heap[0][0]:
            heappop(heap)  # looked at meanwhile
        if self._timer is not None and (not heap or self._timer_at != heap[0][0]):
            self._timer.cancel()
            self._timer = None
        if heap and self._timer is None and not self._closed:
            self._timer_at = heap[0][0]
            self._timer = self._loop.call_later(max(0.0, self._timer_at - self._loop.time()), self._elapsed)

    def _elapsed(self) -> None:
        self._timer = None
        now, due = self._loop.time(), []
        while self._heap and self._heap[0][0] <= now:
            at, _, entry = heappop(self._heap)
            if entry.due == at:
                entry.due = None
                due.append(entry)
        self._look_at(due)
        self._rearm()

    def _look_at(self, entries: list[Entry]) -> None:
        self._looking += entries
        self._look()

    def _look(self) -> None:
        """Looks at some entries; the others wait for the next turn of the loop."""
        batch, self._looking = self._looking[:BATCH], self._looking[BATCH:]
        for entry in batch:
            if self._entries.get(entry.name) is entry:
                self._feed(entry, s.Looked)
        if self._looking:
            self._loop.call_soon(self._look)

    # -- what is decided, and done -----------------------------------------------------------------------

    def _feed(self, entry: Entry, kind: Callable[..., s.Event], **details: Any) -> None:
        event = kind(self._clock(), self._loop.time(), **details)
        entry.state, effects = decide(entry.state, event, entry.plan)
        self._do(entry, effects)

    def _do(self, entry: Entry, effects: list[s.Effect]) -> None:
        for effect in effects:
            _PERFORM[type(effect)](self, entry, effect)
        self._arm(entry)

    def _begin(self, entry: Entry, _effect: s.Begin) -> None:
        if entry.name in self._table.leaving:  # a reload takes it away
            self._loop.call_soon(self._feed, entry, s.RunCancelled)
        else:
            self._startup.request([entry.process], "schedule")

    def _stop(self, entry: Entry, effect: s.Stop) -> None:
        logger.warning(f"{entry.name}: {effect.reason}; it is stopped")
        entry.process.request_end(effect.reason)

    def _notify(self, entry: Entry, effect: s.Notify) -> None:
        self._journal.note(f"SCHEDULE_{effect.event.upper()}", entry.name, effect.reason)
        command, launcher = entry.config.notify, self._table.launcher
        if command is not None and launcher is not None:
            if entry.notifications is None:
                entry.notifications = Notifications(entry.process, launcher)
            entry.notifications.send(command, effect)

    def _stamp(self, entry: Entry, effect: s.Stamp) -> None:
        path = entry.config.stamp
        if path is not None:
            entry.stamp_failed = not write_stamp(entry.name, path, effect.until, quiet=entry.stamp_failed)

    def _log(self, entry: Entry, effect: s.Log) -> None:
        logger.log(effect.level, f"{entry.name}: {effect.text}")

    # -- what is shown -----------------------------------------------------------------------------------

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find(name) is not None

    def will_run(self, name: str) -> bool:
        if name in self._coming:
            return self._coming[name][1].autostart and name not in self._table.held
        entry = self._entries.get(name)
        return entry is not None and not entry.state.held and will_run_again(entry.state, entry.plan)

    def failed(self, name: str) -> str:
        entry = self._find(name)
        return (
            "" if entry is None or not entry.state.record.failing else entry.state.record.reason or "failed"
        )

    def said(self, name: str) -> str:
        entry = self._find(name)
        return "" if entry is None else said(entry.state, entry.plan, self._clock(), self._loop.time())

    def row(self, name: str) -> dict[str, Any]:
        entry = self._find(name)
        assert entry is not None
        return row(name, entry.config, entry.lines, entry.state, entry.plan, self._clock(), self._loop.time())


def _times_of(config: ScheduleConfig) -> tuple[object, ...]:
    return config.lines, config.timezone, config.jitter


_PERFORM: dict[type, Callable[[Schedules, Entry, Any], None]] = {
    s.Begin: Schedules._begin,
    s.Stop: Schedules._stop,
    s.Notify: Schedules._notify,
    s.Stamp: Schedules._stamp,
    s.Log: Schedules._log,
}
