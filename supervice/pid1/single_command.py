"""Single-command mode: runs one command under a proper PID 1, silently, as tini and dumb-init do.

The command has our standard streams and our terminal as they are. It gets every signal but SIGCHLD as it
comes; we collect orphans, stop what it leaves behind, and end with its exit code. Knows nothing of
configurations, sockets and logs, because it imports none of them.
"""

from __future__ import annotations

import os
import sys

from supervice.lean.builtin import signal
from supervice.lean.dataclasses import dataclass, field
from supervice.pid1 import own_process, terminal
from supervice.pid1.leftovers import Hunt, descendants, everyone_else
from supervice.pid1.reaper import Reaper
from supervice.pid1.signals import (
    LEFTOVERS_GRACE,
    SignalRouter,
    clean_dispositions,
    kill_everyone_else,
    signal_group,
    signal_process,
)
from supervice.pid1.signals import name as signal_name
from supervice.pid1.spawn import NOT_EXECUTABLE, Order, Spawner, SpawnError
from supervice.pid1.subreaper import become_subreaper, set_parent_death_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.lean.loop import Loop
    from supervice.pid1.leftovers import Stat

# Seconds for which the start is retried when there is no pid, memory or descriptor for the command.
PATIENCE = 10.0
FIRST_PAUSE = 0.1
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
SUSPENDING = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
NEVER_FORWARDED = frozenset({signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD})
WARNING, INFO, DEBUG = 1, 2, 3


@dataclass
class SingleOptions:
    """The options of tini and dumb-init; `rewrite` maps a signal to another one, or to 0 (dropped)."""

    single_child: bool = False
    rewrite: dict[int, int] = field(default_factory=dict)
    exit_code_ok: tuple[int, ...] = ()
    parent_death_signal: int = 0
    warn_on_reap: bool = False
    shutdown_timeout: float | None = None  # from SIGTERM to SIGKILL; None: the orchestrator decides
    verbosity: int = 0  # 1: warnings, 2: info, 3: debug


