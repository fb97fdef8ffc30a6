"""Runs a new process beside the present one, which it replaces when it is ready: `overlap = true`.

Loaded with the first such restart. Each of the two has a driver, and with it a state machine, monitors and
one child; the public `Process` stays the same and continues with the other driver. `lifecycle.overlap`
decides. The second driver reports here: its changes of state are not changes of the process.
"""

from __future__ import annotations

import os
import time

from supervice import logger
from supervice.lean.dataclasses import replace
from supervice.lifecycle.overlap import (
    COMING,
    GOING,
    Asked,
    Begin,
    Beside,
    Failed,
    Gone,
    PresentEnded,
    Ready,
    Settle,
    Stop,
    Stopped,
    TakeOver,
    decide,
    inherited,
    judge,
)
from supervice.lifecycle.states import (
    EXITED,
    RESTING,
    RUNNING,
    UP,
    Announce,
    RestartRequested,
    StartRequested,
    StopRequested,
    describe,
    spell,
)
from supervice.output.second_output import SecondOutput
from supervice.pid1.child import CLEAR_GROUP, LEAVE
from supervice.pid1.leftovers import Hunt
from supervice.runner.driver import Driver
from supervice.runner.overlap_attempts import Attempt, start_time
from supervice.runner.policy import policy_of
from supervice.runner.reporting import KEPT_EXITS
from supervice.runner.second_owner import SecondOwner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from supervice.lean.loop import AnyFuture, Cancellable, EventLoop
    from supervice.lifecycle.overlap import Happening, Outcome
    from supervice.models import ProgramConfig
    from supervice.pid1.child import Child
    from supervice.pid1.leftovers import Stat
    from supervice.runner.second_owner import SideHost

    class Host(SideHost, Protocol):
        """The process, whose driver can be exchanged."""

        driver: Driver
        beside: Overlap | None

        def condition_changed(self) -> None: ...
        def changed(self, change: Announce, *, said: bool = False) -> None: ...
        def before_stop(self, child: Child) -> None: ...
        def may_end(self, child: Child) -> bool: ...


