"""Starts what is to be started: a few at a time, in order, each when what it depends on is so. CMD last.

It reacts to announcements and asks nobody twice. `lifecycle.graph` knows who needs whom; what a process makes
of being asked to start is its own business. Processes that run are left alone, whatever becomes of others.
"""

from __future__ import annotations

from heapq import heappop, heappush

from supervice import logger
from supervice.lean.loop import running_loop
from supervice.lifecycle.graph import COMPLETED, Gates, conditions_met, start_order
from supervice.lifecycle.states import EXITED, FATAL, RESTING, STOPPED, STOPPING, UP
from supervice.runner.waiting import Until
from supervice.supervision.start_record import Boot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervice.core import Supervisor
    from supervice.process import Process

# So many are started before timers, signals and clients have their turn again.
BATCH = 16
# Seconds after which it is said whom the command waits for.
SAY_AFTER = 5.0


class Startup:
    """Who waits to be started. `rebuild` whenever processes or their dependencies have changed."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._gates = Gates(())
        self._place: dict[str, int] = {}
        self._waiting: dict[str, Process] = {}
        self._due: list[tuple[tuple[int, int], int, str]] = []  # a heap: those that may start now
        self._working = False
        self._left: dict[str, tuple[str, str]] = {}  # left stopped: why, and the first cause of it
        self._watchers: list[Callable[[Process], object]] = []
        self._command: Process | None = None
        self._stopped = False
        self.boot = Boot()

    # -- the beginning -----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Starts what is to start with the daemon."""
        self._stopped = self._supervisor.stopping  # a supervisor can be run again
        self._working = False
        every = list(self._supervisor.processes.values())
        self._command = next((p for p in every if p.foreground is not None), None)
        first = [p for p in every if p.config.autostart and p is not self._command]
        self.boot.begin()
        self.rebuild()
        self.request(first)
        if self._command is not None:
            self.boot.asked(self._command.config.name)
            running_loop().create_task(self._start_command(self._command, first))
        self.boot.begun()
        self._supervisor.judge()

    async def _start_command(self, command: Process, first: list[Process]) -> None:
        """CMD comes when every program has got where it is going, and what is up is ready."""
        from supervice.supervision.conditions import UntilAll

        def say(late: list[Process]) -> None:
            names = ", ".join(process.config.name for process in late)
            logger.info(f"{command.config.command} waits for {names}")

        while not await Until(first, UP | RESTING, self).wait(SAY_AFTER):
            say([p for p in first if p.state not in UP | RESTING or self.is_waiting(p)])
        while not self._stopped and not all(map(_is_no_obstacle, first)):
            await UntilAll(self._supervisor.probes, self, first, _is_no_obstacle).wait(SAY_AFTER)
            late = [p for p in first if not _is_no_obstacle(p)]
            if late:
                say(late)
        if not self._stopped:
            self._command = None
            command.request_start()

    def stop(self) -> None:
        """Starts nothing more."""
        self._stopped = True
        self._due.clear()
        waiting, self._waiting = self._waiting, {}
        for process in waiting.values():
            self._tell(process)

    def rebuild(self) -> None:
        """Takes over the processes as they are configured now."""
        processes = self._supervisor.processes
        self._gates = Gates(process.config for process in processes.values())
        self._place = {name: number for number, name in enumerate(processes)}
        self._left = {name: why for name, why in self._left.items() if name in processes}
        self._waiting = {name: p for name, p in self._waiting.items() if processes.get(name) is p}
        self.boot.keep(processes)
        for process in processes.values():
            self._note(process)
        self.request(list(self._waiting.values()))  # they may need others now

    # -- what is asked -----------------------------------------------------------------------------------

    def request(self, processes: Iterable[Process], *, by_hand: bool = False) -> None:
        """Has each started as soon as its conditions hold, and with it what it needs.

        Somebody who asks by hand wants what it needs whatever became of that before; otherwise what failed or
        was stopped by an operator stays as it is.
        """
        if self._stopped:
            return
        todo = list(processes)
        seen = {process.config.name for process in todo}
        asked: list[Process] = []
        for process in todo:  # grows while it is walked
            if process.state not in RESTING and process.state != STOPPING:
                process.request_start()
                continue
            name = process.config.name
            self._left.pop(name, None)
            self._waiting[name] = process
            self.boot.asked(name)
            asked.append(process)
            if self._gates.may_start(name):
                continue
            for needed, _ in self._gates.unmet(name):
                other = self._supervisor.processes.get(needed)
                if other is not None and needed not in seen and self._is_pulled(other, by_hand):
                    seen.add(needed)
                    todo.append(other)
        if by_hand:
            self._supervisor.held.difference_update(seen)
        self._look(asked)

    def _is_pulled(self, process: Process, by_hand: bool) -> bool:
        name = process.config.name
        if name in self._supervisor.leaving:
            return False  # a reload is at it, and starts it again itself
        if by_hand:
            return process.state in RESTING or process.state == STOPPING
        return process.state == STOPPED and name not in self._left and name not in self._supervisor.held

    def cancel(self, process: Process) -> bool:
        """It waits no more; whether it did."""
        name = process.config.name
        self._left.pop(name, None)
        if self._waiting.pop(name, None) is None:
            return False
        self._tell(process)
        return True

    # -- what can be seen --------------------------------------------------------------------------------

    def is_waiting(self, process: Process) -> bool:
        """Whether it is still to be started."""
        return process.config.name in self._waiting or (process is self._command and not self._stopped)

    def waiting_for(self, process: Process) -> list[str]:
        """Names with conditions, like `db:healthy`."""
        if process.config.name not in self._waiting:
            return []
        return [f"{name}:{condition}" for name, condition in self._gates.unmet(process.config.name)]

    def why_left(self, process: Process) -> str:
        """Why it was left stopped; "" when it was not."""
        return self._left.get(process.config.name, ("", ""))[0]

    def left(self) -> list[str]:
        """The processes that were left stopped."""
        return list(self._left)

    def patience(self, processes: Iterable[Process]) -> float:
        """Seconds that may pass until what they wait for is up, by what that is configured to take."""
        todo = [p for p in processes if p.config.name in self._waiting]
        seen = {p.config.name for p in todo}
        seconds = 0.0
        for process in todo:  # grows while it is walked
            for needed in self._gates.above(process.config.name):
                if needed not in seen and needed in self._supervisor.processes:
                    seen.add(needed)
                    other = self._supervisor.processes[needed]
                    todo.append(other)
                    seconds += 0.0 if other.state in UP else other.start_time()
        return seconds

    def watch(self, watcher: Callable[[Process], object]) -> Callable[[], None]:
        """Has `watcher(process)` called when a process stops waiting without having been started."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    # -- what happens ------------------------------------------------------------------------------------

    def changed(self, process: Process) -> None:
        """Its state or its health is another one."""
        if self._stopped:
            return
        name, state = process.config.name, process.state
        self.boot.changed(process)
        if state not in RESTING:
            self._left.pop(name, None)
            if state != STOPPING and self._waiting.pop(name, None) is not None:
                self._tell(process)  # somebody started it past us
        for opened in self._note(process):
            self.boot.released(opened, name)
            self._ready(opened)
        if state in (FATAL, EXITED) and name not in self._waiting and self._left.get(name) is None:
            self._give_up_on(process)

    def _note(self, process: Process) -> list[str]:
        name = process.config.name
        return self._gates.note(name, _met(process)) if self._gates.is_needed(name) else []

    def _ready(self, name: str) -> None:
        process = self._waiting.get(name)
        if process is None:
            return
        heappush(self._due, (start_order(process.config), self._place.get(name, 0), name))
        if not self._working:
            self._working = True
            running_loop().call_soon(self._work)

    def _work(self) -> None:
        for _ in range(BATCH):
            if not self._due:
                break
            name = heappop(self._due)[2]
            # a condition may have gone again meanwhile; then it goes on waiting
            if name in self._waiting and self._gates.may_start(name):
                self._waiting.pop(name).request_start()
        if self._due:
            running_loop().call_soon(self._work)
            return
        self._working = False
        if not self._waiting:
            self._supervisor.judge()

    def _look(self, processes: list[Process]) -> None:
        """Starts those that may, and gives up on those whose conditions cannot come."""
        lost: dict[str, str] = {}
        for process in processes:
            name = process.config.name
            if name not in self._waiting:
                continue
            if self._gates.may_start(name):
                self._ready(name)
                continue
            for needed, condition in self._gates.unmet(name):
                if needed not in lost:
                    other = self._supervisor.processes.get(needed)
                    lost[needed] = self._lost(other) if other is not None else ""
                if lost[needed]:
                    self._give_up(process, needed, condition, lost[needed])
                    break

    def _lost(self, process: Process) -> str:
        """Why nobody needs to wait for it any more; "" while there is hope."""
        name = process.config.name
        if name in self._waiting:
            return ""
        if name in self._left:
            return self._left[name][1]
        if process.state not in (FATAL, EXITED):
            return ""
        if COMPLETED in _met(process):
            return ""
        reason = process.snapshot.reason
        what = "is FATAL" if process.state == FATAL else "has ended"
        return f"{name} {what}{f': {reason}' if reason else ''}"

    def _give_up(self, process: Process, needed: str, condition: str, cause: str) -> None:
        """Leaves it stopped, and all that wait for it."""
        todo = [(process, needed, condition)]
        for process, needed, condition in todo:  # grows while it is walked
            name = process.config.name
            if self._waiting.pop(name, None) is None:
                continue
            why = f"needs {needed}:{condition}, but {cause}"
            self._left[name] = why, cause
            logger.warning(f"{name}: left stopped: {why}")
            todo += [
                (self._waiting[other], name, wanted)
                for other, wanted in self._gates.needed_by(name)
                if other in self._waiting
            ]
            self._tell(process)
        self._supervisor.judge()

    def _give_up_on(self, process: Process) -> None:
        cause = self._lost(process)
        if cause:
            for name, condition in self._gates.needed_by(process.config.name):
                if name in self._waiting:
                    self._give_up(self._waiting[name], process.config.name, condition, cause)

    def _tell(self, process: Process) -> None:
        for watcher in tuple(self._watchers):
            watcher(process)


def _met(process: Process) -> frozenset[str]:
    oneshot = process.config.type == "oneshot"
    return conditions_met(process.snapshot, oneshot=oneshot, expected=process.expected)


def _is_no_obstacle(process: Process) -> bool:
    """It is ready, or there is nothing to wait for."""
    return process.snapshot.ready or process.state not in UP
