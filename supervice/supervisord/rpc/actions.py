"""Starts, stops and signals as supervisord does, with its faults: a running process is ALREADY_STARTED."""

from __future__ import annotations

import os

from supervice.config.quoting import split_command
from supervice.config.values import signal_number
from supervice.lean.loop import paced, running_loop
from supervice.lifecycle.states import BACKOFF, EXITED, FATAL, RESTING, STARTING, UP
from supervice.models import group_of, member_of
from supervice.pid1.signals import AFTER_KILL
from supervice.pid1.spawn import SpawnError, find_program
from supervice.process import START_WAIT
from supervice.runner.waiting import Until
from supervice.supervision.shutdown import stop_in_order
from supervice.supervisord.rpc.codec import FAULTS, Fault
from supervice.supervisord.rpc.info import every, find, group_members, is_running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any

    from supervice.process import Process
    from supervice.supervisord.interface import Daemon

    Row = dict[str, Any]

# Seconds within which a process that waits for no other has been spawned, or has failed to.
SPAWN_TIME = 1.0
# The triggers of requests over XML-RPC.
STOP, RESTART = "operator: stop (XML-RPC)", "operator: restart (XML-RPC)"


class Actions:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._table = daemon.table
        self._startup = daemon.startup

    # -- start -------------------------------------------------------------------------------------------

    def start(self, name: str, wait: bool = True) -> Awaitable[bool | list[Row]]:
        found = find(self._table, name)
        if isinstance(found, list):
            return self._start_many(found, wait)
        problem = _command_problem(found)
        if problem:  # not worth trying, and retrying
            raise Fault(problem[0], problem[1])
        if is_running(self._startup, found):
            raise Fault("ALREADY_STARTED", name)
        return self._start_one(found, name, wait)

    def start_group(self, name: str, wait: bool = True) -> Awaitable[list[Row]]:
        return self._start_many(self._group(name), wait)

    def start_all(self, wait: bool = True) -> Awaitable[list[Row]]:
        return self._start_many(every(self._table), wait)

    async def _start_one(self, process: Process, name: str, wait: bool) -> bool:
        problem = (await self._start([process], wait))[process.config.name]
        if problem:
            raise Fault(problem, name)
        return True

    async def _start_many(self, processes: list[Process], wait: bool) -> list[Row]:
        todo = [p for p in processes if not is_running(self._startup, p)]
        return _rows(todo, await self._start(todo, wait))

    async def _start(self, processes: list[Process], wait: bool) -> dict[str, str]:
        """Returns the name of the fault of each process, "" for a success."""
        startup = self._startup
        hopeless = {p.config.name: problem[0] for p in processes if (problem := _command_problem(p))}
        hopeless |= {p.config.name: "FAILED" for p in processes if p.config.name in self._table.leaving}
        todo = [p for p in processes if p.config.name not in hopeless]
        # supervisord stops waiting at BACKOFF; `status` tells what becomes of the retries.
        far_enough = UP | RESTING | {BACKOFF} if wait else UP | RESTING | {BACKOFF, STARTING}
        settled = Until(todo, far_enough, startup)
        startup.request(todo, "operator: start (XML-RPC)", by_hand=True)
        if wait:
            longest = max((START_WAIT + p.config.startsecs for p in todo), default=0.0)
            await settled.wait(longest + startup.patience(todo))
        else:  # only until it is known whether there is such a program
            await settled.wait(0.0 if any(startup.waiting_for(p) for p in todo) else SPAWN_TIME)
        return hopeless | {
            p.config.name: self._start_problem(p, settled.reached.get(p.config.name), wait) for p in todo
        }

    def _start_problem(self, process: Process, reached: str | None, waited: bool) -> str:
        state = process.state if reached in (None, STARTING) else reached
        if state in UP or (state == EXITED and process.expected and process.snapshot.status == 0):
            return ""
        if state in (BACKOFF, FATAL):
            return {127: "NO_FILE", 126: "NOT_EXECUTABLE"}.get(_spawn_code(process), "SPAWN_ERROR")
        if not waited and is_running(self._startup, process):
            return ""
        return "ABNORMAL_TERMINATION"

    # -- stop --------------------------------------------------------------------------------------------

    def stop(self, name: str, wait: bool = True) -> Awaitable[bool | list[Row]]:
        found = find(self._table, name)
        if isinstance(found, list):
            return self._stop_many(found, wait)
        if not is_running(self._startup, found):
            raise Fault("NOT_RUNNING", name)
        return self._stop_one(found, name, wait)

    def stop_group(self, name: str, wait: bool = True) -> Awaitable[list[Row]]:
        return self._stop_many(self._group(name), wait)

    def stop_all(self, wait: bool = True) -> Awaitable[list[Row]]:
        return self._stop_many(every(self._table), wait)

    async def _stop_one(self, process: Process, name: str, wait: bool) -> bool:
        problem = (await self._stop([process], wait))[process.config.name]
        if problem:
            raise Fault(problem, name)
        return True

    async def _stop_many(self, processes: list[Process], wait: bool) -> list[Row]:
        todo = [p for p in processes if is_running(self._startup, p)]
        return _rows(todo, await self._stop(todo, wait))

    async def _stop(self, processes: list[Process], wait: bool) -> dict[str, str]:
        gone = Until([p for p in processes if p.state not in RESTING], RESTING)
        self._table.hold(p.config.name for p in processes)
        async for process in paced(running_loop(), processes):
            self._startup.cancel(process)
            process.request_stop(trigger=STOP)
        if wait:
            await gone.wait(max((p.stop_time() + AFTER_KILL for p in processes), default=0.0))
        else:
            gone.close()
        self._daemon.termination.judge()
        late = {p.config.name for p in gone.missing} if wait else set()
        return {p.config.name: "FAILED" if p.config.name in late else "" for p in processes}

    async def stop_everything(self, processes: list[Process]) -> None:
        """Stops these for a restart of all, in the order of a shutdown.

        Listeners and dependencies come last. None of them counts as stopped by an operator afterwards.
        """
        table, termination = self._table, self._daemon.termination
        names = {p.config.name for p in processes}
        table.hold(names)
        async for process in paced(running_loop(), processes):
            self._startup.cancel(process)
            if process.state == BACKOFF:
                process.request_stop(trigger=RESTART)
        extensions = self._daemon.live.extensions
        settle = extensions.settle if extensions is not None else None
        # once the end has begun, that stops the rest
        every = list(table.processes.values())
        await stop_in_order(every, processes, lambda _: not termination.stopping, lambda _: RESTART, settle)
        table.release(names)

    # -- signal ------------------------------------------------------------------------------------------

    def signal(self, name: str, signal: Any) -> bool | list[Row]:
        found = find(self._table, name)
        if isinstance(found, list):
            return self._signal_many(found, signal)
        signum = _number(signal)
        if not _signal(found, signum):
            raise Fault("NOT_RUNNING", name)
        return True

    def signal_group(self, name: str, signal: Any) -> list[Row]:
        return self._signal_many(self._group(name), signal)

    def signal_all(self, signal: Any) -> list[Row]:
        return self._signal_many(every(self._table), signal)

    def _signal_many(self, processes: list[Process], signal: Any) -> list[Row]:
        up = [p for p in processes if p.pid is not None]
        try:
            signum = _number(signal)
        except Fault as fault:
            return _rows(up, {p.config.name: fault.name for p in up}, str(signal))
        return _rows(up, {p.config.name: "" if _signal(p, signum) else "NOT_RUNNING" for p in up})

    def _group(self, name: str) -> list[Process]:
        members = group_members(self._table, name)
        if not members:
            raise Fault("BAD_NAME", name)
        return members


