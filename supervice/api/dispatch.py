"""The commands that the doors offer, done on a supervisor. Replies say the state that was reached."""

from __future__ import annotations

from supervice import __version__
from supervice.api.logs import DEFAULT_LINES, LogFollower, last_lines, timestamp
from supervice.api.rows import describe, graph, health_row, last_exits, outcome, started, why
from supervice.config.values import signal_number
from supervice.control.protocol import (
    FAILED,
    INVALID_REQUEST,
    NOT_FOUND,
    SHUTTING_DOWN,
    UNKNOWN_COMMAND,
    CommandError,
)
from supervice.lean.loop import running_loop
from supervice.lifecycle.exit_policy import Verdict
from supervice.lifecycle.states import BACKOFF, EXITED, FATAL, RESTING, UP
from supervice.process import START_WAIT
from supervice.runner.waiting import Until
from supervice.supervision.process_names import UnknownName, members_of, resolve_names
from supervice.supervision.reload import Overtaken
from supervice.supervision.shutdown import longest_stop, stop_in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from supervice.core import Supervisor
    from supervice.lean.loop import AnyFuture
    from supervice.process import Process
    from supervice.supervision.restart import Restarts

    Reply = dict[str, Any]

# Seconds that `wait` waits when nobody says how long.
WAIT = 60.0


