"""The set of processes: which there are, in which order, and which of them an operator has stopped.

Nothing else writes any of this. Code that keeps a record by process is an `Observer` and is told of every
change; the table knows none of them by name.
"""

from __future__ import annotations

from supervice.lean.loop import running_loop
from supervice.lifecycle.states import RESTING
from supervice.models import group_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from supervice.lean.loop import AnyFuture
    from supervice.lifecycle.states import Announce
    from supervice.models import ProgramConfig
    from supervice.process import Process
    from supervice.runner.launcher import Launcher


class Observer:
    """Is told what becomes of the processes. Each method does nothing unless a subclass overrides it."""

    __slots__ = ()

    def changed(self, process: Process, change: Announce | None) -> None:
        """Follows a change of state; without `change`, only health or readiness has changed."""

    def rebuild(self) -> None:
        """Takes over the present configuration: processes have come, gone or changed."""

    def shutting_down(self, reason: str) -> None:
        """Follows the beginning of the end: nothing is started any more."""

    def wanted(self, names: Iterable[str], wanted: bool) -> None:
        """Follows the word of an operator: these processes are wanted, or no longer."""


class ProcessTable:
    """The processes of one supervisor, in the order of the configuration."""

    def __init__(self, processes: dict[str, Process], make: Callable[[ProgramConfig], Process]) -> None:
        """`processes` is the dictionary that the table fills; `make` makes a new process."""
        self._processes = processes
        self._make = make
        self._observers: tuple[Observer, ...] = ()
        self._held: set[str] = set()
        self._leaving: frozenset[str] = frozenset()
        self._returning: set[str] = set()
        self._available: Sequence[ProgramConfig] = ()
        self._later: dict[
            str, ProgramConfig
        ] = {}  # what a run of a schedule in progress does not get any more
        self._launcher: Launcher | None = None
        # Bound once: each access to a method makes a new object, and every process would keep its own.
        self._watcher, self._condition_watcher = self._changed, self._condition_changed
        # For each program whose processes are being restarted one after the other: what waits for its end.
        self.rolling: dict[str, list[AnyFuture]] = {}

    # -- what can be seen --------------------------------------------------------------------------------

    @property
    def processes(self) -> Mapping[str, Process]:
        return self._processes

    @property
    def groups(self) -> dict[str, list[str]]:
        """The names of its processes by group; a program outside any group is a group of its own."""
        groups: dict[str, list[str]] = {}
        for name, process in self._processes.items():
            groups.setdefault(group_of(process.config), []).append(name)
        return groups

    @property
    def held(self) -> AbstractSet[str]:
        """The processes that an operator has stopped, and may want again."""
        return self._held

    @property
    def returning(self) -> AbstractSet[str]:
        """The names of processes that a restart has stopped and will start again."""
        return self._returning

    @property
    def leaving(self) -> frozenset[str]:
        """The processes that a reload is stopping; nothing else may start them."""
        return self._leaving

    @property
    def available(self) -> Sequence[ProgramConfig]:
        """The configuration that was read last, one entry per process."""
        return self._available

    @property
    def launcher(self) -> Launcher | None:
        """The launcher that starts processes; None when the supervisor does not run."""
        return self._launcher

    def configured(self, name: str) -> ProgramConfig:
        """Returns the settings of the process from its next start on; a scheduled run keeps its own."""
        return self._later.get(name) or self._processes[name].config

    # -- which processes there are -----------------------------------------------------------------------

    def add(self, config: ProgramConfig) -> Process:
        """Adds a process and returns it; it is not started."""
        process = self._make(config)
        if self._launcher is not None:
            process.use(self._launcher)
        process.watch(self._watcher)
        process.watch_health(self._condition_watcher)
        self._processes[config.name] = process
        return process

    def remove(self, name: str) -> None:
        """Removes a process at rest."""
        self._processes.pop(name).close()
        self._held.discard(name)
        self._returning.discard(name)
        self._later.pop(name, None)
        if self._launcher is not None:
            self._launcher.forget(name)

    def adjust(self, name: str, config: ProgramConfig) -> None:
        """Gives the process other settings; see `configured`."""
        process = self._processes[name]
        self._later.pop(name, None)
        if process.config.schedule and config.schedule and process.state not in RESTING:
            self._later[name] = config
        else:
            process.reconfigure(config)

    def replace(self, configs: Iterable[ProgramConfig]) -> None:
        """Replaces all processes; for a supervisor that does not run."""
        self._processes.clear()
        for config in configs:
            self.add(config)

    def reorder(self, names: Iterable[str]) -> None:
        """Puts the named processes first, in that order; the others keep theirs."""
        first = {name: self._processes[name] for name in names if name in self._processes}
        rest = {name: process for name, process in self._processes.items() if name not in first}
        self._processes.clear()
        self._processes.update(first)
        self._processes.update(rest)

    def use(self, launcher: Launcher | None) -> None:
        """Sets the launcher with which every process is started from now on."""
        self._launcher = launcher
        if launcher is not None:
            for process in self._processes.values():
                process.use(launcher)

    # -- what is meant with them -------------------------------------------------------------------------

    def hold(self, names: Iterable[str], *, back: bool = False) -> None:
        """Notes that an operator stops them: nothing starts them along with others.

        `back`: it is a restart, which starts them again.
        """
        these = tuple(names)
        (self._returning.update if back else self._returning.difference_update)(these)
        self._say_wanted(these, False)

    def release(self, names: Iterable[str]) -> None:
        """Notes that they are wanted again."""
        these = tuple(names)
        self._returning.difference_update(these)
        self._say_wanted(these, True)

    def _say_wanted(self, names: Iterable[str], wanted: bool) -> None:
        these = tuple(names)
        (self._held.difference_update if wanted else self._held.update)(these)
        self._tell(lambda observer: observer.wanted(these, wanted))

    def leave(self, names: Iterable[str]) -> None:
        """Notes which processes a reload is stopping; none when it has stopped them."""
        self._leaving = frozenset(names)

    def offer(self, configs: Sequence[ProgramConfig]) -> None:
        """Sets the configuration that was read last."""
        self._available = configs

    # -- who is told -------------------------------------------------------------------------------------

    def observe(self, *observers: Observer, first: bool = False) -> None:
        """Tells these observers of every change from now on, after the present ones or before them."""
        self._observers = (*observers, *self._observers) if first else (*self._observers, *observers)

    def unobserve(self, observer: Observer) -> None:
        self._observers = tuple([one for one in self._observers if one is not observer])

    def rebuild(self) -> None:
        """Tells every observer that processes have come, gone or changed; once for all of a reload."""
        self._tell(lambda observer: observer.rebuild())

    def shutting_down(self, reason: str) -> None:
        """Tells every observer that the end has begun."""
        self._tell(lambda observer: observer.shutting_down(reason))

    def _changed(self, process: Process, change: Announce) -> None:
        if self._later and process.state in RESTING:
            config = self._later.pop(process.config.name, None)
            if config is not None:
                process.reconfigure(config)
        self._tell(lambda observer: observer.changed(process, change))

    def _condition_changed(self, process: Process) -> None:
        self._tell(lambda observer: observer.changed(process, None))

    def _tell(self, call: Callable[[Observer], object]) -> None:
        """Calls every observer; the error of one keeps neither the others nor the change itself back."""
        for observer in self._observers:
            try:
                call(observer)
            except Exception as error:
                running_loop().call_soon(_raise, error)


def _raise(error: Exception) -> None:
    raise error
