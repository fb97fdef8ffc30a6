"""Starts processes on request: a few at a time, in order, each as soon as its conditions hold.

It reacts to changes and requests each start once. `lifecycle.graph` knows what needs what; how a process
starts is its own business. Running processes are left alone, whatever becomes of others. `foreground` starts
the foreground command, which comes last.
"""

from __future__ import annotations

import time

from supervice import logger
from supervice.lean.builtin import heappop, heappush
from supervice.lean.loop import PART, running_loop
from supervice.lifecycle.graph import COMPLETED, Gates, start_order
from supervice.lifecycle.states import EXITED, FATAL, RESTING, STOPPED, STOPPING, UP
from supervice.supervision.start_record import StartRecord
from supervice.supervision.status import conditions_of
from supervice.supervision.table import Observer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervice.lifecycle.states import Announce
    from supervice.process import Process
    from supervice.runner.waiting import Plans, Waitable
    from supervice.supervision.table import ProcessTable

NOT_LOST = ("", "")
# The trigger of starts at the start of the daemon.
BOOT = "start of supervice"


class Startup(Observer):
    """The queue of processes that are to be started; a `StartQueue` for code that waits for them."""

    def __init__(self, table: ProcessTable, judge: Callable[[], object]) -> None:
        """`judge` is called when processes may have become the last ones: it asks whether this is the end."""
        self._table = table
        self._judge = judge
        self._gates = Gates(())
        self._place: dict[str, int] = {}
        self._waiting: dict[str, Process] = {}
        self._triggers: dict[str, str] = {}  # what those that wait are started for
        self._due: list[tuple[tuple[int, int], int, str]] = []  # a heap: those that may start now
        self._working = False
        self._left: dict[str, tuple[str, str, str]] = {}  # left stopped: why; the first cause, and its name
        self._watchers: list[Callable[[Process], object]] = []
        self.command: Process | None = None  # the foreground command, as long as it is to be started
        self.stopped = False  # nothing is started any more
        self.record = StartRecord(table)
        self.plans: Plans | None = None  # the schedules of programs, where there are any

    # -- the beginning -----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Starts the programs that start with the daemon, but not the foreground command."""
        self.stopped = False  # a supervisor can be run again
        self._working = False
        every = list(self._table.processes.values())
        self.command = next((p for p in every if p.foreground is not None), None)
        self.record.begin()
        self.rebuild()
        self.request(self.first(), BOOT)
        if self.command is not None:
            self.record.asked(self.command.config.name)
        self.record.begun()
        self._judge()

    def first(self) -> list[Process]:
        """Returns the processes that start with the daemon, before the foreground command."""
        return [
            p
            for p in self._table.processes.values()
            if p.config.autostart and p.foreground is None and p.config.schedule is None
        ]

    def start_command(self) -> None:
        """Starts the foreground command."""
        command, self.command = self.command, None
        if command is not None and not self.stopped:
            command.request_start(BOOT)

    def shutting_down(self, reason: str) -> None:
        self.stopped = True
        self._due.clear()
        waiting, self._waiting = self._waiting, {}
        self._triggers.clear()
        for process in waiting.values():
            self._tell(process)

    def rebuild(self) -> None:
        processes = self._table.processes
        self._gates = Gates(process.config for process in processes.values())
        self._place = {name: number for number, name in enumerate(processes)}
        self._left = {name: why for name, why in self._left.items() if name in processes}
        self._waiting = {name: p for name, p in self._waiting.items() if processes.get(name) is p}
        for process in processes.values():
            self._note(process)
        for process in list(self._waiting.values()):  # they may need others now
            self.request([process], self._triggers.get(process.config.name, BOOT))

    # -- what is asked -----------------------------------------------------------------------------------

    def request(self, processes: Iterable[Process], trigger: str, *, by_hand: bool = False) -> None:
        """Starts each process, and what it needs, as soon as its conditions hold; `trigger` says why.

        `by_hand`: an operator asks, and wants its dependencies whatever became of them before; otherwise a
        dependency that failed, or that an operator stopped, stays as it is.
        """
        if self.stopped:
            return
        todo = list(processes)
        seen = {process.config.name for process in todo}
        triggers: dict[str, str] = {}
        asked: list[Process] = []
        for process in todo:  # grows while it is walked
            if process.state not in RESTING and process.state != STOPPING:
                process.request_start(trigger)
                continue
            name = process.config.name
            self._triggers[name] = triggers.get(name, trigger)
            self._left.pop(name, None)
            self._waiting[name] = process
            self.record.asked(name)
            asked.append(process)
            if self._gates.may_start(name):
                continue
            for needed, _ in self._gates.unmet(name):
                other = self._table.processes.get(needed)
                if other is not None and needed not in seen and self._is_pulled(other, by_hand):
                    seen.add(needed)
                    todo.append(other)
                    triggers[needed] = f"dependency: {name} needs it ({triggers.get(name, trigger)})"
        if by_hand:
            self._table.release(seen)
        self._look(asked)

    def _is_pulled(self, process: Process, by_hand: bool) -> bool:
        name = process.config.name
        if name in self._table.leaving:
            return False  # a reload is at it, and starts it again itself
        if by_hand:
            return process.state in RESTING or process.state == STOPPING
        return process.state == STOPPED and name not in self._left and name not in self._table.held

    def cancel(self, process: Process) -> bool:
        """Removes the process from the queue; returns whether it was there."""
        name = process.config.name
        self._left.pop(name, None)
        self._triggers.pop(name, None)
        if self._waiting.pop(name, None) is None:
            return False
        self._tell(process)
        return True

    # -- what can be seen --------------------------------------------------------------------------------

    def is_waiting(self, process: Waitable) -> bool:
        """Returns whether it is still to be started."""
        return process.config.name in self._waiting or (process is self.command and not self.stopped)

    def waiting_for(self, process: Waitable) -> list[str]:
        """Returns the conditions it waits for, with names, like `db:healthy`."""
        if process.config.name not in self._waiting:
            return []
        return [f"{name}:{condition}" for name, condition in self._gates.unmet(process.config.name)]

    def why_left(self, process: Waitable) -> str:
        """Returns why it was left stopped; "" when it was not."""
        return self._left.get(process.config.name, ("", "", ""))[0]

    def cause(self, process: Waitable) -> str:
        """Returns the name of the process whose failure left it stopped; "" when it was not."""
        return self._left.get(process.config.name, ("", "", ""))[2]

    def left(self) -> list[str]:
        """Returns the names of the processes that were left stopped."""
        return list(self._left)

    def patience(self, processes: Iterable[Process]) -> float:
        """Returns the seconds until what they wait for may be up, by their configuration."""
        todo = [p for p in processes if p.config.name in self._waiting]
        seen = {p.config.name for p in todo}
        seconds = 0.0
        for process in todo:  # grows while it is walked
            for needed in self._gates.above(process.config.name):
                if needed not in seen and needed in self._table.processes:
                    seen.add(needed)
                    other = self._table.processes[needed]
                    todo.append(other)
                    seconds += 0.0 if other.state in UP else other.start_time()
        return seconds

    def watch(self, watcher: Callable[[Process], object]) -> Callable[[], None]:
        """Calls `watcher` with each process that stops waiting without having been started."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    # -- what happens ------------------------------------------------------------------------------------

    def changed(self, process: Process, change: Announce | None) -> None:
        if self.stopped:
            return
        name, state = process.config.name, process.state
        if state not in RESTING:
            self._left.pop(name, None)
            if state != STOPPING and self._waiting.pop(name, None) is not None:
                self._tell(process)  # it was started past the queue
        for opened in self._note(process):
            self.record.released(opened, name)
            if opened in self._waiting:
                self._triggers[opened] = f"dependency: {name} is {_how(process)}"
            self._ready(opened)
        if state in (FATAL, EXITED) and name not in self._waiting and self._left.get(name) is None:
            self._give_up_on(process)

    def _note(self, process: Process) -> list[str]:
        name = process.config.name
        return self._gates.note(name, conditions_of(process)) if self._gates.is_needed(name) else []

    def _ready(self, name: str) -> None:
        process = self._waiting.get(name)
        if process is None:
            return
        heappush(self._due, (start_order(process.config), self._place.get(name, 0), name))
        if not self._working:
            self._working = True
            running_loop().call_soon(self._work)

    def _work(self) -> None:
        give_up = time.monotonic() + PART
        while self._due and time.monotonic() < give_up:
            name = heappop(self._due)[2]
            # a condition may no longer hold; then the process goes on waiting
            if name in self._waiting and self._gates.may_start(name):
                self._waiting.pop(name).request_start(self._triggers.pop(name, BOOT))
        if self._due:
            running_loop().call_soon(self._work)
            return
        self._working = False
        if not self._waiting:
            self._judge()

    def _look(self, processes: list[Process]) -> None:
        """Starts processes whose conditions hold, and gives up on those whose conditions cannot hold."""
        lost: dict[str, tuple[str, str]] = {}
        for process in processes:
            name = process.config.name
            if name not in self._waiting:
                continue
            if self._gates.may_start(name):
                self._ready(name)
                continue
            for needed, condition in self._gates.unmet(name):
                if needed not in lost:
                    other = self._table.processes.get(needed)
                    lost[needed] = self._lost(other) if other is not None else NOT_LOST
                if lost[needed][0]:
                    self._give_up(process, needed, condition, lost[needed])
                    break

    def _lost(self, process: Process) -> tuple[str, str]:
        """Returns why it is useless to wait for it any more, and which process is the cause."""
        name = process.config.name
        if name in self._waiting:
            return NOT_LOST
        if name in self._left:
            return self._left[name][1:]
        if process.state not in (FATAL, EXITED):
            return NOT_LOST
        if COMPLETED in conditions_of(process):
            return NOT_LOST
        reason = process.snapshot.reason
        what = "is FATAL" if process.state == FATAL else "has ended"
        return f"{name} {what}{f': {reason}' if reason else ''}", name

    def _give_up(self, process: Process, needed: str, condition: str, cause: tuple[str, str]) -> None:
        """Leaves the process stopped, and with it all that wait for it."""
        todo = [(process, needed, condition)]
        for process, needed, condition in todo:  # grows while it is walked
            name = process.config.name
            self._triggers.pop(name, None)
            if self._waiting.pop(name, None) is None:
                continue
            why = f"needs {needed}:{condition}, but {cause[0]}"
            self._left[name] = (why, *cause)
            logger.warning(f"{name}: not started: {why}")
            todo += [
                (self._waiting[other], name, wanted)
                for other, wanted in self._gates.needed_by(name)
                if other in self._waiting
            ]
            self._tell(process)
        self._judge()

    def _give_up_on(self, process: Process) -> None:
        cause = self._lost(process)
        if cause[0]:
            for name, condition in self._gates.needed_by(process.config.name):
                if name in self._waiting:
                    self._give_up(self._waiting[name], process.config.name, condition, cause)

    def _tell(self, process: Process) -> None:
        for watcher in tuple(self._watchers):
            watcher(process)


def _how(process: Process) -> str:
    """Returns what became of a process that others waited for."""
    snapshot = process.snapshot
    if snapshot.state == EXITED:
        return "done"
    return "healthy" if snapshot.healthy else "ready" if snapshot.ready else snapshot.state
