"""Makes processes by `subprocess.Popen`: in an application, which may have threads.

Loaded with the first of them. `spawn` decides which processes come here, and puts failures into words.
"""

from __future__ import annotations

import os
import subprocess

from supervice.lean.builtin import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Protocol

    from supervice.pid1.identity import Identity

    class Order(Protocol):
        """What a `spawn.Order` says that this way can do."""

        @property
        def argv(self) -> list[str]: ...
        @property
        def env(self) -> Mapping[str, str]: ...
        @property
        def stdin(self) -> int: ...
        @property
        def stdout(self) -> int: ...
        @property
        def stderr(self) -> int: ...
        @property
        def directory(self) -> str | None: ...
        @property
        def umask(self) -> int | None: ...
        @property
        def new_session(self) -> bool: ...
        @property
        def extra_fds(self) -> tuple[tuple[int, int], ...]: ...


class Taken(Exception):
    """The application already uses the number that the child wants for a descriptor."""


def popen(path: str, order: Order, identity: Identity | None, signums: Iterable[int]) -> int:
    """Returns the pid of the process, in which `signums` have their default action.

    Taken, OSError, SubprocessError.
    """
    with _Unignored(signums), _Lent(order.extra_fds):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGCHLD,))  # the child would inherit it blocked
        process = subprocess.Popen(
            order.argv,
            executable=path,
            env=dict(order.env),
            stdin=order.stdin,
            stdout=order.stdout,
            stderr=order.stderr,
            pass_fds=[number for _, number in order.extra_fds],
            cwd=order.directory,
            umask=-1 if order.umask is None else order.umask,
            start_new_session=order.new_session,
            process_group=None if order.new_session else 0,
            user=None if identity is None else identity.uid,
            group=None if identity is None else identity.gid,
            extra_groups=None if identity is None else list(identity.groups),
        )
    # The reaper collects it; otherwise Popen would warn and keep the pid on a list of its own.
    process.returncode = 0
    return process.pid


class _Lent:
    """Lends descriptors the numbers that the child wants, for the moment of the spawn.

    Popen passes a descriptor only under its number here, so that number has to be free: what has it may be
    used by another thread meanwhile.
    """

    def __init__(self, fds: tuple[tuple[int, int], ...]) -> None:
        self._fds = fds
        self._lent: list[int] = []

    def __enter__(self) -> None:
        try:
            for ours, number in self._fds:
                self._lend(ours, number)
        except BaseException:
            self.__exit__()
            raise

    def _lend(self, ours: int, number: int) -> None:
        try:
            os.fstat(number)
        except OSError:
            os.dup2(ours, number, inheritable=False)
            self._lent.append(number)
        else:
            raise Taken(f"descriptor {number} is in use in this application")

    def __exit__(self, *_: object) -> None:
        for number in self._lent:
            os.close(number)


class _Unignored:
    """Gives ignored signals a handler that does nothing, for the moment of the spawn.

    Popen resets only what Python ignores; a handled signal becomes the default in the child. (Only the main
    thread can do this.)
    """

    def __init__(self, signums: Iterable[int]) -> None:
        self._signums = signums

    def __enter__(self) -> None:
        ignored = (n for n in self._signums if signal.getsignal(n) == signal.SIG_IGN)
        self._ignored = [n for n in ignored if n not in (signal.SIGPIPE, signal.SIGXFSZ)]
        self._set(lambda *_: None)

    def __exit__(self, *_: object) -> None:
        self._set(signal.SIG_IGN)

    def _set(self, handler: Callable[..., object] | signal.Handlers) -> None:
        try:
            for signum in self._ignored:
                signal.signal(signum, handler)
        except ValueError:
            pass  # not the main thread