def _command_problem(process: Process) -> tuple[str, str] | None:
    """Returns the fault and the program's name if the program does not exist now."""
    if process.foreground is not None:
        return None
    config = process.config
    try:
        name = split_command(config.command)[0]
        path = find_program(name, {**os.environ, **config.environment}, config.directory)
    except (ValueError, SpawnError) as error:
        return ("NOT_EXECUTABLE" if getattr(error, "code", 0) == 126 else "NO_FILE"), config.command
    path = os.path.join(config.directory or "", path)
    if not os.path.exists(path):
        return "NO_FILE", name
    return None if os.access(path, os.X_OK) and not os.path.isdir(path) else ("NOT_EXECUTABLE", name)


def _spawn_code(process: Process) -> int:
    """Returns a shell's exit code for a program that could not be started; 0 when there was a child."""
    status = process.snapshot.status
    never_ran = not process.exits or process.exits[-1].status != status
    return status if never_ran and status is not None else 0


def _signal(process: Process, signum: int) -> bool:
    # As supervisord does: to the process itself, not to its group.
    return process.signal(signum, group=False, trigger="operator: signal (XML-RPC)")


def _number(signal: Any) -> int:
    try:
        return signal_number(str(signal))
    except ValueError:
        raise Fault("BAD_SIGNAL", str(signal)) from None


def _rows(processes: list[Process], problems: dict[str, str], more: str = "") -> list[Row]:
    rows = []
    for process in processes:
        problem = problems[process.config.name]
        name = f"{group_of(process.config)}:{member_of(process.config)}"
        rows.append(
            {
                "name": member_of(process.config),
                "group": group_of(process.config),
                "status": FAULTS[problem or "SUCCESS"],
                "description": f"{problem}: {more or name}" if problem else "OK",
            }
        )
    return rows
