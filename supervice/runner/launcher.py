"""Decides what a program is started with: arguments, environment, user, descriptors.

All processes of a supervisor share one `Launcher`. It looks everything up at each start, so a retry finds a
user, a binary or a directory that has appeared since.
"""

from __future__ import annotations

import os

from supervice.config.quoting import split_command
from supervice.lean.builtin import signal
from supervice.lean.dataclasses import replace
from supervice.models import group_of, member_of
from supervice.pid1 import terminal
from supervice.pid1.identity import give_pipes, resolve
from supervice.pid1.signals import signal_process
from supervice.pid1.spawn import Order, SpawnError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    from supervice.checks.readiness import Begin
    from supervice.models import ProgramConfig
    from supervice.notify.server import NotifySocket
    from supervice.output.router import OutputRouter
    from supervice.pid1.identity import Identity
    from supervice.pid1.mounts import Mounts
    from supervice.pid1.runtime import Runtime
    from supervice.runner.memory_limit import Turns
    from supervice.runner.obstacle import Obstacle, Question
    from supervice.runner.program_input import ProgramInput
    from supervice.runner.socket_activation import Sockets

    class Input(Protocol):
        """A standard input: `open` for each start, `opened` when the child has it or could not be started."""

        def open(self) -> int: ...
        def opened(self) -> None: ...
        def question(self) -> Question | None: ...


