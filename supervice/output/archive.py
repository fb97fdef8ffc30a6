"""Compresses rotated log files, one after the other, in a process of its own beside the event loop.

The process gets two descriptors and knows no names; the names are changed here, between two rotations, once
it has ended well: `log.gz.tmp` becomes `log.N.gz`, then the plain file goes. Imported with the first log file
that asks for it (docs/adr/0016).
"""

from __future__ import annotations

import os
import stat
import sys
from collections import deque

from supervice.output.backups import SUFFIX, find, next_plain, unlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Starter(Protocol):
        def __call__(
            self, argv: list[str], stdin: int, stdout: int, ended: Callable[[int], object]
        ) -> Callable[[], object]:
            """Starts a helper and returns what kills it; `ended(status)` comes in any case. OSError."""

    class Log(Protocol):
        """A sink whose old files are compressed."""

        path: str
        backups: int


# wbits 31 is the gzip format. What could not be written ends it with a status other than 0.
_CODE = """
import os, zlib
os.nice(10)
gzip = zlib.compressobj(6, zlib.DEFLATED, 31)
def put(data):
    while data:
        data = data[os.write(1, data):]
while data := os.read(0, 1 << 18):
    put(gzip.compress(data))
put(gzip.flush())
os.fsync(1)
"""


class _Job:
    __slots__ = ("identity", "log", "temporary", "times")

    def __init__(self, log: Log, status: os.stat_result) -> None:
        self.log = log
        self.temporary = f"{log.path}{SUFFIX}.tmp"
        self.identity = (status.st_dev, status.st_ino)
        self.times = (status.st_atime_ns, status.st_mtime_ns)


class Archive:
    """Of one router. One helper at a time, however many logs are rotated."""

    def __init__(self, start: Starter, log: Callable[[str, str], object]) -> None:
        self._start = start
        self._log = log
        self._queue: deque[Log] = deque()
        self._job: _Job | None = None
        self._kill: Callable[[], object] | None = None
        self._closed = False

    @property
    def busy(self) -> bool:
        return self._job is not None

    def want(self, log: Log) -> None:
        """`log` was rotated: its plain backups are compressed, also those that an earlier end left over."""
        if log not in self._queue:
            self._queue.append(log)
        self._next()

    def _next(self) -> None:
        while self._queue and self._job is None and not self._closed:
            log = self._queue.popleft()
            try:
                self._begin(log)
            except OSError as error:
                self._failed(log, error.strerror or str(error))

    def _begin(self, log: Log) -> None:
        number = next_plain(log.path, log.backups)
        if not number:
            return
        source = os.open(
            f"{log.path}.{number}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        )
        try:
            status = os.fstat(source)
            if not stat.S_ISREG(status.st_mode):
                return
            job = _Job(log, status)
            unlink(job.temporary)
            # O_EXCL: in a directory of the program's, nothing that it puts there is written to.
            target = os.open(
                job.temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            try:
                os.fchmod(target, stat.S_IMODE(status.st_mode))
                argv = [sys.executable or "python3", "-I", "-S", "-c", _CODE]
                self._kill = self._start(argv, source, target, self._ended)
                self._job = job
            except BaseException:
                unlink(job.temporary)
                raise
            finally:
                os.close(target)
        finally:
            os.close(source)

    def _ended(self, status: int) -> None:
        job, self._job, self._kill = self._job, None, None
        if job is None:
            return
        try:
            if self._closed or status:
                unlink(job.temporary)
                if not self._closed:
                    self._failed(job.log, f"exit code {status}" if status > 0 else f"signal {-status}")
            else:
                _put_in_place(job)
                self._queue.append(job.log)  # there may be more
        except OSError as error:
            self._failed(job.log, error.strerror or str(error))
        self._next()

    def _failed(self, log: Log, why: str) -> None:
        """Tried again after the next rotation; nothing is lost."""
        self._log("warning", f"{log.path}: an old log file could not be compressed and stays as it is: {why}")

    def close(self) -> None:
        """Gives up what is under way; the next daemon compresses it."""
        self._closed = True
        self._queue.clear()
        if self._kill is not None and self._job is not None:
            self._kill()
            unlink(self._job.temporary)


def _put_in_place(job: _Job) -> None:
    """The number is looked up now: the file has moved on when the log was rotated meanwhile."""
    path = job.log.path
    number = find(path, job.log.backups, job.identity)
    if not number or os.path.lexists(f"{path}.{number}{SUFFIX}"):
        unlink(job.temporary)
        return
    os.utime(job.temporary, ns=job.times, follow_symlinks=False)
    os.rename(job.temporary, f"{path}.{number}{SUFFIX}")
    unlink(f"{path}.{number}")