class SingleCommand:
    def __init__(self, loop: Loop, argv: list[str], options: SingleOptions) -> None:
        self._loop = loop
        self._argv = argv
        self._options = options
        self._status: int | None = None
        self._code = 0  # where there is no status
        self._pid = 0
        self._terminal = False
        self._pid1 = os.getpid() == 1
        self._clock_runs = False
        self.problem = ""  # why the command could not be run
        self._done = loop.create_future()

    def run(self) -> int:
        """Runs the command; returns the exit code to end with."""
        options = self._options
        if options.parent_death_signal and not set_parent_death_signal(options.parent_death_signal):
            self._say(WARNING, "the parent-death signal could not be set")
        orphan = self._orphan if options.warn_on_reap or options.verbosity else None
        self._reaper = Reaper(self._loop, orphan)
        router = SignalRouter(self._loop)
        router.reap_with(self._reaper.poll)
        for signum in signal.valid_signals() - NEVER_FORWARDED:
            try:
                router.handle(signum, self._forward, every=True)
            except (OSError, ValueError):
                pass  # reserved by the C library
        # Before the command starts: an orphan of its first millisecond would go to PID 1.
        if not self._pid1 and not become_subreaper():
            self._say(WARNING, "cannot become child subreaper: orphans will not come here")
        self._terminal = terminal.foreground_terminal()
        told = self._told_to_stop()
        if told:
            return 128 + told
        clean_dispositions()  # not before there are handlers: what was blocked until now may be waiting
        self._spawner = Spawner(exclusive=True)
        self._spawner.say = lambda message: self._say(WARNING, message)
        self._spawn()
        self._loop.run_until_complete(self._wait())
        return self._code if self._status is None else self._exit_code()

    def _spawn(self, waited: float = 0.0) -> None:
        """Starts the command; retries for PATIENCE seconds when the container lacks what that takes."""
        try:
            self._pid = self._spawner.spawn(
                Order(
                    argv=self._argv,
                    env=os.environ,
                    stdin=0,
                    stdout=1,
                    stderr=2,
                    new_session=not self._terminal,
                    terminal=0 if self._terminal else None,
                )
            )
        except (SpawnError, OSError) as error:
            self._not_spawned(error, waited)
        else:
            self._reaper.register(self._pid, self._ended)
            os.chdir("/")
            if own_process.IN_BUNDLE:
                own_process.start_is_over()

    def _not_spawned(self, error: SpawnError | OSError, waited: float) -> None:
        from supervice.pid1.spawn_errors import is_shortage

        words = str(error) if isinstance(error, SpawnError) else f"{self._argv[0]}: {error.strerror}"
        lacks = is_shortage(error)
        if lacks and waited < PATIENCE:
            if not waited:
                self._say(0, f"{words}; it is tried again for {PATIENCE:g} s")
            pause = max(FIRST_PAUSE, waited)  # doubles
            self._loop.call_later(pause, self._spawn, waited + pause)
            return
        sys.stderr.write(f"supervice: {words}\n")
        self.problem = words
        self._finish(error.code if isinstance(error, SpawnError) else 1 if lacks else NOT_EXECUTABLE)

    def _finish(self, code: int) -> None:
        """Ends with that code, because the command never ran."""
        self._code = code
        if not self._done.done():
            self._done.set_result(None)

    def _told_to_stop(self) -> int:
        """Returns the stop signal that came during the start, as the command would get it, or 0."""
        waiting = signal.sigpending()
        delivered = (self._options.rewrite.get(signum, signum) for signum in STOPPING if signum in waiting)
        return next((signum for signum in delivered if signum in STOPPING), 0)

    async def _wait(self) -> None:
        await self._done

    def _exit_code(self) -> int:
        status = self._status or 0
        code = status if status >= 0 else 128 - status
        if code in self._options.exit_code_ok:
            self._say(INFO, f"exit code {code} counts as 0")
            return 0
        return code

    # -- signals -----------------------------------------------------------------------------------------

    def _forward(self, signum: int) -> None:
        options = self._options
        delivered = options.rewrite.get(signum, signum)
        suspend = signum in SUSPENDING
        if suspend and signum not in options.rewrite and not options.single_child:
            delivered = signal.SIGSTOP  # a group without a session leader of its own ignores the others
        if delivered:
            self._send(delivered)
            if options.verbosity >= DEBUG:
                self._say(DEBUG, f"{signal_name(signum)} is passed on as {signal_name(delivered)}")
        if suspend:
            # We suspend ourselves like the command, so that the shell we were started from takes over. For
            # PID 1 the kernel ignores this.
            signal_process(os.getpid(), signal.SIGSTOP)
        if signum == signal.SIGTERM and options.shutdown_timeout is not None and not self._clock_runs:
            self._clock_runs = True
            self._loop.call_later(options.shutdown_timeout, self._time_is_up)

    def _send(self, signum: int) -> None:
        if not self._pid and signum in STOPPING:
            self._finish(128 + signum)  # it waits for its start
        if self._status is None and self._pid:
            if self._options.single_child:
                signal_process(self._pid, signum)
            else:
                signal_group(self._pid, signum)

    def _time_is_up(self) -> None:
        if self._status is None:
            self._say(WARNING, f"{self._argv[0]} did not stop in time and is killed")
            signal_group(self._pid, signal.SIGKILL)

    # -- the end -----------------------------------------------------------------------------------------

    def _ended(self, status: int) -> None:
        self._status = status
        self._say(INFO, f"{self._argv[0]} ended with status {status}")
        if self._terminal:
            terminal.give(os.getpgrp())
        if self._options.single_child and not self._pid1:
            self._done.set_result(None)
            return
        Hunt(
            self._loop,
            self._leftovers,
            lambda _left: self._done.set_result(None),
            grace=LEFTOVERS_GRACE,
            notify=lambda found, signum: self._say(
                INFO, f"{signal_name(signum)} to what was left: {', '.join(stat.name for stat in found)}"
            ),
            kill_all=kill_everyone_else if self._pid1 else None,
            thorough=not self._pid1,
        )

    def _leftovers(self) -> list[Stat]:
        me = os.getpid()
        return everyone_else(me) if self._pid1 else descendants(me)

    def _orphan(self, pid: int, status: int) -> None:
        if self._options.warn_on_reap:
            self._say(0, f"reaped an orphan: pid {pid}, status {status}")
        else:
            self._say(DEBUG, f"reaped an orphan: pid {pid}, status {status}")

    def _say(self, level: int, message: str) -> None:
        if level <= self._options.verbosity:
            try:
                sys.stderr.write(f"supervice: {message}\n")
            except OSError:
                pass  # the reader is gone
