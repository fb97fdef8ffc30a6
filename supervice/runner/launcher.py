"""What a program is started with: its words, its environment, its user, its descriptors.

Shared by all processes of a supervisor. Everything is looked up anew at each start, so that a user, a binary
or a directory that appears later is found by the retry.
"""

from __future__ import annotations

import os

from supervice.config.quoting import split_command
from supervice.lean.dataclasses import replace
from supervice.models import group_of, member_of
from supervice.pid1 import terminal
from supervice.pid1.identity import resolve
from supervice.pid1.signals import signal_process
from supervice.pid1.spawn import Order, SpawnError
from supervice.runner import environment as variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from supervice.models import ProgramConfig
    from supervice.notify.server import NotifySocket
    from supervice.output.router import OutputRouter
    from supervice.pid1.identity import Identity
    from supervice.pid1.runtime import Runtime

    class Input(Protocol):
        """A standard input: `open` for each start, `opened` once the child has it or was not started."""

        def open(self) -> int: ...
        def opened(self) -> None: ...


KILL = 9
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
        env_file: tuple[str, ...] = (),
        *,
        is_closed: bool = True,
    ) -> None:
        """`directory`: where programs start that name none; by default where we are. `environment` and
        `env_file` are for all programs. `is_closed`: somebody will call `close`."""
        self._is_closed = is_closed
        self.runtime = runtime
        self.outputs = outputs
        self.environment = dict(environment or {})
        self.server_url: str | None = None  # where our own HTTP server listens
        self.inputs: dict[str, Input] = {}  # of processes whose standard input is not /dev/null
        self._directory = directory
        self.env_file = env_file
        # By process: what its files said at its last start; None where they could not be read.
        self._marks: dict[str, int | None] = {}
        # Whom we have switched to ourselves; it counts for programs that name no user.
        self.own_identity: Identity | None = None
        self._passed: dict[tuple[str, ...] | None, dict[str, str]] = {}
        self._null: int | None = None
        self._notify: NotifySocket | None = None
        self._terminal = False
        self.helpers: set[int] = set()  # processes of our own that are no programs
        if outputs is not None:
            outputs.start_helper = self.start_helper

    @property
    def null(self) -> int:
        """Our descriptor of /dev/null, for the standard input of programs."""
        if self._null is None:
            self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        return self._null

    def notify_socket(self) -> NotifySocket:
        """Where programs say that they are ready; opened when the first one needs it."""
        if self._notify is None:
            from supervice.notify.server import NotifySocket, places

            # A launcher that nobody closes must not leave a file behind.
            self._notify = NotifySocket(self.runtime.loop, places(os.environ) if self._is_closed else ())
        return self._notify

    def release_notify_socket(self) -> None:
        """A program needs it no more; a launcher that nobody closes keeps it only while somebody does."""
        if self._notify is not None and not self._is_closed and self._notify.is_idle:
            self._notify.close()
            self._notify = None

    def order(
        self,
        config: ProgramConfig,
        argv: list[str],
        stdin: int,
        stdout: int,
        stderr: int,
        *,
        remember: bool = False,
    ) -> Order:
        """SpawnError when the user does not exist, which does not heal by itself, or a file of the
        environment, which may. `remember`: this is a start of the program itself, see `is_stale`."""
        identity: Identity | None = None
        if config.user is not None:
            try:
                identity = resolve(config.user)
            except LookupError as error:
                raise SpawnError(str(error), permanent=True) from None
        try:
            env, mark = self._environ(config, identity)
        except variables.Unusable as error:
            if remember:
                self._marks[config.name] = None
            raise SpawnError(str(error)) from None
        if remember and mark is not None:
            self._marks[config.name] = mark
        return Order(
            argv=argv,
            env=env,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            directory=config.directory or self._directory,
            umask=config.umask,
            identity=identity,
            limits=config.limits,
        )

    def is_stale(self, config: ProgramConfig) -> bool:
        """Whether its files would give the program another environment than at its last start.

        A file that cannot be read says nothing: a program that runs is not replaced by one that cannot start.
        """
        if config.name not in self._marks:
            return False
        try:
            return self._environ(config, None)[1] != self._marks[config.name]
        except variables.Unusable:
            return False

    def forget(self, name: str) -> None:
        """Until its next start the process has no files that could change."""
        self._marks.pop(name, None)

    def _environ(self, config: ProgramConfig, identity: Identity | None) -> tuple[dict[str, str], int | None]:
        """The environment, and what tells whether its part from files has changed; None without files."""
        env = self._passed_on(config.pass_environment)
        identity = identity or self.own_identity
        if identity is not None:
            env["HOME"] = identity.home
            for name in ("USER", "LOGNAME"):
                if identity.name:
                    env[name] = identity.name
                else:
                    env.pop(name, None)
        env["SUPERVISOR_ENABLED"] = "1"
        env["SUPERVISOR_PROCESS_NAME"] = member_of(config)
        env["SUPERVISOR_GROUP_NAME"] = group_of(config)
        server_url = config.serverurl or self.server_url
        if server_url:
            env["SUPERVISOR_SERVER_URL"] = server_url
        if not (self.env_file or config.env_file or config.secrets):
            env.update(self.environment)
            env.update(config.environment)
            return env, None
        shared = variables.from_files(self.env_file)
        own = variables.from_files(config.env_file)
        secrets = variables.from_secrets(config.secrets)
        for layer in (shared, self.environment, own, config.environment, secrets):
            env.update(layer)
        return env, variables.fingerprint({name: env[name] for name in {**shared, **own, **secrets}})

    def _passed_on(self, patterns: tuple[str, ...] | None) -> dict[str, str]:
        """What a program gets of our own environment. That of the daemon does not change while it runs, and
        decoding it at each start was a tenth of a respawn."""
        patterns = None if patterns is None else tuple(patterns)
        passed = self._passed.get(patterns)
        if passed is None:
            passed = variables.passing(os.environ, patterns)
            for name in _NOT_PASSED_ON:
                passed.pop(name, None)
            if self.runtime.spawner.exclusive:
                self._passed[patterns] = passed
        return dict(passed)

    def spawn(
        self,
        config: ProgramConfig,
        stdout: int,
        stderr: int,
        variables: dict[str, str] | None = None,
        fds: tuple[tuple[int, int], ...] = (),
    ) -> int:
        """The pid of the started program. `variables` and `fds` (ours, its number there): for this run.

        SpawnError with the reason in words.
        """
        try:
            argv = split_command(config.command)
        except ValueError as error:
            raise SpawnError(f"the command cannot be read: {error}", permanent=True) from None
        given = self.inputs.get(config.name)
        stdin = self.null if given is None else given.open()
        try:
            order = self.order(config, argv, stdin, stdout, stderr, remember=True)
            if variables or fds:
                order = replace(order, env={**order.env, **(variables or {})}, extra_fds=fds)
            return self.runtime.spawner.spawn(order)
        finally:
            if given is not None:
                given.opened()

    def spawn_foreground(self, config: ProgramConfig, argv: list[str]) -> int:
        """The same for the container's own command: it has our standard streams and our terminal."""
        self._terminal = self._terminal or terminal.foreground_terminal()
        order = self.order(config, argv, 0, 1, 2, remember=True)
        if self._terminal:
            order = replace(order, new_session=False, terminal=0)
        return self.runtime.spawner.spawn(order)

    def start_helper(
        self, argv: list[str], stdin: int, stdout: int, ended: Callable[[int], object]
    ) -> Callable[[], object]:
        """Starts a process of our own that is no program; returns what kills it. OSError."""
        try:
            pid = self.runtime.spawner.spawn(Order(argv, dict(os.environ), stdin, stdout, self.null))
        except SpawnError as error:
            raise OSError(str(error)) from None
        self.helpers.add(pid)

        def reaped(status: int) -> None:
            self.helpers.discard(pid)
            ended(status)

        self.runtime.reaper.register(pid, reaped)
        return lambda: pid in self.helpers and signal_process(pid, KILL)

    def take_terminal_back(self) -> None:
        if self._terminal:
            terminal.give(os.getpgrp())

    def close(self) -> None:
        if self._notify is not None:
            self._notify.close()
            self._notify = None
        if self._null is not None:
            os.close(self._null)
            self._null = None
