"""Reads the configuration of a supervisor at the start and for each reload."""

from __future__ import annotations

import os

from supervice import config as configuration
from supervice import logger
from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.config.supervisord_sections import Server


class ConfigurationSource:
    """One file with what it includes, and the settings that the command line adds."""

    def __init__(self, *, daemon: bool) -> None:
        self._daemon = daemon
        self.directory = os.getcwd()  # relative paths of the file belong to it
        # The command line beats the file, now and after every reload.
        self.overrides: dict[str, str | float] = {}
        self.stock = False  # whether it is a stock supervisord file
        self.files: tuple[str, ...] = ()
        self.servers: list[Server] = []  # of supervisord's dialect
        self.path = ""
        self._patterns: tuple[str, ...] = ()  # of what the file includes
        self._warnings: list[configuration.Problem] = []
        self._said: set[configuration.Problem] = set()
        self.latest: list[configuration.Problem] = []  # what `new_warnings` returned last

    def read(self, path: str | None = None) -> configuration.Loaded:
        """Returns the configuration as the file reads now. ConfigValidationError with all of its errors."""
        loaded = configuration.load(
            path or self.path,
            daemon_defaults=self._daemon,
            cwd=self.directory,
            settled=path is None,  # a reload often comes right after a change
        )
        errors = [problem for problem in loaded.problems if problem.severity == "error"]
        if errors:
            raise configuration.ConfigValidationError(errors)
        for name, value in self.overrides.items():
            setattr(loaded.config, name, value)
        self._warnings = loaded.problems
        return loaded

    def load(self, path: str) -> configuration.Loaded:
        """Reads the file, which every later `read` reads again."""
        loaded = self.read(path)
        self.path = os.path.abspath(path)
        self.stock = loaded.dialect == "supervisord"
        self.use(loaded)
        return loaded

    def use(self, loaded: configuration.Loaded) -> None:
        """Makes a configuration that was read the one in effect."""
        self.files = tuple(loaded.files)
        self._patterns = tuple(loaded.patterns)
        self.servers = loaded.servers

    def introduction(self, programs: int, processes: int, socket: str | None, command: str = "") -> str:
        """Returns the first line of the log: what runs, and where to ask about it.

        `command`: the name of the foreground command, which runs beside the programs.
        """
        from supervice import __version__

        counted = f"{programs} program{'' if programs == 1 else 's'}"
        if processes != programs:
            counted += f" ({processes} process{'' if processes == 1 else 'es'})"
        if command:
            counted += f" and the command {clean(command)}"
        return f"supervice {__version__}: {self.path}, {counted}, control socket {socket or 'none'}"

    def invitation(self) -> str:
        """Returns what to do without any programs: where to write some, and what to type."""
        place = f"into {self.path}"
        if self._patterns:
            place = f"into a file {self._patterns[0]}"
        return (
            f"no programs configured; write [program:NAME] and command = PROGRAM ARGUMENTS {place}, "
            "then run: supervicectl reload (in Docker: docker exec CONTAINER supervicectl reload)"
        )

    def new_warnings(self) -> list[configuration.Problem]:
        """Returns the warnings of the last `read` that it has not returned before."""
        self.latest = self.unsaid()
        self._said.update(self.latest)
        return self.latest

    def unsaid(self) -> list[configuration.Problem]:
        """Returns the warnings of the last `read` that `new_warnings` has not returned."""
        return [problem for problem in self._warnings if problem not in self._said]


class PartlyApplied(ValueError):
    """The new configuration is in effect, except for the named processes, which stay as they were."""


def say_refused(error: Exception, where: str = "") -> None:
    """Logs why nothing was reloaded: each problem on a line of its own, then their number."""
    for problem in getattr(error, "problems", ()):
        logger.error(clean(problem))
    what = "" if isinstance(error, PartlyApplied) else "nothing was reloaded: "
    logger.error(f"{where}{what}{summary(error)}")


def summary(error: Exception) -> str:
    """Returns what went wrong in one line: the number of problems, if there are any."""
    count = len(getattr(error, "problems", ()))
    if not count:
        return clean(getattr(error, "strerror", None) or error)
    return f"the configuration has {count} error{'' if count == 1 else 's'}"
