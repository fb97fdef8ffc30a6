"""What a program is started with: its words, its environment, its user, its descriptors.

Shared by all processes of a supervisor. Everything is looked up anew at each start, so that a user, a binary
or a directory that appears later is found by the retry.
"""

from __future__ import annotations

import os

from supervice.config.text import split_command
from supervice.lean import replace
from supervice.pid1 import terminal
from supervice.pid1.identity import resolve
from supervice.pid1.spawn import Order, SpawnError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.models import ProgramConfig
    from supervice.output.router import OutputRouter
    from supervice.pid1.identity import Identity
    from supervice.pid1.runtime import Runtime

# Meant for us, by whoever started us; a program that answered it would speak in our name.
_NOT_PASSED_ON = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Launcher:
    """Turns a program's configuration into an `Order`, and starts it."""

    def __init__(
        self,
        runtime: Runtime,
        outputs: OutputRouter | None = None,
        environment: dict[str, str] | None = None,
        directory: str | None = None,
    ) -> None:
        """`directory`: where programs start that name none; by default where we are."""
        self.runtime = runtime
        self.outputs = outputs
        self.environment = dict(environment or {})
        self._directory = directory
        self._null: int | None = None
        self._terminal = False

    @property
    def null(self) -> int:
        """Our descriptor of /dev/null, for the standard input of programs."""
        if self._null is None:
            self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        return self._null

    def order(self, config: ProgramConfig, argv: list[str], stdin: int, stdout: int, stderr: int) -> Order:
        """SpawnError when the user does not exist: that does not heal by itself."""
        identity: Identity | None = None
        if config.user is not None:
            try:
                identity = resolve(config.user)
            except LookupError as error:
                raise SpawnError(str(error), permanent=True) from None
        return Order(
            argv=argv,
            env=self._environ(config, identity),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            directory=config.directory or self._directory,
            umask=config.umask,
            identity=identity,
        )

    def _environ(self, config: ProgramConfig, identity: Identity | None) -> dict[str, str]:
        env = dict(os.environ)
        for name in _NOT_PASSED_ON:
            env.pop(name, None)
        if identity is not None:
            env["HOME"] = identity.home
            for name in ("USER", "LOGNAME"):
                if identity.name:
                    env[name] = identity.name
                else:
                    env.pop(name, None)
        env["SUPERVISOR_ENABLED"] = "1"
        env["SUPERVISOR_PROCESS_NAME"] = config.process_name or config.name
        env["SUPERVISOR_GROUP_NAME"] = config.group or config.program or config.name
        env.update(self.environment)
        env.update(config.environment)
        return env

    def spawn(self, config: ProgramConfig, stdout: int, stderr: int) -> int:
        """The pid of the started program. SpawnError with the reason in words."""
        try:
            argv = split_command(config.command)
        except ValueError as error:
            raise SpawnError(f"the command cannot be read: {error}", permanent=True) from None
        return self.runtime.spawner.spawn(self.order(config, argv, self.null, stdout, stderr))

    def spawn_foreground(self, config: ProgramConfig, argv: list[str]) -> int:
        """The same for the container's own command: it has our standard streams and our terminal."""
        self._terminal = self._terminal or terminal.foreground_terminal()
        order = self.order(config, argv, 0, 1, 2)
        if self._terminal:
            order = replace(order, new_session=False, terminal=0)
        return self.runtime.spawner.spawn(order)

    def take_terminal_back(self) -> None:
        if self._terminal:
            terminal.give(os.getpgrp())

    def close(self) -> None:
        if self._null is not None:
            os.close(self._null)
            self._null = None
