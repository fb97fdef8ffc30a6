"""Makes processes; `fork` and `popen` make those that `posix_spawn` cannot make.

`posix_spawn` uses vfork: 0.15 ms whatever our own size, and no Python code runs between fork and exec. It can
set neither the working directory nor the umask; a daemon that owns its process (one thread) changes its own
for the moment of the spawn. What only the child itself can do (a switch of user, limits, the foreground of a
terminal) takes a fork, and so does everything when posix_spawn is refused. An embedding application may have
threads: there these go through `subprocess.Popen`, which is imported only then (2.2 MB).
"""

from __future__ import annotations

import errno
import os

from supervice.lean.builtin import signal
from supervice.lean.dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supervice.models import Limits
    from supervice.pid1.identity import Identity
    from supervice.pid1.limits import Step
    from supervice.pid1.oom_score import OomScore

# A program must not inherit ignored signals: Python ignores two, an application may ignore others.
_DEFAULTS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
_REFUSED = (
    "posix_spawn is refused (clone3: Operation not permitted), as by the seccomp profile of an engine that "
    "does not know clone3 (Docker before 20.10.10)"
)
_NO_WAY = (
    "no process can be made here (clone: Operation not permitted); the seccomp profile has to allow clone, "
    "clone3 or vfork"
)


NOT_FOUND = 127
NOT_EXECUTABLE = 126


class SpawnError(Exception):
    """A process could not be started. `code` is a shell's exit code for it: 127, 126 or 1.

    `permanent`: trying again does not help. `errno`: set when the reason says nothing about the program.
    """

    def __init__(self, message: str, permanent: bool = False, code: int = 1, errno: int = 0) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.code = code
        self.errno = errno


@dataclass(frozen=True)
class Order:
    """What to start. Descriptors are ours and stay open here; the child gets them as 0, 1 and 2."""

    argv: list[str]
    env: Mapping[str, str]
    stdin: int
    stdout: int
    stderr: int
    directory: str | None = None
    umask: int | None = None
    identity: Identity | None = None
    limits: Limits | None = None  # makes the child fork, which takes about a millisecond longer
    new_session: bool = True  # else a process group of its own in our session
    extra_fds: tuple[tuple[int, int], ...] = ()  # (ours, its number there); ours are above all
    pid_variable: str = ""  # a variable with the pid of the process itself; makes the child fork, too
    terminal: int | None = None  # makes that group the foreground of this terminal, before the program begins


class Spawner:
    """Makes processes.

    `exclusive`: this process is ours alone, so its working directory and umask may be borrowed. `expendable`:
    out of memory, the kernel kills the children before us.
    """

    def __init__(self, *, exclusive: bool, expendable: bool = False) -> None:
        self.exclusive = exclusive
        self.say: Callable[[str], object] | None = None  # told once what cannot be done here as it should be
        self._oom: OomScore | None = None
        if expendable:
            from supervice.pid1.oom_score import OomScore

            self._oom = OomScore()
        self._must_fork = False  # the quicker way is refused here

    def spawn(self, order: Order) -> int:
        """Returns the pid of the running program, which leads its own process group. SpawnError."""
        try:
            if self._oom is None:
                return self._spawn(order)
            with self._oom:
                return self._spawn(order)
        except (ImportError, MemoryError) as error:  # what is loaded only now; memory may come back
            words = f"{order.argv[0]}: {error or 'out of memory'}"
            number = errno.ENOMEM if isinstance(error, MemoryError) else 0
            raise SpawnError(words, errno=number) from None

    @property
    def oom_score_adj(self) -> int | None:
        """The score of spawned processes; None: the same as ours."""
        return None if self._oom is None else self._oom.theirs

    def close(self) -> None:
        if self._oom is not None:
            self._oom.close()

    def _spawn(self, order: Order) -> int:
        path = find_program(order.argv[0], order.env, order.directory)
        identity = order.identity
        if identity is not None and _is_us(identity):
            identity = None
        if (order.limits is not None or order.pid_variable) and not self.exclusive and _has_threads():
            raise SpawnError(
                "nice, rlimit_*, oom_score_adj, no_new_privs, capabilities, pdeathsig and listen need a "
                "fork, which is not safe in an application with threads; run the program under the daemon",
                permanent=True,
            )
        if order.terminal is not None or order.limits is not None or order.pid_variable or self._must_fork:
            return _fork(path, order, identity)
        if self.exclusive:
            if identity is not None:
                return _fork(path, order, identity)
        elif identity is not None or order.directory is not None or order.umask is not None:
            return _popen(path, order, identity)
        try:
            return self._posix_spawn(path, order)
        except OSError as error:
            if error.errno == errno.EPERM:
                return self._other_way(path, order)
            raise _explained(error, path, order) from None

    def _other_way(self, path: str, order: Order) -> int:
        """Spawns by a fork, from now on, when clone3 is refused.

        EPERM may be about the program (capabilities of its file), or about clone3, which the C library uses
        in posix_spawn and nowhere else.
        """
        if not self.exclusive:
            return _popen(path, order, None)
        pid = _fork(path, order, None)
        self._must_fork = True
        if self.say is not None:
            self.say(f"{_REFUSED}; processes are made by fork instead, which takes longer")
        return pid

    def _posix_spawn(self, path: str, order: Order) -> int:
        back: int | None = None
        umask: int | None = None
        try:
            if order.directory is not None:
                back = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                _enter(order.directory)
            if order.umask is not None:
                umask = os.umask(order.umask)
            group: dict[str, object] = {"setsid": True} if order.new_session else {"setpgroup": 0}
            return os.posix_spawn(
                path,
                order.argv,
                order.env,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, order.stdin, 0),
                    (os.POSIX_SPAWN_DUP2, order.stdout, 1),
                    (os.POSIX_SPAWN_DUP2, order.stderr, 2),
                    *((os.POSIX_SPAWN_DUP2, ours, number) for ours, number in order.extra_fds),
                ],
                setsigmask=(),
                setsigdef=_DEFAULTS,
                **group,  # type: ignore[arg-type]
            )
        finally:
            if umask is not None:
                os.umask(umask)
            if back is not None:
                os.fchdir(back)
                os.close(back)