class Operations:
    """Implements `doors.commands.Commands`."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._orders: set[AnyFuture] = set()
        self._restarts: Restarts | None = None

    async def execute(self, request: dict[str, Any]) -> Reply:
        command = _COMMANDS.get(request["command"])
        if command is None:
            raise CommandError(UNKNOWN_COMMAND, f"Unknown command: {request['command']}")
        try:
            return await command(self, request)
        except UnknownName as error:
            raise CommandError(NOT_FOUND, str(error)) from None

    def follow(self, request: dict[str, Any], send: Callable[[dict[str, Any]], bool]) -> Callable[[], None]:
        try:
            if request["command"] == "events":
                return self._supervisor.journal.follow(send)
            lines, stream = _log_options(request)
            return LogFollower(self._named(request), lines, stream, send).stop
        except UnknownName as error:
            raise CommandError(NOT_FOUND, str(error)) from None

    # -- looking -----------------------------------------------------------------------------------------

    async def _status(self, request: Reply) -> Reply:
        startup = self._supervisor.startup
        return {"status": "ok", "processes": [describe(p, startup) for p in self._named(request)]}

    async def _pid(self, request: Reply) -> Reply:
        words = _words(request)
        if not words:
            import os

            return {"status": "ok", "pid": os.getpid()}
        processes = resolve_names(self._supervisor.processes, words)
        reply: Reply = {"status": "ok", "pids": {p.config.name: p.pid for p in processes}}
        if len(processes) == 1:
            reply["pid"] = processes[0].pid
        return reply

    async def _health(self, request: Reply) -> Reply:
        probes, startup = self._supervisor.probes, self._supervisor.startup
        processes = self._named(request)
        rows = [health_row(process, startup) for process in processes]
        ready = request.get("kind") == "ready"
        if not _words(request):
            well = probes.ready() if ready else probes.live()
        elif ready:  # of what is named, also what is not meant to run by itself has to be ready
            well = not self._supervisor.stopping and all(row["ready"] is True for row in rows)
        else:
            well = all(row["healthy"] for row in rows)
        return {"status": "ok", "healthy": well, "processes": rows}

    async def _graph(self, _request: Reply) -> Reply:
        return graph(self._supervisor.processes.values(), self._supervisor.startup)

    async def _boot(self, _request: Reply) -> Reply:
        startup = self._supervisor.startup
        report = startup.boot.report(self._supervisor.processes, startup)
        return {"status": "ok", **report, "began_at": timestamp(report["began_at"])}

    async def _logs(self, request: Reply) -> Reply:
        lines, stream = _log_options(request)
        return {"status": "ok", "logs": last_lines(self._named(request), lines, stream)}

    async def _events(self, _request: Reply) -> Reply:
        return {"status": "ok", "events": self._supervisor.journal.events()}

    async def _why(self, request: Reply) -> Reply:
        (process,) = self._targets(request)[:1]
        return last_exits(process, self._supervisor.startup)

    async def _version(self, _request: Reply) -> Reply:
        return {"status": "ok", "version": __version__, "message": f"supervice {__version__}"}

    # -- acting ------------------------------------------------------------------------------------------

    async def _start(self, request: Reply) -> Reply:
        return await self._start_processes(self._targets(request), request)

    async def _stop(self, request: Reply) -> Reply:
        return await self._stop_processes(self._targets(request), request)

    async def _restart(self, request: Reply) -> Reply:
        self._refuse_while_stopping()
        force = request.get("force") is True
        processes = self._targets(request)
        self._refuse_what_is_leaving(processes)
        startup = self._supervisor.startup
        # One that only waits has nothing to be stopped, and starts as soon as it can anyway.
        waiting = {p.config.name for p in processes if startup.waiting_for(p)}
        todo = [p for p in processes if p.config.name not in waiting]
        if not force and any(p.config.depends_on for p in todo) and len(todo) > 1:
            from supervice.supervision.restart import Restarts, are_related

            if are_related(todo):
                self._restarts = self._restarts or Restarts(self._supervisor)
                timeout = request.get("timeout")
                reached = await self._restarts.in_order(todo, None if timeout is None else float(timeout))
                return _outcome(
                    [started(p, startup, "Restarted", reached.get(p.config.name)) for p in processes]
                )
        # A process passes STOPPED on its way; only where it comes to rest after that counts.
        back = Until(todo, UP | {FATAL, EXITED}, startup)
        for process in todo:
            self._supervisor.held.discard(process.config.name)
            if process.state not in RESTING:
                process.request_restart(force=force)
        startup.request([p for p in todo if p.state in RESTING], by_hand=True)
        longest = max(
            (START_WAIT + p.start_time() + (0 if force else p.stop_time()) for p in todo), default=0.0
        )
        await back.wait(_seconds(request, longest + startup.patience(todo)))
        return _outcome(
            [started(p, startup, "Restarted", back.reached.get(p.config.name)) for p in processes]
        )

    async def _startgroup(self, request: Reply) -> Reply:
        return await self._start_processes(self._group(request), request)

    async def _stopgroup(self, request: Reply) -> Reply:
        return await self._stop_processes(self._group(request), request)

    async def _signal(self, request: Reply) -> Reply:
        try:
            signum = signal_number(str(request.get("signal", "")))
        except ValueError as error:
            raise CommandError(INVALID_REQUEST, f"{request.get('signal')!r}: {error}") from None
        rows = []
        for process in self._targets(request):
            sent = process.signal(signum)
            name = process.config.name
            message = f"Signalled {name}" if sent else f"{name} is not running (state: {process.state})"
            rows.append(outcome(process, sent, message))
        return _outcome(rows)

    async def _reload(self, request: Reply) -> Reply:
        self._refuse_while_stopping()
        dry_run = request.get("dry_run") is True
        supervisor = self._supervisor
        try:
            result = await (supervisor.preview_reload() if dry_run else supervisor.reload_config())
        except Overtaken as error:
            raise CommandError(SHUTTING_DOWN, str(error)) from None
        except (OSError, ValueError) as error:
            problems = [str(problem) for problem in getattr(error, "problems", ())]
            raise CommandError(FAILED, f"nothing was reloaded: {error}", problems=problems) from None
        changes = [
            f"{what} {', '.join(result[what])}" for what in ("added", "removed", "changed") if result[what]
        ]
        message = "; ".join(changes) or "No changes detected"
        return {"status": "ok", "message": f"would be: {message}" if dry_run else message, **result}

    async def _reopen(self, _request: Reply) -> Reply:
        failed = self._supervisor.reopen()
        if not failed:
            return {"status": "ok", "message": "Log files reopened", "failed": []}
        # The daemon's own log may be one of them: this reply is then the only place where it is said.
        return {
            "status": "error",
            "message": "not reopened: " + "; ".join(f"{path}: {why}" for path, why in failed),
            "failed": [{"path": path, "reason": why} for path, why in failed],
        }

    async def _shutdown(self, _request: Reply) -> Reply:
        self._supervisor.request_shutdown(Verdict(0, "shutdown was asked for"), drain=True)
        return {"status": "ok", "message": "Shutting down"}

    async def _wait(self, request: Reply) -> Reply:
        from supervice.supervision.conditions import WANTED, UntilAll

        wanted = request.get("for", "running")
        processes = self._named(request)
        startup = self._supervisor.startup
        if wanted == "exited":
            gone = Until(processes, RESTING, startup)
            await gone.wait(_seconds(request, WAIT))
            there = [p.config.name in gone.reached for p in processes]
        elif wanted in WANTED:
            until = UntilAll(self._supervisor.probes, startup, processes, WANTED[wanted])
            await until.wait(_seconds(request, WAIT))
            there = [until.has(p) for p in processes]
        else:
            words = "running, ready, healthy or exited"
            raise CommandError(INVALID_REQUEST, f"cannot wait for {wanted!r}: {words}")
        rows = []
        for process, ok in zip(processes, there, strict=True):
            name, state = process.config.name, process.state
            lacks = "" if ok or wanted not in ("ready", "healthy") or state not in UP else f", not {wanted}"
            rows.append(outcome(process, ok, f"{name} is {state}{lacks}{why(process, startup)}"))
        return _outcome(rows)

    # -- shared ------------------------------------------------------------------------------------------

    def _named(self, request: Reply) -> list[Process]:
        words = _words(request)
        processes = self._supervisor.processes
        return resolve_names(processes, words) if words else list(processes.values())

    def _targets(self, request: Reply) -> list[Process]:
        words = _words(request)
        if not words:
            raise CommandError(INVALID_REQUEST, f"{request['command']} needs a name, GROUP:* or all")
        return resolve_names(self._supervisor.processes, words)

    def _group(self, request: Reply) -> list[Process]:
        name = str(request.get("name", ""))
        members = members_of(self._supervisor.processes, name)
        if not members:
            raise CommandError(NOT_FOUND, f"Group not found: {name}")
        return members

    def _refuse_while_stopping(self) -> None:
        if self._supervisor.stopping:
            raise CommandError(SHUTTING_DOWN, "supervice is shutting down")

    def _refuse_what_is_leaving(self, processes: list[Process]) -> None:
        leaving = [p.config.name for p in processes if p.config.name in self._supervisor.leaving]
        if leaving:
            raise CommandError(FAILED, f"a reload is stopping {', '.join(leaving)}; ask again after it")

    async def _start_processes(self, processes: list[Process], request: Reply) -> Reply:
        self._refuse_while_stopping()
        self._refuse_what_is_leaving(processes)
        running = {p.config.name for p in processes if p.state in UP}
        self._supervisor.held.difference_update(running)  # a stop whose turn had not come is off
        to_start = [p for p in processes if p.config.name not in running]
        startup = self._supervisor.startup
        settled = Until(to_start, UP | RESTING, startup)
        startup.request(to_start, by_hand=True)
        wait = max((START_WAIT + p.start_time() for p in to_start), default=0.0)
        await settled.wait(_seconds(request, wait + startup.patience(to_start)))
        rows = []
        for process in processes:
            name = process.config.name
            if name in running:
                rows.append(outcome(process, True, f"{name} is already running"))
            else:
                rows.append(started(process, startup, "Started", settled.reached.get(name)))
        return _outcome(rows)

    async def _stop_processes(self, processes: list[Process], request: Reply) -> Reply:
        startup = self._supervisor.startup
        resting = {p.config.name for p in processes if p.state in RESTING}
        waited = {p.config.name for p in processes if startup.cancel(p)}
        to_stop = [p for p in processes if p.config.name not in resting]
        gone = Until(to_stop, RESTING)
        held = self._supervisor.held
        held.update(p.config.name for p in processes)
        if self._restarts is not None:
            self._restarts.forget(processes)
        for process in processes:
            if process.state in RESTING or process.state == BACKOFF or request.get("force") is True:
                process.request_stop(force=request.get("force") is True)
        # goes on when we do not wait for all of it; who is asked to start meanwhile is not stopped any more
        every = list(self._supervisor.processes.values())
        orderly = stop_in_order(every, to_stop, lambda p: p.config.name in held)
        task = running_loop().create_task(orderly)
        self._orders.add(task)  # asyncio itself holds only a weak reference
        task.add_done_callback(self._orders.discard)
        await gone.wait(_seconds(request, longest_stop(every, to_stop)))
        rows = []
        for process in processes:
            name = process.config.name
            if name in resting and name not in waited:
                rows.append(outcome(process, True, f"{name} is already stopped"))
            elif name in gone.reached or name in resting:
                rows.append(outcome(process, True, f"Stopped {name}"))
            else:
                rows.append(
                    outcome(
                        process,
                        False,
                        f"{name} did not stop (state: {process.state}){why(process, startup)}",
                    )
                )
        self._supervisor.judge()
        return _outcome(rows)


_COMMANDS: dict[str, Callable[[Operations, Reply], Awaitable[Reply]]] = {
    "status": Operations._status,
    "start": Operations._start,
    "stop": Operations._stop,
    "restart": Operations._restart,
    "startgroup": Operations._startgroup,
    "stopgroup": Operations._stopgroup,
    "signal": Operations._signal,
    "pid": Operations._pid,
    "health": Operations._health,
    "reload": Operations._reload,
    "reopen": Operations._reopen,
    "shutdown": Operations._shutdown,
    "version": Operations._version,
    "wait": Operations._wait,
    "logs": Operations._logs,
    "events": Operations._events,
    "why": Operations._why,
    "graph": Operations._graph,
    "boot": Operations._boot,
}


def _log_options(request: Reply) -> tuple[int, str | None]:
    lines = request.get("lines", DEFAULT_LINES)
    if not isinstance(lines, int) or lines < 0:
        raise CommandError(INVALID_REQUEST, "lines is a number of lines")
    return lines, "stderr" if request.get("stderr") is True else None


def _words(request: Reply) -> list[str]:
    names = list(request.get("names") or ())
    if request.get("name"):
        names.insert(0, request["name"])
    return names


def _seconds(request: Reply, default: float) -> float:
    timeout = request.get("timeout")
    return default if timeout is None else float(timeout)


def _outcome(rows: list[Reply]) -> Reply:
    """One reply for one or many processes; an error when one of them did not do what was asked."""
    message = "; ".join(row["message"] for row in rows) or "No processes"
    if not all(row["ok"] for row in rows):
        failed = "; ".join(row["message"] for row in rows if not row["ok"])
        raise CommandError(FAILED, failed, results=rows)
    return {"status": "ok", "message": message, "results": rows}
