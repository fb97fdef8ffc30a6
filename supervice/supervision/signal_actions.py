"""Acts on the signals that we receive: stop, kill at once, reload, reopen, or pass on to a program."""

from __future__ import annotations

from supervice import logger
from supervice.lean.builtin import signal
from supervice.lifecycle.exit_policy import Verdict
from supervice.pid1.leftovers import zombie_children
from supervice.pid1.own_process import is_pid1
from supervice.pid1.reaper import OrphanSweep
from supervice.pid1.signals import SignalRouter
from supervice.pid1.signals import name as signal_name
from supervice.supervision.configuration_source import say_refused
from supervice.supervision.table import Observer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from supervice.lean.loop import EventLoop
    from supervice.pid1.runtime import Runtime
    from supervice.process import Process
    from supervice.supervision.table import ProcessTable
    from supervice.supervision.termination import Termination

# Seconds within which a repeated stop signal counts as one: `timeout` sends it to its command and to its
# group, and wrappers pass on what a terminal has sent to all. Two presses of Ctrl-C are further apart.
SAME = 0.1
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
# Looked up in advance, so that nothing delays the stop signals.
_STOP_NAMES = {int(signum): signal_name(signum) for signum in STOP_SIGNALS}

# Signals for supervice itself, and those that the kernel sends for a fault of our own.
_OURS = frozenset(
    {
        signal.SIGKILL,
        signal.SIGSTOP,
        signal.SIGCHLD,
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGTRAP,
        signal.SIGSYS,
        signal.SIGPIPE,
        signal.SIGXFSZ,
    }
)
# Not passed on to `main` by default: TERM, INT and QUIT shut down, HUP reloads.
_NOT_BY_DEFAULT = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP})
# By default these signals do nothing, or suspend us, as a shell may want.
HARMLESS = frozenset(
    {signal.SIGCONT, signal.SIGWINCH, signal.SIGURG, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
)
FORWARDABLE = frozenset(signal.valid_signals() - _OURS)


def forwards(processes: Iterable[Process]) -> dict[int, list[tuple[Process, int]]]:
    """Returns, for each signal, the processes that get it passed on, and as which signal."""
    table: dict[int, list[tuple[Process, int]]] = {}
    for process in processes:
        config = process.config
        wanted = dict(config.forward_signals)
        if config.main:
            for signum in FORWARDABLE - _NOT_BY_DEFAULT:
                wanted.setdefault(int(signum), int(signum))
        for received, delivered in wanted.items():
            table.setdefault(received, []).append((process, delivered))
    return table


class SignalActions(Observer):
    """Handles signals while the supervisor runs; restores their former handlers at the end."""

    def __init__(
        self,
        loop: EventLoop,
        table: ProcessTable,
        termination: Termination,
        runtime: Runtime,
        *,
        daemon: bool,
        reload: Callable[[], Awaitable[object]],
        reopen: Callable[[], object],
    ) -> None:
        """`daemon`: this process is ours alone. `reload` and `reopen` are what SIGHUP and SIGUSR2 do."""
        self._loop = loop
        self._table = table
        self._termination = termination
        self._daemon = daemon
        self._do_reload = reload
        self._do_reopen = reopen
        self._told_to_stop = 0  # the first stop signal
        self._told_at = 0.0  # when all was done that it asked for at once
        self._forwards: dict[int, list[tuple[Process, int]]] = {}
        self._router: SignalRouter | None = None
        self._sweep: OrphanSweep | None = None
        try:
            self._router = SignalRouter(loop)
        except ValueError:
            return  # not in the main thread of an application: signals are its business
        for signum in STOP_SIGNALS:
            self._router.handle(signum, self._stop)
        if daemon:
            self._router.reap_with(runtime.reaper.poll)
        elif is_pid1():  # an application that is PID 1 itself: the orphans are ours to collect
            self._sweep = OrphanSweep(loop, zombie_children, runtime.reaper)
            self._router.reap_with(self._sweep.poll)
        self.rebuild()
        table.observe(self)

    def rebuild(self) -> None:
        """Looks up again which programs want which signal."""
        if self._router is None:
            return
        self._forwards = forwards(self._table.processes.values())
        for signum in FORWARDABLE.difference(STOP_SIGNALS):
            if signum in self._forwards:
                self._router.handle(signum, self._forward, every=True)
            elif signum == signal.SIGHUP:
                self._router.handle(signum, self._reload)
            elif signum == signal.SIGUSR2:
                self._router.handle(signum, self._reopen)
            elif self._daemon and signum not in HARMLESS:
                # its default action would end us, unless we are PID 1, and orphan every program
                self._router.handle(signum, self._ignore)
            else:
                self._router.release(signum)

    def catch_up(self) -> None:
        """Acts on signals that have come by now, ahead of what the loop has queued."""
        if self._router is not None:
            self._router.drain()

    def close(self) -> None:
        self._table.unobserve(self)
        if self._sweep is not None:
            self._sweep.close()
        if self._router is not None:
            self._router.close(restore=not self._daemon)

    def _forward(self, signum: int) -> None:
        for process, delivered in self._forwards.get(signum, ()):
            process.signal(delivered, trigger=f"signal to supervice: {signal_name(signum)}")

    def _ignore(self, signum: int) -> None:
        logger.debug(f"{signal_name(signum)} received: no program wants it")

    def _stop(self, signum: int) -> None:
        """Stops in order at the first signal, kills at the second."""
        name = _STOP_NAMES[signum]
        self._forward(signum)
        if not self._told_to_stop:
            self._told_to_stop = signum
            self._termination.request_by_signal(signum, Verdict(0, f"{name} received"))
            self._told_at = self._loop.time()
        elif signum == self._told_to_stop and self._loop.time() - self._told_at < SAME:
            logger.debug(f"{name} received again at once: taken for the same")
        else:
            self._termination.force(Verdict(128 + signum, f"forced by a second signal, {name}"))

    def _reload(self, _signum: int) -> None:
        async def reload() -> None:
            try:
                await self._do_reload()
            except (OSError, ValueError) as error:
                say_refused(error)

        logger.info("SIGHUP received: reloading the configuration")
        self._loop.create_task(reload())

    def _reopen(self, _signum: int) -> None:
        self._do_reopen()
