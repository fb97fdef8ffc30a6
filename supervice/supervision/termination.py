"""The end of a supervisor: when it has come, why, what begins and stops with it, and the exit code.

It asks `lifecycle.exit_policy`, which decides, and runs `shutdown`, which stops, once for each run of a
supervisor. Code that has to act when the end begins is an observer of the table.
"""

from __future__ import annotations

import os

from supervice import logger
from supervice.lean.loop import running_loop, sleep
from supervice.lifecycle.exit_policy import Fact, Verdict, told_to_stop, verdict
from supervice.lifecycle.states import RESTING, STOPPING, UNHEALTHY
from supervice.pid1 import own_process
from supervice.pid1.leftovers import descendants, everyone_else
from supervice.pid1.signals import kill_everyone_else
from supervice.supervision.shutdown import Shutdown
from supervice.supervision.table import Observer
from supervice.supervision.termination_log import ailing, at_the_stop, write_termination_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from supervice.events import EventBus
    from supervice.lean.loop import AnyFuture, EventLoop
    from supervice.lifecycle.states import Announce
    from supervice.models import SupervisorConfig
    from supervice.output.router import OutputRouter
    from supervice.pid1.leftovers import Stat
    from supervice.process import Process
    from supervice.runner.launcher import Launcher
    from supervice.runner.waiting import Plans, StartQueue
    from supervice.supervision.memory_watch import MemoryWatch
    from supervice.supervision.shutdown import Settle
    from supervice.supervision.table import ProcessTable

    class Host(Protocol):
        """The supervisor, as far as its end depends on it."""

        @property
        def config(self) -> SupervisorConfig: ...
        @property
        def daemon(self) -> bool: ...
        @property
        def stock(self) -> bool:
            """Whether the configuration is a stock supervisord file."""
            ...

        @property
        def event_bus(self) -> EventBus: ...
        @property
        def memory(self) -> MemoryWatch | None:
            """What counts the processes that the kernel kills for want of memory, where that is known."""
            ...


# Seconds for the last output. A reader that has stopped must not hold up the end any longer.
FLUSH = 3.0


class Overtaken(ValueError):
    """A shutdown has begun, so the request is not carried out."""


