"""Single-command mode: one command under a proper PID 1, and silence. What people use tini and dumb-init for.

The command has our standard streams and our terminal as they are; every signal but SIGCHLD goes to it as it
comes; orphans are collected; what it leaves behind is stopped; we end with its exit code. Knows nothing of
configurations, sockets and logs, because it imports none of it.
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
    signal_group,
    signal_process,
)
from supervice.pid1.signals import name as signal_name
from supervice.pid1.spawn import Order, Spawner, SpawnError
from supervice.pid1.subreaper import become_subreaper, set_parent_death_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.lean.loop import Loop
    from supervice.pid1.leftovers import Stat

SUSPENDING = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
NEVER_FORWARDED = frozenset({signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD})
WARNING, INFO, DEBUG = 1, 2, 3


@dataclass
class SingleOptions:
    """The habits of tini and dumb-init; `rewrite` maps a signal to another one, or to 0 (dropped)."""

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
        self._pid = 0
        self._terminal = False
        self._pid1 = os.getpid() == 1
        self._clock_runs = False
        self._done = loop.create_future()

    def run(self) -> int:
        """The exit code that we shall end with."""
        options = self._options
        if options.parent_death_signal and not set_parent_death_signal(options.parent_death_signal):
            self._say(WARNING, "the parent-death signal could not be set")
        reaper = Reaper(self._loop, self._orphan if options.warn_on_reap or options.verbosity else None)
        router = SignalRouter(self._loop)
        router.reap_with(reaper.poll)
        for signum in signal.valid_signals() - NEVER_FORWARDED:
            try:
                router.handle(signum, self._forward, every=True)
            except (OSError, ValueError):
                pass  # reserved by the C library
        clean_dispositions()  # not before there are handlers: what was blocked until now may be waiting
        # Before the command can leave any: an orphan of its first millisecond would go to somebody else.
        if not self._pid1 and not become_subreaper():
            self._say(WARNING, "cannot become child subreaper: orphans will not come here")
        self._terminal = terminal.foreground_terminal()
        try:
            self._pid = Spawner(exclusive=True).spawn(
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
        except SpawnError as error:
            sys.stderr.write(f"supervice: {error}\n")
            return error.code
        except OSError as error:
            sys.stderr.write(f"supervice: {self._argv[0]}: {error.strerror}\n")
            return 126
        reaper.register(self._pid, self._ended)
        os.chdir("/")
        if own_process.IN_BUNDLE:
            own_process.forget_the_start()
        self._loop.run_until_complete(self._wait())
        return self._exit_code()

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
        if suspend and signum not in options.rewrite:
            delivered = signal.SIGSTOP
        if delivered:
            self._say(DEBUG, f"{signal_name(signum)} is passed on as {signal_name(delivered)}")
            self._send(delivered)
        if suspend:
            # Suspended like the command, so that the shell that we were started from has its turn. As PID 1
            # the kernel ignores it.
            signal_process(os.getpid(), signal.SIGSTOP)
        if signum == signal.SIGTERM and options.shutdown_timeout is not None and not self._clock_runs:
            self._clock_runs = True
            self._loop.call_later(options.shutdown_timeout, self._time_is_up)

    def _send(self, signum: int) -> None:
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
                pass  # nobody listens
