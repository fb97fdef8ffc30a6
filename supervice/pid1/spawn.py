"""The only module that makes processes.

`posix_spawn` uses vfork: 0.15 ms whatever our own size, and no Python code runs between fork and exec. It can
set neither the working directory nor the umask; a daemon that owns its process (one thread) changes its own
for the moment of the spawn. A user switch, and everything in an embedding application that may have threads,
goes through `subprocess.Popen`, which is imported only then (1.5 MB). What only the child itself can do
(limits, the foreground of a terminal) is done by a fork.
"""

from __future__ import annotations

import errno
import os

from supervice.lean.builtin import signal
from supervice.lean.dataclasses import dataclass
from supervice.pid1.oom_score import OomScore
from supervice.pid1.reaper import collect_unregistered
from supervice.pid1.spawn_errors import NOT_EXECUTABLE, NOT_FOUND, explain, find_program
from supervice.pid1.spawn_errors import SpawnError as SpawnError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supervice.models import Limits
    from supervice.pid1.identity import Identity
    from supervice.pid1.limits import Step

# A program must not inherit that we ignore a signal: Python does with two, an application may with others.
_DEFAULTS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
_REFUSED = (
    "posix_spawn is refused (clone3: Operation not permitted), as by the seccomp profile of an engine that "
    "does not know clone3 (Docker before 20.10.10)"
)
_NO_WAY = (
    "no process can be made here (clone: Operation not permitted); the seccomp profile has to allow clone, "
    "clone3 or vfork"
)


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
    terminal: int | None = None  # makes that group the foreground of this terminal, before the program begins


class Spawner:
    """`exclusive`: this process is ours alone, so that its working directory and umask may be borrowed.

    `expendable`: the kernel takes what is spawned before it takes us.
    """

    def __init__(self, *, exclusive: bool, expendable: bool = False) -> None:
        self.exclusive = exclusive
        self.say: Callable[[str], object] | None = None  # told once what cannot be done here as it should be
        self._oom = OomScore() if expendable else None
        self._must_fork = False  # the quicker way is refused here

    def spawn(self, order: Order) -> int:
        """The pid of the running program; it leads its own process group. SpawnError when it cannot be."""
        try:
            if self._oom is None:
                return self._spawn(order)
            with self._oom:
                return self._spawn(order)
        except (ImportError, MemoryError) as error:  # what is loaded only now; memory may come back
            words = f"{order.argv[0]}: {error or 'out of memory'}"
            number = errno.ENOMEM if isinstance(error, MemoryError) else 0
            raise SpawnError(words, number=number) from None

    def close(self) -> None:
        if self._oom is not None:
            self._oom.close()

    def _spawn(self, order: Order) -> int:
        path = find_program(order.argv[0], order.env, order.directory)
        identity = order.identity
        if identity is not None and _is_us(identity):
            identity = None
        if order.limits is not None and not self.exclusive and _has_threads():
            raise SpawnError(
                "nice, rlimit_*, oom_score_adj, no_new_privs, capabilities and pdeathsig need a fork, which "
                "is not safe in an application with threads; run the program under the supervice daemon",
                permanent=True,
            )
        if order.terminal is not None or order.limits is not None or self._must_fork:
            return _fork(path, order, identity)
        if identity is not None or (
            not self.exclusive and (order.directory is not None or order.umask is not None)
        ):
            with _Unignored(), _Lent(order.extra_fds, exclusive=self.exclusive):
                return _popen(path, order, identity)
        try:
            return self._posix_spawn(path, order)
        except OSError as error:
            if error.errno == errno.EPERM:
                return self._other_way(path, order)
            raise explain(error, path, order.argv, order.env) from None

    def _other_way(self, path: str, order: Order) -> int:
        """EPERM may be about the program (capabilities of its file), or about clone3, which the C library
        uses in posix_spawn and nowhere else: then the other way does it, now and from here on."""
        if not self.exclusive:
            with _Unignored(), _Lent(order.extra_fds, exclusive=False):
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
        raise SpawnError(f"directory {directory}: {error.strerror}") from None


def _must_be_there(directory: str | None) -> None:
    """Said before the fork: what fails behind it cannot be told from a missing program."""
    if directory is not None and not os.path.isdir(directory):
        raise SpawnError(f"directory {directory}: not there, or no directory")


def _is_us(identity: Identity) -> bool:
    if identity.uid != os.geteuid() or identity.gid != os.getegid():
        return False
    return os.geteuid() != 0 or set(identity.groups) <= {*os.getgroups(), identity.gid}


