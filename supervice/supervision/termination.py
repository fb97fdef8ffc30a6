"""The end of everything: when it has come, what it stops, and the exit code that is left.

`lifecycle.exit_policy` decides, `shutdown` stops; this asks the one and runs the other, once for each run of
a supervisor.
"""

from __future__ import annotations

import os

from supervice import logger
from supervice.lean.loop import running_loop, wait_for
from supervice.lifecycle.exit_policy import Fact, Verdict, told_to_stop, verdict
from supervice.lifecycle.states import RESTING, UNHEALTHY
from supervice.pid1 import own_process
from supervice.pid1.leftovers import descendants, everyone_else
from supervice.supervision.shutdown import Shutdown
from supervice.supervision.termination_log import write_termination_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.core import Supervisor
    from supervice.lean.loop import AnyFuture, EventLoop
    from supervice.lifecycle.states import Announce
    from supervice.output.router import OutputRouter
    from supervice.pid1.leftovers import Stat
    from supervice.process import Process
    from supervice.runner.launcher import Launcher

# Seconds for the last output. A reader that stands still must not hold up the end any longer.
FLUSH = 3.0


class Ending:
    """Of one supervisor; `arm` before each run."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._verdict: Verdict | None = None
        self._forced: Verdict | None = None
        self._shutdown: Shutdown | None = None
        self._come: AnyFuture | None = None
        self._drain = False  # whether programs go on working for drain_delay
        self._drained: AnyFuture | None = None
        self._ended: dict[str, int] = {}  # process name -> its place in the order of coming to rest
        self._ends = 0
        self._judging = False

    @property
    def decided(self) -> bool:
        return self._verdict is not None

    def arm(self, loop: EventLoop) -> AnyFuture:
        """What is done once the end has come; at once when it had before the run began."""
        self._come = loop.create_future()
        if self._verdict is not None:
            self._come.set_result(None)
        return self._come

    def disarm(self) -> None:
        """Ready for another run."""
        self._verdict = self._forced = self._shutdown = None
        self._drain = False

    def request(self, why: Verdict, *, drain: bool = False) -> bool:
        """Begins the end; the first reason decides the exit code. False when it had begun before."""
        if self._verdict is not None:
            return False
        self._verdict = why
        self._drain = drain
        if self._come is not None and not self._come.done():
            self._come.set_result(None)
        return True

    def force(self, why: Verdict) -> None:
        """No more waiting: SIGKILL for everything that is left."""
        if self._forced is None:
            logger.warning(f"{why.reason}: killing everything now")
            self._forced = why
            self._supervisor.request_shutdown(why)
            self._end_drain()
            if self._shutdown is not None:
                self._shutdown.force()

    # -- has it come? ------------------------------------------------------------------------------------

    def changed(self, process: Process, change: Announce) -> None:
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
        if not self._judging and not self.decided and self._come is not None:
            self._judging = True
            running_loop().call_soon(self._judge)

    def _judge(self) -> None:
        self._judging = False
        supervisor = self._supervisor
        if self.decided or supervisor.reloading:
            return
        answer = verdict(
            self._facts(),
            on_fatal_shutdown=supervisor.config.on_fatal == "shutdown",
            exit_when_idle=supervisor.config.exit_when_idle,
        )
        if answer is not None:
            supervisor.request_shutdown(answer)

    def _facts(self) -> list[Fact]:
        supervisor = self._supervisor
        return [
            Fact(
                name=name,
                state=process.state,
                status=process.snapshot.status,
                expected=process.expected,
                reason=process.snapshot.reason,
                main=process.config.main,
                critical=process.config.critical,
                ends_when_unhealthy=process.config.healthcheck.action == "shutdown",
                has_run=process.started_at is not None,
                held=name in supervisor.held,
                pending=supervisor.startup.is_waiting(process),
                ended=self._ended.get(name, 0),
            )
            for name, process in supervisor.processes.items()
        ]

    # -- it has come -------------------------------------------------------------------------------------

    async def run(self, loop: EventLoop, outputs: OutputRouter | None) -> int:
        """Stops everything, says why, flushes the output; the exit code."""
        supervisor = self._supervisor
        why = self._verdict or Verdict(0, "the end")
        # In the next turn: the first stop signals go out in this one.
        unsaid = [f"shutting down: {why.reason}"]

        def say() -> None:
            if unsaid:
                logger.info(unsaid.pop())

        loop.call_soon(say)
        await self._let_drain(loop, supervisor.config.drain_delay)
        forced = self._forced is not None
        self._shutdown = Shutdown(
            loop,
            supervisor.processes.values(),
            supervisor.config.shutdown_timeout,
            (lambda: _leftovers(supervisor.launcher)) if supervisor.daemon else None,
            supervisor.attachments.settle if supervisor.attachments is not None else None,
        )
        if outputs is not None:
            outputs.stop_helpers()
        if forced:
            self._shutdown.force()
        await self._shutdown.run()
        say()
        if self._forced is not None:
            why = self._forced
        elif why.culprit is None and why.code == 0:
            # told to stop, the code is main's, or that of a program that was FATAL; known only now
            why = told_to_stop(self._facts(), why.reason)
        logger.info(f"the end: {why.reason}; exit code {why.code}")
        if supervisor.daemon:
            culprit = supervisor.processes.get(why.culprit or "")
            problem = write_termination_log(supervisor.config.termination_log, why, culprit)
            if problem:
                logger.warning(f"no termination message: {problem}")
        await supervisor.event_bus.stop()
        if outputs is not None:
            await _flush(loop, outputs, min(FLUSH, max(1.0, self._shutdown.time_left)))
        return why.code

    async def _let_drain(self, loop: EventLoop, seconds: float) -> None:
        """Readiness fails already; what is on its way to the programs may still come, and is answered.

        It comes before, not out of, `shutdown_timeout`: an orchestrator has to grant both.
        """
        if not self._drain or seconds <= 0 or self._forced is not None or self._nothing_to_drain():
            return
        logger.info(f"not ready any more; programs are stopped in {seconds:g} s (drain_delay)")
        self._drained = loop.create_future()
        try:
            await wait_for(loop, self._drained, seconds)
        except TimeoutError:
            pass
        finally:
            self._drained = None

    def _nothing_to_drain(self) -> bool:
        """The main program has ended, or everybody has."""
        processes = self._supervisor.processes.values()
        if any(p.config.main and p.started_at is not None and p.state in RESTING for p in processes):
            return True
        return all(p.state in RESTING for p in processes)

    def _end_drain(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)


async def _flush(loop: EventLoop, outputs: OutputRouter, seconds: float) -> None:
    """Everything that was written until the last moment, unless nobody reads it any more."""
    outputs.flush()
    written = loop.create_future()
    outputs.on_idle(lambda: None if written.done() else written.set_result(None))
    try:
        await wait_for(loop, written, seconds)
    except TimeoutError:
        pass


def _leftovers(launcher: Launcher | None) -> list[Stat]:
    """What programs left; a helper of ours that was killed may take its time to end."""
    me = os.getpid()
    found = everyone_else(me) if own_process.is_pid1() else descendants(me)
    return [stat for stat in found if launcher is None or stat.pid not in launcher.helpers]