class Overlap:
    """The second run of one process, from the first restart of this kind on."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._now = Beside()
        self._queue: list[Happening] = []
        self._busy = False
        self.driver: Driver | None = None  # that of the second run, as long as there is one
        self.attempt = Attempt()
        self._trigger = ""
        self._config: ProgramConfig | None = None  # None: the present settings
        self._automatic = False
        self._request = StopRequested()
        self._timer: Cancellable | None = None
        self._held: Child | None = None  # of the present run: its end counts when the second run has ended
        self._mark: int | None = None  # of the files of its environment, see `Launcher.is_stale`
        self._gone: list[AnyFuture] = []
        self._hunt: Hunt | None = None
        self._begun_at = 0  # the start of the newest run, in the unit of `Stat.started`
        self._replacing: int | None = None  # the pid that the last attempt was to replace

    # -- what can be seen --------------------------------------------------------------------------------

    @property
    def pid(self) -> int | None:
        return None if self.driver is None else self.driver.snapshot.pid

    @property
    def is_coming(self) -> bool:
        """Whether a new process is starting."""
        return self._now.phase == COMING

    def row(self) -> dict[str, Any] | None:
        """Returns what `status` shows of the second run."""
        return None if self.pid is None else {"phase": self._now.phase, "pid": self.pid}

    def words(self) -> str:
        """Returns what happens beside the present run, or how the last attempt to replace it has failed."""
        if self.driver is not None and self._now.phase == COMING and self.pid is None:
            return "a new process is about to start"
        if self.pid is None:
            failed = self._replacing is not None and self._replacing == self._host.driver.snapshot.pid
            return f"restart failed: {self.attempt.reason}" if failed and self.attempt.reason else ""
        if self._now.phase == COMING:
            return f"the new process, pid {self.pid}, is not ready yet"
        return f"pid {self.pid} is being stopped"

    # -- what is asked -----------------------------------------------------------------------------------

    def ask(self, trigger: str, config: ProgramConfig | None = None, *, automatic: bool = False) -> Attempt:
        """Starts a process, with other settings or the present ones, that takes over when it is ready.

        `automatic`: the restart was not asked for. The process is up.
        """
        if self.attempt.is_settled or self._now == Beside():
            self.attempt = Attempt()
            self._config = None
        self._config = config or self._config
        self._trigger, self._automatic = trigger, automatic
        self._request = StopRequested(trigger=trigger)
        attempt = self.attempt
        self._feed(Asked())
        return attempt

    def stop(self, request: StopRequested) -> None:
        """Stops the second run, since the process is stopped or restarted without overlap."""
        self._request = request
        self._feed(Stopped("it was stopped meanwhile"))

    def give_up(self, reason: str) -> None:
        """Ends an attempt that takes too long."""
        self._feed(Failed(reason))

    async def end(self, force: bool) -> None:
        """Stops the second run, and waits until it is gone."""
        if self.driver is not None:
            gone = self._loop.create_future()
            self._gone.append(gone)
            self.stop(StopRequested(force, None, self._request.trigger))
            await gone

    def reconfigure(self, config: ProgramConfig) -> None:
        """Applies other settings of the process that take effect at once."""
        if self.driver is not None and self._now.phase == COMING and self._config is None:
            self.driver.config = config
            self.driver.policy = _without_retries(config)

    # -- what happens ------------------------------------------------------------------------------------

    def may_end(self, child: Child) -> bool:
        """Handles the end of the present run: a stopped process is at rest when its second run is, too."""
        now = self._host.driver.snapshot
        if now.stop is not None and not now.should_run:
            if self.driver is None:
                return True
            self._held = child
            return False
        self._feed(PresentEnded())
        return True

    def judge(self, child: Child, left: list[Stat]) -> int:
        """Decides about leftovers: with two runs, only the group of a leader is known to be its own."""
        return CLEAR_GROUP if any(stat.pgrp == child._group for stat in left) else LEAVE

    def seen(self, side: SecondOwner, change: Announce | None) -> None:
        """Handles a change of the second run's state or readiness."""
        driver = self.driver
        if driver is None or driver.owner is not side:
            return
        state = driver.snapshot.state
        if self._now.phase == COMING:
            ready, why = judge(driver.snapshot)
            if ready is not None:
                self._feed(Ready() if ready else Failed(why))
            elif state == RUNNING and self._timer is None:
                seconds = start_time(driver.config)
                why = f"its readiness check did not pass within {spell(seconds)}"
                self._timer = self._loop.call_later(seconds, self._feed, Failed(why))
        if state in RESTING and self.driver is driver:
            self._ended(driver)

    def _ended(self, driver: Driver) -> None:
        """Takes over the records of its runs, and releases callers that wait for its end."""
        present, self.driver = self._host.driver, None
        present.exits = (*present.exits, *driver.exits)[-KEPT_EXITS:]
        present.oom_kills += driver.oom_kills
        if driver.exits:
            one = driver.exits[-1]
            how = describe(one.status).removeprefix("killed by ")
            logger.info(f"{driver.config.name}: pid {one.pid}, beside it, has ended ({how})")
        if driver.config.killasgroup and driver.exits:
            self._stop_what_it_left(driver)
        self._look_for_sockets(driver)
        gone, self._gone = self._gone, []
        for waiter in gone:
            if not waiter.done():
                waiter.set_result(None)
        held, self._held = self._held, None
        if held is not None:
            present.child_gone(held)
        self._feed(Gone(self._host.driver.snapshot.state in UP))

    def _stop_what_it_left(self, driver: Driver) -> None:
        """Stops what has left the group of an old run; younger processes may be the new run's, and stay."""
        belongings, before = self._host.belongings(), self._begun_at

        def find() -> list[Stat]:
            return [stat for stat in belongings.find() if stat.started < before]

        if find():
            self._hunt = Hunt(self._loop, find, lambda _left: None, grace=driver.stop_time())

    def _look_for_sockets(self, driver: Driver) -> None:
        """Restarts the process if a run removed the file of a socket at its end: no client finds it."""
        present, config = self._host.driver, driver.config
        sockets = None if present.launcher is None else present.launcher.sockets
        if self._now.phase != GOING or sockets is None or present.snapshot.state not in UP:
            return
        lost = sockets.lost(present.config)
        if lost:
            logger.error(
                f"{config.name}: {', '.join(lost)} is gone: the process that has ended removed it;"
                " restarting, since the other cannot be reached there; remove overlap, or have the server"
                " leave the file alone"
            )
            present.feed(RestartRequested(trigger="overlap: the old process has removed a socket"))

    # -- what follows ------------------------------------------------------------------------------------

    @property
    def _loop(self) -> EventLoop:
        return self._host.driver.runtime().loop

    def _feed(self, event: Happening) -> None:
        """Does the same as `Driver.feed`: what comes up meanwhile is handled after it."""
        self._queue.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._queue:
                self._now, outcomes = decide(self._now, self._queue.pop(0))
                for outcome in outcomes:
                    _PERFORM[type(outcome)](self, outcome)
        finally:
            self._busy = False

    def _begin(self, _outcome: Begin) -> None:
        present = self._host.driver
        config = self._config or present.config
        name = config.name
        side = SecondOwner(self.seen, self._host)
        driver = self.driver = Driver(side, config, None, present.launcher)
        driver.policy = _without_retries(config)
        if present.output is not None:
            driver.output = SecondOutput(present.output)  # type: ignore[assignment]  # as far as a run needs it
        if present.launcher is not None:
            self._mark = present.launcher.marks.get(name)
        pid = self._replacing = present.snapshot.pid
        self._begun_at = int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))
        logger.info(f"{name}: a new process starts beside pid {pid} ({self._trigger})")
        driver.feed(StartRequested(self._trigger))

    def _stop(self, _outcome: Stop) -> None:
        self._clear_timer()
        if self.driver is not None:
            self.driver.stop(self._request)

    def _settle(self, outcome: Settle) -> None:
        self._clear_timer()
        attempt, present = self.attempt, self._host.driver
        if outcome.reason:
            new = "" if self.pid is None else f", pid {self.pid}"
            logger.error(
                f"{present.config.name}: the new process{new} did not take over: {outcome.reason};"
                f" pid {present.snapshot.pid} goes on"
            )
            if present.launcher is not None and self._mark is not None:
                present.launcher.marks[present.config.name] = self._mark
        attempt.settle(outcome.reason)

    def _take_over(self, _outcome: TakeOver) -> None:
        host, new = self._host, self.driver
        assert new is not None
        old = host.driver
        before, child = old.snapshot, old.child
        has_ended = child is None or child.returncode is not None
        pids = f"pid {new.snapshot.pid} takes over from pid {before.pid}"
        # From here on each has its own owner, event bus and output.
        host.driver = new
        self.driver = old
        new.owner, old.owner = host, SecondOwner(self.seen, host)
        new.events, old.events = old.events, None
        beside, new.output = new.output, old.output
        if isinstance(beside, SecondOutput):
            beside.exchange()
            old.output = beside
        new.exits, old.exits = old.exits, ()
        new.oom_kills, old.oom_kills = old.oom_kills, 0
        new.restarts = old.restarts + self._automatic
        new.policy = policy_of(new.config)
        new.snapshot = inherited(new.snapshot, before, self._loop.time(), automatic=self._automatic)
        if new.output is not None and self._config is not None:
            new.output.reconfigure(new.config)
        self._request = StopRequested(trigger=self._trigger)
        trigger = new.snapshot.trigger
        if not has_ended:
            logger.info(f"{new.config.name}: {pids}, which is stopped")
            host.changed(Announce(before.state, new.snapshot.state, pids, trigger=trigger), said=True)
            old.stop(self._request)
            return
        how = describe(child.returncode or 0) if child is not None else "it ended"
        yet = "" if new.snapshot.ready else ", though it is not ready yet"
        logger.warning(f"{new.config.name}: {how}; {pids}{yet}")
        # whatever its state machine decides, it starts nothing any more
        if before.stop is not None:
            old.feed(self._request)
        else:
            old.policy = replace(old.policy, autorestart=False)
        expected = child is not None and child.returncode in old.policy.exitcodes
        host.changed(Announce(before.state, EXITED, how, expected, trigger=f"exit: {how}"), said=True)
        host.changed(Announce(EXITED, new.snapshot.state, pids, trigger=trigger), said=True)

    def _clear_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_PERFORM: dict[type[Outcome], Callable[[Overlap, Any], None]] = {
    Begin: Overlap._begin,
    Stop: Overlap._stop,
    TakeOver: Overlap._take_over,
    Settle: Overlap._settle,
}


def overlap_of(host: Host) -> Overlap:
    if host.beside is None:
        host.beside = Overlap(host)
    return host.beside


def _without_retries(config: ProgramConfig) -> Any:
    """Returns the policy for a run that is tried once; this module decides what follows a failure."""
    return replace(policy_of(config), startretries=-1, autorestart=False)