class _Lent:
    """Popen passes a descriptor only under the number that it has here: for the moment of the spawn it gets
    the child's number, and what had that number comes back (epoll does not notice: it is the same open file).

    In a process with threads somebody may use that number meanwhile: there it has to be free.
    """

    def __init__(self, fds: tuple[tuple[int, int], ...], *, exclusive: bool) -> None:
        self._fds = fds
        self.exclusive = exclusive
        self._saved: list[tuple[int, int]] = []

    def __enter__(self) -> None:
        import fcntl

        for ours, number in self._fds:
            try:
                saved = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, ours + 1)
            except OSError:
                saved = -1
            if saved >= 0 and not self.exclusive:
                os.close(saved)
                raise SpawnError(f"descriptor {number} is in use in this application", permanent=True)
            self._saved.append((number, saved))
            os.dup2(ours, number, inheritable=False)

    def __exit__(self, *_: object) -> None:
        for number, saved in self._saved:
            if saved >= 0:
                os.dup2(saved, number, inheritable=False)
                os.close(saved)
            else:
                os.close(number)


class _Unignored:
    """Popen puts back only what Python ignores. What the application ignores has a handler that does nothing
    for the moment of the spawn: such a one becomes the default in the child. (Only the main thread can.)
    """

    def __enter__(self) -> None:
        ignored = (n for n in _DEFAULTS if signal.getsignal(n) == signal.SIG_IGN)
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
            pass_fds=[number for _, number in order.extra_fds],
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
            raise _not_root(identity) from None
        raise explain(error, path, order.argv, order.env) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise explain(error, path, order.argv, order.env) from None
    # The reaper collects it; without this, Popen would warn and keep the pid on a list of its own.
    process.returncode = 0
    return process.pid


def _fork(path: str, order: Order, identity: Identity | None) -> int:
    """For what only the child can do, before the program begins: make itself the foreground of a terminal
    (done from outside, it may read too early and be stopped, and the SIGCONT that would cure it is one that
    the program sees), and take on limits. Nothing else runs in this process, so fork is safe."""
    _must_be_there(order.directory)
    todo = _steps(order, identity)
    read, write = os.pipe2(os.O_CLOEXEC)
    # What comes between fork and exec must not find our handlers, whose wake-up pipe the child shares.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _become(path, order, todo, write)
    except OSError as error:  # no process left for us
        os.close(read)
        if error.errno == errno.EPERM:
            raise SpawnError(_NO_WAY, permanent=True) from None
        raise explain(error, path, order.argv, order.env) from None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(write)
    with open(read, "rb") as answer:
        number, _, option = answer.read().decode().partition(" ")
    if not number:
        return pid
    collect_unregistered(pid)
    failure = OSError(int(number), os.strerror(int(number)))
    if not option:
        raise explain(failure, path, order.argv, order.env)
    if option == "user" and identity is not None and os.geteuid() != 0:
        raise _not_root(identity)
    permanent = int(number) in (errno.EPERM, errno.EACCES, errno.EINVAL)
    raise SpawnError(f"{option}: {failure.strerror}", permanent=permanent, code=NOT_EXECUTABLE)


def _steps(order: Order, identity: Identity | None) -> list[Step]:
    if order.limits is None and identity is None:
        return []
    from supervice.pid1.limits import Impossible, steps

    try:
        return steps(order.limits, identity)
    except Impossible as error:
        raise SpawnError(str(error), permanent=True, code=NOT_EXECUTABLE) from None


def _become(path: str, order: Order, todo: list[Step], write: int) -> None:
    """The forked child's way to its program; never returns."""
    option = ""
    try:
        if order.new_session:
            os.setsid()
        else:
            os.setpgid(0, 0)
        if order.terminal is not None:
            os.tcsetpgrp(order.terminal, os.getpid())  # SIGTTOU is blocked, so it does not stop us
        for signum in _DEFAULTS:
            signal.signal(signum, signal.SIG_DFL)
        for number, fd in enumerate((order.stdin, order.stdout, order.stderr)):
            if fd != number:
                os.dup2(fd, number)
        if order.extra_fds:
            import fcntl

            # what failed is still to be told, whatever number the program wants
            write = fcntl.fcntl(write, fcntl.F_DUPFD_CLOEXEC, 1 + max(max(pair) for pair in order.extra_fds))
            for ours, number in order.extra_fds:
                os.dup2(ours, number)
        if order.umask is not None:
            os.umask(order.umask)
        if order.directory is not None:
            os.chdir(order.directory)
        env = dict(order.env)
        for option, step in todo:  # noqa: B007 (who failed is told below)
            step()
        option = ""
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execve(path, order.argv, env)
    except BaseException as error:
        number = error.errno if isinstance(error, OSError) and error.errno else errno.EIO
        if isinstance(error, MemoryError):
            number = errno.ENOMEM
        elif isinstance(error, ValueError):  # what `resource` makes of EPERM
            number = errno.EPERM
        os.write(write, f"{number} {option}".encode())
    finally:
        os._exit(NOT_FOUND)


def _not_root(identity: Identity) -> SpawnError:
    return SpawnError(
        f"only root may start a program as uid {identity.uid}; we are uid {os.geteuid()}",
        permanent=True,
        code=NOT_EXECUTABLE,
    )


def _has_threads() -> bool:
    return len(os.listdir("/proc/self/task")) > 1
