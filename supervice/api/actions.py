"""The verbs that change something. A reply names, for each process, the state that it reached."""

from __future__ import annotations

from supervice.api import rows
from supervice.control.protocol import FAILED, INVALID_REQUEST, NOT_FOUND, SHUTTING_DOWN, CommandError
from supervice.lean.loop import paced, running_loop, wait_for
from supervice.lifecycle.exit_policy import Verdict
from supervice.lifecycle.states import BACKOFF, EXITED, FATAL, RESTING, UP
from supervice.pid1.signals import AFTER_KILL
from supervice.process import START_WAIT
from supervice.runner.waiting import Until
from supervice.supervision.configuration_source import PartlyApplied, summary
from supervice.supervision.process_names import members_of, no_group, resolve_names
from supervice.supervision.shutdown import Progress, longest_stop, stop_in_order
from supervice.supervision.table import Observer
from supervice.supervision.termination import Overtaken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from supervice.api.requests import Request
    from supervice.lean.loop import AnyFuture
    from supervice.process import Process
    from supervice.supervision.interface import Daemon
    from supervice.supervision.restart import Restarts

    Reply = dict[str, Any]


# The triggers of what an operator asks for.
STOP, RESTART = "operator: stop", "operator: restart"


class _Overtaken(Observer):
    """Stops waiting for processes that are started again before their stop has ended."""

    def __init__(self, until: Until) -> None:
        self._until = until
        self.names: set[str] = set()

    def wanted(self, names: Iterable[str], wanted: bool) -> None:
        if wanted:
            these = frozenset(names)
            self.names |= these
            self._until.drop(these)