class Termination(Observer):
    """The end of one supervisor; call `arm` before each run and `disarm` after it."""

    def __init__(self, table: ProcessTable, host: Host) -> None:
        self._table = table
        self._host = host
        self._queue: StartQueue | None = None
        self._verdict: Verdict | None = None
        self._forced: Verdict | None = None
        self._shutdown: Shutdown | None = None
        self._come: AnyFuture | None = None
        self._ailing: list[str] = []  # which processes were unhealthy or FATAL when the end was asked for
        self._drain = False  # whether programs go on working for drain_delay
        self._drained: AnyFuture | None = None
        self._ended: dict[str, int] = {}  # process name -> its place in the order of coming to rest
        self._ends = 0
        self._judging = False
        self._said = False

    @property
    def stopping(self) -> bool:
        """Whether the end has begun."""
        return self._verdict is not None

    def arm(self, loop: EventLoop, queue: StartQueue) -> AnyFuture:
        """Returns a future that is done when the end has come; at once if it came before the run."""
        self._queue = queue
        self._come = loop.create_future()
        if self._verdict is not None:
            self._come.set_result(None)
        return self._come

    def disarm(self) -> None:
        """Makes it ready for another run."""
        self._verdict = self._forced = self._shutdown = None
        self._drain = self._said = False
        self._ailing = []

    def request(self, why: Verdict, *, drain: bool = False) -> None:
        """Begins the end, unless it has begun; the first reason decides the exit code.

        `drain`: it was asked for, so programs go on working for `drain_delay` while readiness fails.
        """
        if self._verdict is not None:
            return
        self._verdict = why
        self._drain = drain
        if drain:  # it comes from outside: what was wrong at this time may be the reason
            self._ailing = ailing(self._table.processes.values())
        if self._come is not None and not self._come.done():
            self._come.set_result(None)
        self._table.shutting_down(why.reason)

    def request_by_signal(self, signum: int, why: Verdict) -> None:
        """Does the same for a signal; the foreground command gets the very signal that came."""
        for process in self._table.processes.values():
            if process.foreground is not None:
                process.driver.stop_with(signum)
        self.request(why, drain=True)

    def force(self, why: Verdict) -> None:
        """Stops waiting: sends SIGKILL to everything that is left."""
        if self._forced is None:
            logger.warning(f"{why.reason}: killing everything now")
            self._forced = why
            self.request(why)
            self._end_drain()
            if self._shutdown is not None:
                self._shutdown.force()

    # -- has it come? ------------------------------------------------------------------------------------

    def changed(self, process: Process, change: Announce | None) -> None:
        if change is None:
            return
        if change.to_state == STOPPING:  # it has its signal, and may have ended by the next turn
            self._say()
        if change.to_state == UNHEALTHY:
            self.judge()
        if process.state in RESTING and change.to_state in RESTING:
            self._ends += 1
            self._ended[process.config.name] = self._ends
            self.judge()
            if self._drained is not None and self._nothing_to_drain():
                self._end_drain()

    def judge(self) -> None:
        """Asks the exit policy, in the next turn, whether this is the end."""
        if not self._judging and not self.stopping and self._come is not None:
            self._judging = True
            running_loop().call_soon(self._judge)

    def _judge(self) -> None:
        self._judging = False
        if self.stopping or self._table.leaving:  # a reload starts what it changes again
            return
        config = self._host.config
        answer = verdict(
            self._facts(),
            on_fatal_shutdown=config.on_fatal == "shutdown",
            exit_when_idle=config.exit_when_idle,
        )
        if answer is not None:
            self.request(answer)

    def _facts(self) -> list[Fact]:
        held, queue = self._table.held, self._queue
        harmless = self._host.stock  # in many files a quick oneshot has the default startsecs
        plans = queue.plans if queue is not None else None
        return [
            Fact(
                name=name,
                state=process.state,
                status=process.snapshot.status,
                expected=process.expected if plans is None else _is_well(process, plans),
                reason=process.snapshot.reason,
                main=process.config.main,
                critical=process.config.critical,
                ends_when_unhealthy=_ends_when_unhealthy(process),
                has_run=process.started_at is not None,
                given_up=process.snapshot.given_up,
                harmless=harmless,
                lost="" if queue is None else queue.why_left(process),
                cause="" if queue is None else queue.cause(process),
                held=name in held,
                pending=(queue is not None and queue.is_waiting(process))
                or (plans is not None and plans.will_run(name)),
                ended=self._ended.get(name, 0),
            )
            for name, process in self._table.processes.items()
        ]

    # -- it has come -------------------------------------------------------------------------------------

    async def run(self, loop: EventLoop, outputs: OutputRouter, settle: Settle | None) -> int:
        """Stops everything, logs why, flushes the output; returns the exit code. `settle`: see `Shutdown`."""
        table, config = self._table, self._host.config
        why = self._verdict = self._verdict or Verdict(0, "the end")
        loop.call_soon(self._say)  # for programs that nothing stops; else after the first stop signal
        await self._let_drain(loop, config.drain_delay)
        forced = self._forced is not None
        self._shutdown = Shutdown(
            loop,
            table.processes.values(),
            config.shutdown_timeout,
            (lambda: _leftovers(table.launcher)) if self._host.daemon else None,
            settle,
            why.reason,
            kill_everyone_else if self._host.daemon and own_process.is_pid1() else None,
        )
        outputs.stop_helpers()
        if forced:
            self._shutdown.force()
        await self._shutdown.run()
        self._say()
        if self._forced is not None:
            why = self._forced
        elif why.culprit is None and why.code == 0:
            # after a request the code is main's, or that of a FATAL program; known only now
            why = told_to_stop(self._facts(), why.reason)
        logger.info(f"exiting with code {why.code}: {why.reason}")
        code = f"exit code {why.code}"
        text = why.reason if why.reason.endswith(f": {code}") else f"{why.reason}; {code}"
        self._note(
            "\n".join([text, *self._ailing, *self._killed_for_memory()]),
            table.processes.get(why.culprit or ""),
        )
        await self._host.event_bus.stop()
        await _flush(loop, outputs, min(FLUSH, max(1.0, self._shutdown.time_left)))
        return why.code

    def _say(self) -> None:
        """Logs that the end has begun, once, and writes a first termination message."""
        if self._verdict is not None and not self._said:
            self._said = True
            logger.info(f"shutting down: {self._verdict.reason}")
            self._note(at_the_stop(self._verdict.reason, self._table.processes.values()))

    def _killed_for_memory(self) -> list[str]:
        """Returns a line about kills for want of memory: runtimes then call even a clean end OOMKilled."""
        count = (self._host.memory.total() if self._host.memory is not None else 0) or 0
        if not count:
            return []
        what = "1 process" if count == 1 else f"{count} processes"
        return [f"the kernel killed {what} of this container for want of memory while it ran"]

    def _note(self, text: str, culprit: Process | None = None) -> None:
        """Writes the termination message."""
        if self._host.daemon:
            problem = write_termination_log(self._host.config.termination_log, text, culprit)
            if problem:
                logger.warning(f"no termination message: {problem}")

    async def _let_drain(self, loop: EventLoop, seconds: float) -> None:
        """Waits while programs finish their requests; readiness fails already.

        This time comes before `shutdown_timeout`, not out of it: an orchestrator has to grant both.
        """
        if not self._drain or seconds <= 0 or self._forced is not None or self._nothing_to_drain():
            return
        logger.info(f"not ready any more; programs are stopped in {seconds:g} s (drain_delay)")
        self._drained = loop.create_future()
        try:
            await sleep(loop, seconds, self._drained)
        finally:
            self._drained = None

    def _nothing_to_drain(self) -> bool:
        """Returns whether the main program has ended, or all have."""
        processes = self._table.processes.values()
        if any(p.config.main and p.started_at is not None and p.state in RESTING for p in processes):
            return True
        return all(p.state in RESTING for p in processes)

    def _end_drain(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)


def _ends_when_unhealthy(process: Process) -> bool:
    run, config = process.snapshot.run, process.config
    over = run is not None and run.over_memory
    return (config.memory_limit_action if over else config.healthcheck.action) == "shutdown"


def _is_well(process: Process, plans: Plans) -> bool:
    """Returns whether its last end was expected; a scheduled run only counts for a critical program."""
    name = process.config.name
    if name not in plans:
        return process.expected
    return not (process.config.critical and plans.failed(name))


async def _flush(loop: EventLoop, outputs: OutputRouter, seconds: float) -> None:
    """Writes all output, until the time is up or no process reads it."""
    outputs.flush()
    written = loop.create_future()
    outputs.on_idle(lambda: None if written.done() else written.set_result(None))
    await sleep(loop, seconds, written)


def _leftovers(launcher: Launcher | None) -> list[Stat]:
    """Returns what programs left; a killed helper of ours may take a moment to end."""
    me = os.getpid()
    found = everyone_else(me) if own_process.is_pid1() else descendants(me)
    return [stat for stat in found if launcher is None or stat.pid not in launcher.helpers]
