"""The only module that makes processes.

`posix_spawn` uses vfork: 0.15 ms whatever our own size, and no Python code runs between fork and exec. It can
set neither the working directory nor the umask; a daemon that owns its process (one thread) changes its own
for the moment of the spawn. A user switch, and everything in an embedding application that may have threads,
goes through `subprocess.Popen`, which is imported only then (1.5 MB).
"""

from __future__ import annotations

import errno
import os
import signal

from supervice.lean import dataclass
from supervice.pid1.reaper import collect_unregistered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervice.pid1.identity import Identity

# Python ignores these two; a program must not inherit that.
_DEFAULTS = (signal.SIGPIPE, signal.SIGXFSZ)
# A user that cannot be switched to will not become possible by trying again.
_PERMANENT = frozenset({errno.EPERM})

NOT_FOUND = 127
NOT_EXECUTABLE = 126


class SpawnError(Exception):
    """A process could not be started. `code` is what a shell would exit with: 127, 126 or 1."""

    def __init__(self, message: str, *, permanent: bool = False, code: int = 1) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.code = code


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
    new_session: bool = True  # else a process group of its own in our session
    terminal: int | None = None  # makes that group the foreground of this terminal, before the program begins


class Spawner:
    """`exclusive`: this process is ours alone, so that its working directory and umask may be borrowed."""

    def __init__(self, *, exclusive: bool) -> None:
        self.exclusive = exclusive

    def spawn(self, order: Order) -> int:
        """The pid of the running program; it leads its own process group. SpawnError when it cannot be."""
        path = find_program(order.argv[0], order.env, order.directory)
        if order.terminal is not None:
            return _fork_foreground(path, order)
        identity = order.identity
        if identity is not None and _is_us(identity):
            identity = None
        if identity is not None or (
            not self.exclusive and (order.directory is not None or order.umask is not None)
        ):
            return _popen(path, order, identity)
        try:
            return self._posix_spawn(path, order)
        except OSError as error:
            raise explain(error, path) from None

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
        raise SpawnError(f"directory {directory}: {error.strerror}") from None


def _must_be_there(directory: str | None) -> None:
    """Said before the fork: what fails behind it cannot be told from a missing program."""
    if directory is not None and not os.path.isdir(directory):
        raise SpawnError(f"directory {directory}: not there, or no directory")


def _is_us(identity: Identity) -> bool:
    if identity.uid != os.geteuid() or identity.gid != os.getegid():
        return False
    return os.geteuid() != 0 or set(identity.groups) <= {*os.getgroups(), identity.gid}


def _popen(path: str, order: Order, identity: Identity | None) -> int:
    import subprocess

    _must_be_there(order.directory)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGCHLD,))  # the child would inherit it blocked
    try:
        process = subprocess.Popen(
            order.argv,
            executable=path,
            env=dict(order.env),
            stdin=order.stdin,
            stdout=order.stdout,
            stderr=order.stderr,
            cwd=order.directory,
            umask=-1 if order.umask is None else order.umask,
            start_new_session=order.new_session,
            process_group=None if order.new_session else 0,
            user=None if identity is None else identity.uid,
            group=None if identity is None else identity.gid,
            extra_groups=None if identity is None else list(identity.groups),
        )
    except PermissionError as error:
        if identity is not None and os.geteuid() != 0:
            raise SpawnError(
                f"only root may start a program as uid {identity.uid}; we are uid {os.geteuid()}",
                permanent=True,
                code=NOT_EXECUTABLE,
            ) from None
        raise explain(error, path) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise explain(error, path) from None
    # The reaper collects it; without this, Popen would warn and keep the pid on a list of its own.
    process.returncode = 0
    return process.pid


def _fork_foreground(path: str, order: Order) -> int:
    """Only a child can make itself the foreground without a race: done from outside, it may read too early
    and be stopped, and the SIGCONT that would cure it is one that the program sees. Nothing else runs in
    this process, so fork is safe."""
    _must_be_there(order.directory)
    read, write = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
            os.tcsetpgrp(order.terminal or 0, os.getpid())
            for signum in _DEFAULTS:
                signal.signal(signum, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            for number, fd in enumerate((order.stdin, order.stdout, order.stderr)):
                if fd != number:
                    os.dup2(fd, number)
            if order.umask is not None:
                os.umask(order.umask)
            if order.directory is not None:
                os.chdir(order.directory)
            os.execve(path, order.argv, dict(order.env))
        except BaseException as error:
            number = error.errno if isinstance(error, OSError) and error.errno else errno.EIO
            os.write(write, str(number).encode())
        finally:
            os._exit(NOT_FOUND)
    os.close(write)
    with open(read, "rb") as answer:
        failed = answer.read()
    if failed:
        collect_unregistered(pid)
        raise explain(OSError(int(failed), os.strerror(int(failed))), path)
    return pid


def find_program(name: str, env: Mapping[str, str], directory: str | None) -> str:
    """Where the program is, searched in the program's own PATH, as a shell in its directory would."""
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


def explain(error: Exception, path: str) -> SpawnError:
    """The reason in words, with the exit code that a shell would give it."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOENT:
        if os.path.exists(path):
            return SpawnError(
                f"{path}: its interpreter (the #! line, or the loader) is missing", code=NOT_FOUND
            )
        return SpawnError(f"command {path} not found", code=NOT_FOUND)
    if number == errno.ENOTDIR:
        return SpawnError(f"command {path} not found", code=NOT_FOUND)
    if number == errno.EACCES:
        return SpawnError(f"{path} is not executable (permission denied)", code=NOT_EXECUTABLE)
    if number == errno.ENOEXEC:
        return SpawnError(
            f"{path} is no program for this machine (a script needs a #! line)", code=NOT_EXECUTABLE
        )
    words = os.strerror(number) if number is not None else str(error)
    return SpawnError(f"{path}: {words}", permanent=number in _PERMANENT, code=NOT_EXECUTABLE)
