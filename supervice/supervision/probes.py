"""Live, ready, started: what orchestrators ask of the whole.

The rules about one process are in `views`. Asked by `supervicectl health` and by the HTTP endpoints; whoever
waits for something to become so (`awaiting`) is told of every change here.
"""

from __future__ import annotations

from supervice.api.rows import is_live, is_ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supervice.process import Process

    Watcher = Callable[[Process], object]


class Probes:
    """Told of every change of state, health and readiness; `rebuild` when the processes are other ones."""

    def __init__(self) -> None:
        self._processes: Mapping[str, Process] = {}
        self._lacking: set[str] = set()  # not ready yet; of no interest any more once all were
        self._started = False
        self._watchers: list[Watcher] = []
        self.stopping = False

    def begin(self, processes: Mapping[str, Process]) -> None:
        self._started = self.stopping = False
        self.rebuild(processes)

    def rebuild(self, processes: Mapping[str, Process]) -> None:
        self._processes = processes
        if not self._started:
            self._lacking = set(self.late())

    def changed(self, process: Process) -> None:
        if not self._started:
            if is_ready(process):
                self._lacking.discard(process.config.name)
                self._started = not self._lacking
            else:
                self._lacking.add(process.config.name)
        for watcher in tuple(self._watchers):
            watcher(process)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Has `watcher(process)` called after every change; returns what ends that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    # -- the answers -------------------------------------------------------------------------------------

    def live(self) -> bool:
        """False when the container had better be restarted."""
        return all(is_live(process) for process in self._processes.values())

    def late(self) -> list[str]:
        """The processes that are to run by themselves and are neither ready nor done."""
        return [name for name, process in self._processes.items() if not is_ready(process)]

    def ready(self) -> bool:
        """Whether nobody is late, and no shutdown has begun."""
        return not self.stopping and not self.late()

    def started(self) -> bool:
        """Whether it has been ready once."""
        if not self._started and not self._lacking:
            self._started = True
        return self._started
