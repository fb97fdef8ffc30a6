"""The verbs that only look: each takes a `Request` and returns a reply.

Members of the socket's group may use them (`control.access.READ_ONLY`).
"""

from __future__ import annotations

from supervice import __version__
from supervice.api import rows
from supervice.api.logs import LogFollower, all_last_lines, is_long, last_lines
from supervice.control.protocol import FAILED, INVALID_REQUEST, CommandError, Shared
from supervice.lean.loop import running_loop, sleep
from supervice.lifecycle.graph import is_unchecked
from supervice.lifecycle.states import RESTING, UP
from supervice.runner.waiting import Until
from supervice.supervision import status
from supervice.supervision.journal import timestamp
from supervice.supervision.process_names import resolve_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from supervice.api.requests import Request
    from supervice.api.usage import Looks
    from supervice.process import Process
    from supervice.supervision.interface import Daemon

    Reply = dict[str, Any]
    Send = Callable[[Reply], bool]

AGAIN = 0.02  # seconds after which a request looks whether the one before it is answered
WAIT = 60.0  # seconds that `wait` waits without a timeout


class Queries:
    """The handlers of these verbs. Any of them raises UnknownName when a name means no process."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._looks: Looks | None = None
        self._making_logs = False  # a long reply, over several turns
        self._whole: Shared | None = None  # the `status` of all, for those who ask for it at the same time

    def _named(self, request: Request) -> list[Process]:
        """Returns the processes that the request names; all of them when it names none."""
        processes = self._daemon.table.processes
        return resolve_names(processes, list(request.names)) if request.names else list(processes.values())

    # -- processes ---------------------------------------------------------------------------------------

    def status(self, request: Request) -> Reply | Awaitable[Reply]:
        if not request.names and not request.resources:
            return self._whole or self._describe_all()
        self._look_for_kills()
        named = self._named(request)
        rows_ = [status.describe(p, self._daemon.startup) for p in named]
        return self._with_usage(named, rows_) if request.resources else {"status": "ok", "processes": rows_}

    def _describe_all(self) -> Shared:
        """Returns one reply for all requests that are here by now; later ones get a new reply."""

        def forget() -> None:
            self._whole = None

        self._look_for_kills()
        startup = self._daemon.startup
        rows_ = [status.describe(p, startup) for p in self._daemon.table.processes.values()]
        self._whole = Shared(status="ok", processes=rows_)
        running_loop().call_soon(forget)
        return self._whole

    async def _with_usage(self, processes: list[Process], rows_: list[Reply]) -> Reply:
        """Returns the same with what each process and the container use."""
        if self._looks is None:
            from supervice.api.usage import Looks

            self._looks = Looks(self._daemon.memory)
        used = await self._looks.processes(processes)
        rows_ = [{**row, "resources": used[row["name"]]} for row in rows_]
        return {"status": "ok", "processes": rows_, "container": self._looks.container()}

    def pid(self, request: Request) -> Reply:
        if not request.names:
            import os

            return {"status": "ok", "pid": os.getpid()}
        processes = self._named(request)
        reply: Reply = {"status": "ok", "pids": {p.config.name: status.pid_of(p) for p in processes}}
        if len(processes) == 1:
            reply["pid"] = status.pid_of(processes[0])
        return reply

    def _look_for_kills(self) -> None:
        """Looks for kills where the kernel does not announce them (cgroup v1)."""
        if self._daemon.memory is not None:
            self._daemon.memory.look()

    def why(self, request: Request) -> Reply:
        self._look_for_kills()
        from supervice.api.why import answer

        return answer(self._named(request)[0], self._daemon.startup)

    def schedule(self, request: Request) -> Reply:
        plans = self._daemon.startup.plans
        names = [process.config.name for process in self._named(request)]
        without = [name for name in names if plans is None or name not in plans]
        if request.names and without:
            raise CommandError(FAILED, f"{', '.join(without)}: has no schedule")
        rows_ = [] if plans is None else [plans.row(name) for name in names if name in plans]
        return {"status": "ok", "schedules": rows_}

    def graph(self, _request: Request) -> Reply:
        return rows.graph(self._daemon.table.processes.values(), self._daemon.startup)

    # -- the whole ---------------------------------------------------------------------------------------

    def health(self, request: Request) -> Reply:
        from supervice.supervision import health_verdict

        queue, stopping = self._daemon.startup, self._daemon.termination.stopping
        named, kind = self._named(request), request.kind or "healthy"
        culprits = health_verdict.wrong(kind, named, queue, named=bool(request.names))
        well = not culprits and not (stopping and kind == "ready")
        if kind == "healthy" and not named:
            well = False
        said = health_verdict.sentence(kind, well, culprits, queue, stopping=stopping, details=True)
        if not named:
            said += ": there are no programs"
        processes = [rows.health_row(p, queue) for p in named]
        return {"status": "ok", "healthy": well, "message": said, "processes": processes}

    def boot(self, _request: Request) -> Reply:
        startup = self._daemon.startup
        report = startup.record.report(startup)
        return {"status": "ok", **report, "began_at": timestamp(report["began_at"])}

    def version(self, _request: Request) -> Reply:
        return {"status": "ok", "version": __version__, "message": f"supervice {__version__}"}

    # -- output and events -------------------------------------------------------------------------------

    def logs(self, request: Request) -> Reply | Awaitable[Reply]:
        processes = self._named(request)
        if is_long(len(processes), request):
            return self._long_logs(processes, request)
        return {"status": "ok", "logs": last_lines(processes, request)}

    async def _long_logs(self, processes: list[Process], request: Request) -> Reply:
        """Returns the reply when no other long one is being made: many at once would fill the memory."""
        while self._making_logs:
            await sleep(running_loop(), AGAIN)
        self._making_logs = True
        try:
            return {"status": "ok", "logs": await all_last_lines(processes, request)}
        finally:
            self._making_logs = False

    def follow_logs(self, request: Request, send: Send) -> Callable[[], None]:
        return LogFollower(self._named(request), request, send).stop

    def events(self, request: Request) -> Reply:
        return {"status": "ok", "events": self._daemon.journal.events(request.lines)}

    def follow_events(self, request: Request, send: Send) -> Callable[[], None]:
        return self._daemon.journal.follow(send, request.lines or 0)

    # -- waiting -----------------------------------------------------------------------------------------

    async def wait(self, request: Request) -> Reply:
        from supervice.supervision.conditions import WANTED, UntilAll

        wanted, startup = request.wanted, self._daemon.startup
        processes = self._named(request)
        seconds = WAIT if request.timeout is None else request.timeout
        if wanted == "healthy":
            _refuse_unchecked(processes)
        loop = running_loop()
        over = loop.time() + seconds
        if wanted == "exited":
            gone = Until(processes, RESTING, startup, passing=True)
            await gone.wait(seconds)
            there = [p.config.name in gone.reached for p in processes]
        else:
            until = UntilAll(self._daemon.table, startup, processes, WANTED[wanted])
            await until.wait(seconds)
            there = [until.has(p) for p in processes]
        late = f"timed out after {seconds:g} s: " if loop.time() >= over else ""
        results = []
        for process, ok in zip(processes, there, strict=True):
            name, state = process.config.name, process.state
            why = status.why(process, startup)
            if late and not ok:
                message = f"{late}{name} is still {state} (wanted: {wanted}){why}"
            else:
                asked = f", {'' if ok else 'not '}{wanted}" if wanted in ("ready", "healthy") else ""
                message = f"{name} is {state}{asked if ok or state in UP else ''}{why}"
            results.append(rows.outcome(process, ok, message))
        return rows.results(results)


def _refuse_unchecked(processes: list[Process]) -> None:
    """Refuses to wait for `healthy` on a process without a check or watchdog: it would never hold."""
    unchecked = [process.config.name for process in processes if is_unchecked(process.config)]
    if unchecked:
        raise CommandError(
            INVALID_REQUEST,
            f"{', '.join(unchecked)}: no health check, so healthy never holds; wait for ready",
        )