def _enter(directory: str) -> None:
    try:
        os.chdir(directory)
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            raise SpawnError(_no_directory(directory)) from None
        raise SpawnError(f"directory {directory}: {error.strerror}") from None


def _no_directory(directory: str) -> str:
    what = "is no directory" if os.path.lexists(directory) else "does not exist"
    return f"directory {directory} {what}"


def _must_be_there(directory: str | None) -> None:
    """Raises for a missing directory before the fork: after it, that looks like a missing program."""
    if directory is not None and not os.path.isdir(directory):
        raise SpawnError(_no_directory(directory))


def _is_us(identity: Identity) -> bool:
    if identity.uid != os.geteuid() or identity.gid != os.getegid():
        return False
    return os.geteuid() != 0 or set(identity.groups) <= {*os.getgroups(), identity.gid}


def _popen(path: str, order: Order, identity: Identity | None) -> int:
    import subprocess

    from supervice.pid1.popen import Taken, popen

    _must_be_there(order.directory)
    try:
        return popen(path, order, identity, _DEFAULTS)
    except Taken as error:
        raise SpawnError(str(error), permanent=True) from None
    except PermissionError as error:
        if identity is not None and os.geteuid() != 0:
            raise _not_root(identity) from None
        raise _explained(error, path, order) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise _explained(error, path, order) from None


def _fork(path: str, order: Order, identity: Identity | None) -> int:
    from supervice.pid1.fork import Failed, Held, fork

    _must_be_there(order.directory)
    try:
        return fork(path, order, _steps(order, identity), _DEFAULTS)
    except Held as error:
        raise SpawnError(f"{path}: {error}; it is tried again", errno=errno.EAGAIN) from None
    except Failed as error:
        failure = OSError(error.number, os.strerror(error.number))
        if not error.option:
            raise _explained(failure, path, order) from None
        if error.option == "user" and identity is not None and os.geteuid() != 0:
            raise _not_root(identity) from None
        permanent = error.number in (errno.EPERM, errno.EACCES, errno.EINVAL)
        raise SpawnError(
            f"{error.option}: {failure.strerror}", permanent=permanent, code=NOT_EXECUTABLE
        ) from None
    except OSError as error:  # no process left for us
        if error.errno == errno.EPERM:
            raise SpawnError(_NO_WAY, permanent=True) from None
        raise _explained(error, path, order) from None


def _steps(order: Order, identity: Identity | None) -> list[Step]:
    if order.limits is None and identity is None:
        return []
    from supervice.pid1.limits import Impossible, steps

    try:
        return steps(order.limits, identity)
    except Impossible as error:
        raise SpawnError(str(error), permanent=True, code=NOT_EXECUTABLE) from None


def _not_root(identity: Identity) -> SpawnError:
    return SpawnError(
        f"only root may start a program as uid {identity.uid}; we are uid {os.geteuid()}",
        permanent=True,
        code=NOT_EXECUTABLE,
    )


def _has_threads() -> bool:
    return len(os.listdir("/proc/self/task")) > 1


def _explained(error: Exception, path: str, order: Order) -> SpawnError:
    from supervice.pid1.spawn_errors import explain

    return SpawnError(*explain(error, path, order.argv, order.env))


def find_program(name: str, env: Mapping[str, str], directory: str | None) -> str:
    """Returns the path of the program, searched in its own PATH, as a shell in its directory would."""
    if "/" in name:
        return name
    seen_not_executable = ""
    search = env.get("PATH", os.defpath)
    for place in search.split(":"):
        path = os.path.join(place, name) if place else name
        looked = path if directory is None or path.startswith("/") else os.path.join(directory, path)
        if os.access(looked, os.X_OK) and not os.path.isdir(looked):
            return path if "/" in path else f"./{path}"
        if not seen_not_executable and os.path.isfile(looked):
            seen_not_executable = path
    if seen_not_executable:
        raise SpawnError(f"{seen_not_executable} is not executable", code=NOT_EXECUTABLE)
    raise SpawnError(f"command {name!r} not found in PATH", code=NOT_FOUND)