class Actions:
    """The handlers of these verbs. UnknownName, or `CommandError` FAILED when a process did not comply."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._stops: set[AnyFuture] = set()  # stops in order that go on
        self._restarts: Restarts | None = None

    # -- start and stop ----------------------------------------------------------------------------------

    async def start(self, request: Request) -> Reply:
        return await self._start(self._targets(request), request)

    async def startgroup(self, request: Request) -> Reply:
        return await self._start(self._group(request), request)

    async def stop(self, request: Request) -> Reply:
        return await self._stop(self._targets(request), request)

    async def stopgroup(self, request: Request) -> Reply:
        return await self._stop(self._group(request), request)

    async def config(self, request: Request) -> Reply:
        """Shows settings. It is no query, because a command line may hold a secret; nor is `env`."""
        from supervice.api.configuration import configuration

        return await configuration(self._daemon, self._targets(request) if request.names else None)

    async def env(self, request: Request) -> Reply:
        from supervice.api.configuration import environment

        return await environment(self._daemon, self._targets(request), secrets=request.secrets)

    async def exec(self, request: Request) -> Reply:
        """Answers what the client has to take on before it becomes the command; the daemon runs nothing."""
        from supervice.api.execution import execution

        return await execution(self._daemon, self._targets(request), request.argv, request.user)

    def attach(self, request: Request, send: Callable[[Reply], bool]) -> Callable[[], None]:
        from supervice.api.attach import attach

        return attach(self._daemon, self._targets(request), send)

    def no_attach(self, _request: Request) -> Reply:
        raise CommandError(INVALID_REQUEST, 'attach is a stream; write "follow": true')

    async def input(self, request: Request) -> Reply:
        """Writes to the standard input of a process; `attach` sends what is typed this way."""
        from supervice.api.attach import send_input

        return await send_input(self._daemon, self._targets(request), request.data, request.eof)

    async def _start(self, processes: list[Process], request: Request) -> Reply:
        self._refuse_while_stopping()
        self._refuse_what_is_leaving(processes)
        startup = self._daemon.startup
        running = {p.config.name for p in processes if p.state in UP}
        self._daemon.table.release(running)  # a stop whose turn had not come is off
        to_start = [p for p in processes if p.config.name not in running]
        settled = Until(to_start, UP | RESTING, startup)
        startup.request(to_start, "operator: start", by_hand=True)
        longest = max((START_WAIT + p.start_time() for p in to_start), default=0.0)
        progress = Progress(running_loop(), settled, queue=startup)
        try:
            await settled.wait(_seconds(request, longest + startup.patience(to_start)))
        finally:
            progress.stop()
        results = []
        for process in processes:
            name = process.config.name
            if name in running:
                results.append(rows.outcome(process, True, f"{name} is already running"))
            else:
                results.append(rows.started(process, startup, "Started", settled.reached.get(name)))
        return rows.results(results)

    async def _stop(self, processes: list[Process], request: Request) -> Reply:
        startup, table = self._daemon.startup, self._daemon.table
        resting = {p.config.name for p in processes if p.state in RESTING}
        waited = {p.config.name for p in processes if startup.cancel(p)}
        to_stop = [p for p in processes if p.config.name not in resting]
        left = {p.config.name for p in processes if p.has_left_any}
        gone = Until(to_stop, RESTING)
        table.hold(p.config.name for p in processes)
        if self._restarts is not None:
            self._restarts.forget(processes)
        async for process in paced(running_loop(), processes):
            if process.state in RESTING or process.state == BACKOFF or request.force:
                process.request_stop(force=request.force, trigger=STOP)
        # The stop goes on when the client stops waiting; a process that is started meanwhile is left out.
        every = list(table.processes.values())
        chosen = processes if left else to_stop
        orderly = stop_in_order(every, chosen, lambda p: p.config.name in table.held, lambda _: STOP)
        task = running_loop().create_task(orderly)
        self._stops.add(task)  # asyncio itself holds only a weak reference
        task.add_done_callback(self._stops.discard)
        begun = running_loop().time()
        seconds = _seconds(request, longest_stop(every, to_stop))
        overtaken = _Overtaken(gone)
        table.observe(overtaken)
        try:
            await gone.wait(seconds)
        finally:
            table.unobserve(overtaken)
        if left:
            await self._what_was_left(processes, request, begun + seconds)
        results = []
        for process in processes:
            name = process.config.name
            if process.has_left_any and process.state in RESTING:
                message = f"{name} is {process.state}, but what it left behind did not stop"
                results.append(rows.outcome(process, False, message))
            elif name in left and name in resting:
                message = f"Stopped what {name} had left behind"
                results.append(rows.outcome(process, True, message))
            elif name in resting and name not in waited:
                results.append(rows.outcome(process, True, f"{name} is already stopped"))
            elif name in overtaken.names and name not in gone.reached:
                message = f"{name} was asked to start meanwhile (state: {process.state})"
                results.append(rows.outcome(process, False, message))
            else:
                results.append(rows.stopped(process, startup, name in gone.reached or name in resting))
        self._daemon.termination.judge()
        return rows.results(results)

    async def _what_was_left(self, processes: list[Process], request: Request, until: float) -> None:
        """Waits until the processes that earlier runs left are gone, in the order of the stop."""
        loop = running_loop()
        for process in processes:
            if process.state in RESTING:
                seconds = max(until - loop.time(), 0 if request.timeout is not None else process.stop_time())
                try:
                    await wait_for(
                        loop,
                        loop.create_task(process.stop_what_it_left(force=request.force)),
                        seconds + AFTER_KILL,
                    )
                except TimeoutError:
                    pass

    # -- restart -----------------------------------------------------------------------------------------

    async def restart(self, request: Request) -> Reply:
        self._refuse_while_stopping()
        processes = self._targets(request)
        self._refuse_what_is_leaving(processes)
        startup = self._daemon.startup
        # A process that only waits need not be stopped, and starts as soon as it can anyway.
        todo = [p for p in processes if not startup.waiting_for(p)]
        rolled = todo if request.rolling else [p for p in todo if p.config.rolling and not request.force]
        todo = [process for process in todo if process not in rolled]
        # These do not stop first; the processes that they need are restarted before them.
        kept = [process for process in todo if process.overlaps and not request.force]
        todo = [process for process in todo if process not in kept]
        reached = await (
            self._restart_in_order if self._needs_order(todo, request) else self._restart_at_once
        )(todo, request)
        failed: dict[str, str] = {}  # name to why the old process goes on
        if kept:
            from supervice.runner.overlap_attempts import restart_beside

            self._daemon.table.release(process.config.name for process in kept)
            failed, more = await restart_beside(running_loop(), kept, RESTART, START_WAIT, request.timeout)
            reached |= more
        if rolled:
            return await self._roll(rolled, processes, reached, failed, request)
        return rows.results(
            [rows.restarted(p, startup, reached.get(p.config.name), failed) for p in processes]
        )

    async def _roll(
        self,
        rolled: list[Process],
        processes: list[Process],
        reached: dict[str, str],
        failed: dict[str, str],
        request: Request,
    ) -> Reply:
        """Restarts them one after the other; it goes on when the client stops waiting."""
        from supervice.supervision.restart import RESTART
        from supervice.supervision.rolling import Rolling

        daemon, startup = self._daemon, self._daemon.startup
        rolling = Rolling(
            daemon.table,
            startup,
            lambda: daemon.termination.stopping,
            trigger=RESTART,
            batch=request.batch,
            force=request.force,
            by_hand=True,
        )
        loop = running_loop()
        task = loop.create_task(rolling.run(rolled))
        self._stops.add(task)  # asyncio itself holds only a weak reference
        task.add_done_callback(self._stops.discard)
        over = loop.create_future()
        task.add_done_callback(lambda _: None if over.done() else over.set_result(None))
        try:
            await (over if request.timeout is None else wait_for(loop, over, request.timeout))
        except TimeoutError:
            pass
        results = []
        culprits = ", ".join(rolling.failed)
        for process in processes:
            name = process.config.name
            if process not in rolled or name in rolling.ready:
                state = reached.get(name, process.state if rolling.ready.get(name, True) else None)
                results.append(rows.restarted(process, startup, state, failed | rolling.kept))
            else:
                why = f"{culprits} did not become ready" if culprits else "its turn has not come"
                results.append(rows.outcome(process, False, f"{name} was left as it was: {why}"))
        return rows.results(results)

    def _needs_order(self, processes: list[Process], request: Request) -> bool:
        """Returns whether one of the processes needs another: it stops before that and starts after it."""
        if request.force or len(processes) < 2 or not any(p.config.depends_on for p in processes):
            return False
        from supervice.supervision.restart import are_related

        return are_related(processes)

    async def _restart_in_order(self, processes: list[Process], request: Request) -> dict[str, str]:
        """Returns the state that each process reached, by name."""
        from supervice.supervision.restart import Restarts

        self._restarts = self._restarts or Restarts(self._daemon.table, self._daemon.startup)
        return await self._restarts.in_order(processes, request.timeout)

    async def _restart_at_once(self, processes: list[Process], request: Request) -> dict[str, str]:
        startup, force = self._daemon.startup, request.force
        # A restart passes through STOPPED; what counts is where the process comes to rest after that.
        back = Until(processes, UP | {FATAL, EXITED}, startup)
        self._daemon.table.release(p.config.name for p in processes)
        for process in processes:
            if process.has_left_any and process.state in RESTING:
                await process.stop_what_it_left(force=force)
        async for process in paced(running_loop(), processes):
            if process.state not in RESTING:
                process.request_restart(force=force, trigger=RESTART)
        startup.request([p for p in processes if p.state in RESTING], RESTART, by_hand=True)
        longest = max(
            (START_WAIT + p.start_time() + (0 if force else p.stop_time()) for p in processes), default=0.0
        )
        progress = Progress(running_loop(), back, queue=startup)
        try:
            await back.wait(_seconds(request, longest + startup.patience(processes)))
        finally:
            progress.stop()
        return back.reached

    # -- the rest ----------------------------------------------------------------------------------------

    def signal(self, request: Request) -> Reply:
        results = []
        for process in self._targets(request):
            sent = process.signal(request.signum, trigger="operator: signal")
            name = process.config.name
            message = f"Signalled {name}" if sent else f"{name} is not running (state: {process.state})"
            results.append(rows.outcome(process, sent, message))
        return rows.results(results)

    async def reload(self, request: Request) -> Reply:
        self._refuse_while_stopping()
        dry_run = request.dry_run
        try:
            plan = await self._daemon.reload(dry_run=dry_run, force=request.force)
        except Overtaken as error:
            raise CommandError(SHUTTING_DOWN, str(error)) from None
        except PartlyApplied as error:
            raise CommandError(FAILED, summary(error)) from None
        except (OSError, ValueError) as error:
            problems = [str(problem) for problem in getattr(error, "problems", ())]
            raise CommandError(FAILED, f"nothing was reloaded: {summary(error)}", problems=problems) from None
        source = self._daemon.source
        return rows.reloaded(plan, source.unsaid() if dry_run else source.latest, dry_run=dry_run)

    def reopen(self, _request: Request) -> Reply:
        failed = self._daemon.live.reopen()
        if not failed:
            return {"status": "ok", "message": "Log files reopened", "failed": []}
        # The daemon's own log may be among them: then only this reply can tell.
        message = "not reopened: " + "; ".join(f"{path}: {why}" for path, why in failed)
        raise CommandError(FAILED, message, failed=[{"path": path, "reason": why} for path, why in failed])

    async def rotate(self, request: Request) -> Reply:
        """Answers one row per file. A file that is empty, or waits for the end of a line, is no failure."""
        outputs = None
        if request.names:
            found = (process.open_output() for process in self._targets(request))
            outputs = [output for output in found if output is not None]
        done = await self._daemon.live.rotate(outputs)
        if not done:
            raise CommandError(FAILED, "no log file to rotate: none of this output goes to a file now")
        return rows.results(
            [
                {"name": path, "ok": not why.startswith("cannot"), "message": f"{path} {why or 'is rotated'}"}
                for path, why in done
            ]
        )

    def shutdown(self, _request: Request) -> Reply:
        self._daemon.termination.request(Verdict(0, "shutdown was asked for"), drain=True)
        return {"status": "ok", "message": "Shutting down"}

    # -- shared ------------------------------------------------------------------------------------------

    def _targets(self, request: Request) -> list[Process]:
        return resolve_names(self._daemon.table.processes, list(request.names))

    def _group(self, request: Request) -> list[Process]:
        name = request.names[0]
        members = members_of(self._daemon.table.processes, name)
        if not members:
            raise CommandError(NOT_FOUND, no_group(self._daemon.table.processes, name))
        return members

    def _refuse_while_stopping(self) -> None:
        if self._daemon.termination.stopping:
            raise CommandError(SHUTTING_DOWN, "supervice is shutting down")

    def _refuse_what_is_leaving(self, processes: list[Process]) -> None:
        leaving = [p.config.name for p in processes if p.config.name in self._daemon.table.leaving]
        if leaving:
            raise CommandError(FAILED, f"a reload is stopping {', '.join(leaving)}; ask again after it")


def _seconds(request: Request, default: float) -> float:
    return default if request.timeout is None else request.timeout