# Variables for supervice itself, from the manager that started it (a program that used them would speak in
# our name) and from the operator.
_NOT_PASSED_ON = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "SUPERVICE_HTTP_PASSWORD")


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
        """`directory`: where programs start that set none; None: the current one.

        `environment` and `env_file` apply to all programs. `is_closed`: the owner calls `close`.
        """
        self._is_closed = is_closed
        self.runtime = runtime
        self.outputs = outputs
        self.environment = dict(environment or {})
        self.server_url: str | None = None  # the URL of our own HTTP server
        self.inputs: dict[str, Input] = {}  # by process; for all others a pipe or /dev/null
        self.pipes: dict[str, ProgramInput] = {}  # by process with `stdin = pipe` that has run
        self.sockets: Sockets | None = None  # of programs with `listen`
        self.turns: Turns | None = None  # of programs with `rolling` and `memory_limit`
        self._directory = directory
        self.env_file = env_file
        # By process: the fingerprint of its files at its last start; None when they could not be read.
        self.marks: dict[str, int | None] = {}
        # The user that the daemon itself has switched to; programs without a user run as it too.
        self.own_identity: Identity | None = None
        self._passed: dict[tuple[str, ...] | None, dict[str, str]] = {}
        self._null: int | None = None
        self._mounts: Mounts | None = None
        self._unanswered: frozenset[str] = frozenset()  # programs whose files lie where nothing answers
        self._notify: NotifySocket | None = None
        self._terminal = False
        self.helpers: set[int] = set()  # pids of our own processes that are no programs
        if outputs is not None:
            outputs.start_helper = self.start_helper

    @property
    def null(self) -> int:
        """Our descriptor of /dev/null, the standard input of programs."""
        if self._null is None:
            self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        return self._null

    def obstacle(self, config: ProgramConfig, over: Callable[[str], object]) -> Obstacle | None:
        """Returns what a start of the program must wait for, a mount or a name server; None: nothing."""
        given = self.inputs.get(config.name)
        questions = [] if given is None else [given.question()]
        if config.listen is not None and self.sockets is not None:
            questions.append(self.sockets.question(config))
        mounts = self._foreign_mounts()
        if mounts is not None:
            from supervice.runner.obstacle import path_of, question_of_mounts

            path = path_of((config.environment, self.environment, os.environ))
            questions.append(
                question_of_mounts(self.runtime, self.helpers, mounts, config, self._directory, path)
            )
        asked = [question for question in questions if question is not None]
        if not asked:
            return None
        from supervice.runner.obstacle import Obstacle

        return Obstacle(self.runtime.loop, config.name, asked, over)

    def beside(self, path: str) -> Begin | None:
        """Returns what looks at `path` without waiting for its mount; None if the kernel answers."""
        mounts = self._foreign_mounts()
        if mounts is None or not mounts.silent(path):
            return None
        from supervice.pid1.forked_call import ForkedCall

        return lambda ask, answered: ForkedCall(self.runtime, self.helpers, ask, answered).cancel

    def _foreign_mounts(self) -> Mounts | None:
        """Returns the mounts; None when all are the kernel's own, and in an application with threads."""
        if not self.runtime.spawner.exclusive:
            return None
        if self._mounts is None:
            from supervice.pid1.mounts import Mounts

            self._mounts = Mounts()
        return self._mounts if self._mounts.any() else None

    def notify_socket(self) -> NotifySocket:
        """Returns the socket for notifications of programs; opens it for the first that needs it."""
        if self._notify is None:
            from supervice.notify.server import NotifySocket, places

            # A launcher that is never closed must not leave a file behind.
            self._notify = NotifySocket(self.runtime.loop, places(os.environ) if self._is_closed else ())
        return self._notify

    def notify_variables(self, config: ProgramConfig) -> dict[str, str]:
        """Returns the variables that tell a program where to send notifications; none if it sends none."""
        if config.ready != "notify" and not config.watchdog:
            return {}
        env = {"NOTIFY_SOCKET": self.notify_socket().address}
        if config.watchdog:
            env["WATCHDOG_USEC"] = str(int(config.watchdog * 1_000_000))
        return env

    def release_notify_socket(self) -> None:
        """Closes the socket with its last user, in a launcher whose owner never closes it."""
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
        """Returns what the spawner needs.

        SpawnError: permanent when the user does not exist, transient when a file of the environment cannot be
        used. `remember`: this is a start of the program itself, see `is_stale`.
        """
        identity: Identity | None = None
        if config.user is not None:
            try:
                identity = resolve(config.user)
            except LookupError as error:
                raise SpawnError(str(error), permanent=True) from None
        try:
            env, mark = self._environ(config, identity)
        except SpawnError:
            if remember:
                self.marks[config.name] = None
            raise
        if remember and mark is not None:
            self.marks[config.name] = mark
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
        """Returns whether its files would give the program another environment than at its last start.

        False when a file cannot be read: a running program is not replaced by one that cannot start.
        """
        if config.name not in self.marks or config.name in self._unanswered:
            return False
        try:
            return self._environ(config, None)[1] != self.marks[config.name]
        except SpawnError:
            return False

    async def ask_files(self, configs: Iterable[ProgramConfig]) -> None:
        """Finds out whose files do not answer at all; `is_stale` skips those."""
        mounts = self._foreign_mounts()
        self._unanswered = frozenset()
        if mounts is not None:
            from supervice.runner.obstacle import unanswered

            files = {c.name: (*self.env_file, *c.env_file, *c.secrets.values()) for c in configs}
            self._unanswered = await unanswered(self.runtime, self.helpers, mounts, files)

    def is_unanswered(self, name: str) -> bool:
        """Returns whether the files of the process did not answer when `ask_files` asked."""
        return name in self._unanswered

    def forget(self, name: str) -> None:
        """Forgets the files of the process: it is not stale until it has started again."""
        self.marks.pop(name, None)
        if name in self.pipes:
            self.pipes.pop(name).end()

    def _environ(self, config: ProgramConfig, identity: Identity | None) -> tuple[dict[str, str], int | None]:
        """Returns the environment, and a fingerprint of its part from files or None. SpawnError."""
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
        from supervice.runner.environment import add_layers

        return env, add_layers(env, config, (self.env_file, self.environment), self._reader(config))

    def _reader(self, config: ProgramConfig) -> Identity | None:
        """Returns whose rights open the program's files when ours are too many: root's daemon can switch."""
        if config.user is None or os.geteuid() or not self.runtime.spawner.exclusive:
            return None
        try:
            return resolve(config.user)
        except LookupError:
            return None

    def _passed_on(self, patterns: tuple[str, ...] | None) -> dict[str, str]:
        """Returns the part of our own environment that a program inherits.

        It is cached: the daemon's environment does not change while it runs, and decoding it took a tenth of
        a respawn.
        """
        patterns = None if patterns is None else tuple(patterns)
        passed = self._passed.get(patterns)
        if passed is None:
            passed = dict(os.environ)
            if patterns is not None:
                from supervice.runner.environment import passing

                passed = passing(passed, patterns)
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
        """Starts the program and returns its pid. SpawnError with the reason in words.

        `variables` and `fds` (ours, number in the child) apply to this run.
        """
        try:
            argv = split_command(config.command)
        except ValueError as error:
            raise SpawnError(f"the command {error}", permanent=True) from None
        given = self.inputs.get(config.name)
        if given is None and config.stdin == "pipe":
            given = self._pipe(config.name)
        stdin = self.null if given is None else given.open()
        try:
            order = self.order(config, argv, stdin, stdout, stderr, remember=True)
            if order.identity is not None:
                give_pipes(order.identity, stdout, stderr)
            if variables or fds:
                order = replace(order, env={**order.env, **(variables or {})}, extra_fds=fds)
            if config.listen is not None:
                from supervice.runner.socket_activation import with_sockets

                order = with_sockets(order, config.listen, self.sockets, config)
            return self.runtime.spawner.spawn(order)
        except BaseException:
            self.ended(config, False)
            raise
        finally:
            if given is not None:
                given.opened()

    def _pipe(self, name: str) -> Input:
        if name not in self.pipes:
            from supervice.runner.program_input import ProgramInput

            self.pipes[name] = ProgramInput(self.runtime.loop)
        return self.pipes[name]

    def ended(self, config: ProgramConfig, foreground: bool) -> None:
        """Takes back what a run had of us, at its end."""
        if config.name in self.pipes:
            self.pipes[config.name].end()
        if foreground and self._terminal:
            terminal.give(os.getpgrp())

    def spawn_foreground(self, config: ProgramConfig, argv: list[str]) -> int:
        """Starts the foreground command, which has our standard streams and our terminal; returns its pid."""
        self._terminal = self._terminal or terminal.foreground_terminal()
        order = self.order(config, argv, 0, 1, 2, remember=True)
        if self._terminal:
            order = replace(order, new_session=False, terminal=0)
        return self.runtime.spawner.spawn(order)

    def start_helper(
        self, argv: list[str], stdin: int, stdout: int, ended: Callable[[int], object]
    ) -> Callable[[], object]:
        """Starts a process of our own that is no program; returns a function that kills it. OSError."""
        try:
            pid = self.runtime.spawner.spawn(Order(argv, dict(os.environ), stdin, stdout, self.null))
        except SpawnError as error:
            raise OSError(str(error)) from None
        self.helpers.add(pid)

        def reaped(status: int) -> None:
            self.helpers.discard(pid)
            ended(status)

        self.runtime.reaper.register(pid, reaped)
        return lambda: pid in self.helpers and signal_process(pid, signal.SIGKILL)

    def close(self) -> None:
        for pipe in self.pipes.values():
            pipe.end()
        if self._notify is not None:
            self._notify.close()
            self._notify = None
        if self._null is not None:
            os.close(self._null)
            self._null = None
        if self._mounts is not None:
            self._mounts.close()
