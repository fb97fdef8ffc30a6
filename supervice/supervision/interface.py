"""What the layers above need of the daemon, as a Protocol. For type checkers only; never loaded at run time.

`core.Supervisor` implements it. Code that needs less takes less: a table, the startup, the termination.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from supervice.lifecycle.reload_plan import ReloadPlan
    from supervice.models import SupervisorConfig
    from supervice.output.process_output import ProgramOutput
    from supervice.supervision.configuration_source import ConfigurationSource
    from supervice.supervision.journal import Journal
    from supervice.supervision.memory_watch import MemoryWatch
    from supervice.supervision.probes import Probes
    from supervice.supervision.startup import Startup
    from supervice.supervision.table import ProcessTable
    from supervice.supervision.termination import Termination

    class Live(Protocol):
        """The parts that exist only while the daemon runs. Without them these do nothing."""

        def reopen(self) -> list[tuple[str, str]]:
            """Opens every log file anew, for an external rotation; what could not be opened, and why."""
            ...

        async def rotate(self, outputs: Iterable[ProgramOutput] | None) -> list[tuple[str, str]]:
            """Rotates the log files of these processes, or all; each path, and why not, or ""."""
            ...

        def empty_log(self, path: str) -> None:
            """Begins the log file at `path` anew, if one of ours is there. OSError."""
            ...

    class Daemon(Protocol):
        """A supervisor with its parts. Ask the part; what stands here besides is what no part has."""

        @property
        def config(self) -> SupervisorConfig:
            """The settings that count now; another object after a reload."""
            ...

        @property
        def table(self) -> ProcessTable: ...
        @property
        def startup(self) -> Startup: ...
        @property
        def probes(self) -> Probes: ...
        @property
        def journal(self) -> Journal: ...
        @property
        def termination(self) -> Termination: ...
        @property
        def source(self) -> ConfigurationSource:
            """Where the configuration comes from."""
            ...

        @property
        def memory(self) -> MemoryWatch | None:
            """None in an application, and before the daemon runs."""
            ...

        @property
        def live(self) -> Live: ...

        async def reload(self, *, dry_run: bool = False, force: bool = False) -> ReloadPlan:
            """Applies the configuration as it reads now, or says what that would change.

            OSError or ValueError when it cannot be read or has errors.
            """
            ...
