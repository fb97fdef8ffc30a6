"""Makes processes by a fork, for what only the child can do before exec; loaded with the first of them.

`spawn` decides which processes come here, and puts failures into words. Between fork and exec the child may
already be another user's, whose processes can stop it, or make its exec wait: it is not waited for then.
"""

from __future__ import annotations

import errno
import os
import select

from supervice.lean.builtin import signal
from supervice.pid1.leftovers import read_stat
from supervice.pid1.reaper import collect_unregistered
from supervice.pid1.signals import signal_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from supervice.pid1 import popen
    from supervice.pid1.limits import Step

    class Order(popen.Order, Protocol):
        """What a `spawn.Order` says that is not among the steps."""

        @property
        def pid_variable(self) -> str: ...
        @property
        def terminal(self) -> int | None: ...


NOT_FOUND = 127
# Milliseconds between two looks at a child that takes its time, and how many in a row may find it asleep: a
# lease on the file makes exec wait up to 45 s (fs.lease-break-time), a slow FUSE mount for a moment.
LOOK = 20
ASLEEP = 100
_LEASE = "lease"


class Failed(Exception):
    """The child could not become the program: an errno, and the option that it is about, if any."""

    def __init__(self, number: int, option: str) -> None:
        super().__init__(number, option)
        self.number = number
        self.option = option


class Held(Exception):
    """Another process held up the child, in words."""


def fork(path: str, order: Order, todo: list[Step], signums: Iterable[int]) -> int:
    """Returns the pid of the program; its child has taken the steps, and `signums` have their default action.

    The child makes itself the foreground of a terminal (from outside the command might read too early and be
    stopped, and would see the SIGCONT that cures it). Nothing else runs in this process, so a fork is safe.
    Failed, Held; OSError when there can be no child.
    """
    read, write = os.pipe2(os.O_CLOEXEC)
    try:
        # A signal between fork and exec must not reach our handlers, whose wake-up pipe the child shares.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
            if pid == 0:
                _become(path, order, todo, signums, write)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(write)
        try:
            _wait(read, pid)
            number, _, option = os.read(read, 64).decode().partition(" ")
        except Held:
            signal_process(pid, signal.SIGKILL)
            collect_unregistered(pid)
            raise
    finally:
        os.close(read)
    if not number:
        return pid
    collect_unregistered(pid)
    if option == _LEASE:
        raise Held("another process has a lease on it (fcntl F_SETLEASE)")
    raise Failed(int(number), option)


def _wait(read: int, pid: int) -> None:
    """Waits until the child has become the program or says why not. Held."""
    poll = select.poll()
    poll.register(read, select.POLLIN)
    asleep = 0
    while not poll.poll(LOOK):
        stat = read_stat(pid)
        state = "" if stat is None else stat.state
        if state == "T":
            raise Held("another process stopped it before it began (SIGSTOP)")
        asleep = asleep + 1 if state == "S" else 0
        if asleep == ASLEEP:
            raise Held(f"its exec was held up for {ASLEEP * LOOK // 1000} s, as by a lease on a file")


def _become(path: str, order: Order, todo: list[Step], signums: Iterable[int], write: int) -> None:
    """Turns the forked child into its program; never returns."""
    option = ""
    try:
        if order.new_session:
            os.setsid()
        else:
            os.setpgid(0, 0)
        if order.terminal is not None:
            os.tcsetpgrp(order.terminal, os.getpid())  # SIGTTOU is blocked, so it does not stop us
        for signum in signums:
            signal.signal(signum, signal.SIG_DFL)
        for number, fd in enumerate((order.stdin, order.stdout, order.stderr)):
            if fd != number:
                os.dup2(fd, number)
        if order.extra_fds:
            import fcntl

            # the pipe that reports a failure must survive, whatever number the program wants
            write = fcntl.fcntl(write, fcntl.F_DUPFD_CLOEXEC, 1 + max(max(pair) for pair in order.extra_fds))
            for ours, number in order.extra_fds:
                os.dup2(ours, number)
        if order.umask is not None:
            os.umask(order.umask)
        if order.directory is not None:
            os.chdir(order.directory)
        env = dict(order.env)
        if order.pid_variable:
            env[order.pid_variable] = str(os.getpid())
        for option, step in todo:  # noqa: B007 (who failed is told below)
            step()
        option = _LEASE
        _break_lease(path)
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


def _break_lease(path: str) -> None:
    """Asks for the end of a lease on the file, with the program's rights; BlockingIOError if it has one."""
    try:
        os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except BlockingIOError:
        raise
    except OSError:
        pass  # it may be executed and not read, or is not there, which exec says better
