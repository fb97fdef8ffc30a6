"""Compresses rotated log files, one after the other, in a separate process.

The process gets two descriptors and knows no names. When it has succeeded, the daemon changes the names,
between two rotations: `log.gz.tmp` becomes `log.N.gz`, then the plain file goes. Imported with the first log
file that asks for it (docs/adr/0016).
"""

from __future__ import annotations

import errno
import os
import sys
from collections import deque

from supervice.fs.place import Place, identity, is_trusted
from supervice.output.backups import SUFFIX, is_plain
from supervice.output.file_rotation import backups_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Starter(Protocol):
        def __call__(
            self, argv: list[str], stdin: int, stdout: int, ended: Callable[[int], object]
        ) -> Callable[[], object]:
            """Starts a helper and returns a function that kills it; always calls `ended(status)`. OSError."""

    class Log(Protocol):
        """A sink whose old files are compressed."""

        path: str
        backups: int
        mode: tuple[int, bool]

        @property
        def date(self) -> str: ...


# wbits 31 selects the gzip format. A failed write makes it exit with a status other than 0.
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

# The suffix of a compression that is not complete.
TEMPORARY = f"{SUFFIX}.tmp"


class _Job:
    """The compression of one file, known by device and inode; `target` is our descriptor of the new file."""

    __slots__ = ("log", "source", "target", "times")

    def __init__(self, log: Log, source: os.stat_result, target: int) -> None:
        self.log = log
        self.target = target
        self.source = identity(source)
        self.times = (source.st_atime_ns, source.st_mtime_ns)

    def abandon(self) -> None:
        try:
            with Place(self.log.path) as place:
                place.remove(f"{place.name}{TEMPORARY}", identity(os.fstat(self.target)))
        except OSError:
            pass

    def close(self) -> None:
        os.close(self.target)


class Archive:
    """Compresses the logs of one router, one file at a time."""

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
        """Compresses the plain backups of `log`, including those that an earlier run left."""
        if log not in self._queue:
            self._queue.append(log)
        self._next()

    def _next(self) -> None:
        while self._queue and self._job is None and not self._closed:
            log = self._queue.popleft()
            try:
                with Place(log.path) as place:
                    self._begin(log, place)
            except OSError as error:
                self._failed(log, error.strerror or str(error))

    def _begin(self, log: Log, place: Place) -> None:
        backups = backups_of(place, log.date)
        name = backups.next_plain(log.backups)
        if not name:
            return
        source = place.open(os.O_RDONLY, name)
        try:
            status = os.fstat(source)
            if place.shared and not (is_plain(status) and is_trusted(status.st_uid)):
                return  # it has changed since it was listed
            temporary = f"{place.name}{TEMPORARY}"
            place.sweep(temporary)
            # A new file with the mode of the log: we never write to one that a program has put there.
            try:
                target = place.create(os.O_WRONLY, log.mode[0], temporary, exact=log.mode[1])
            except FileExistsError:
                raise OSError(errno.EEXIST, f"{temporary} is in the way and not ours; remove it") from None
            job = _Job(log, status, target)
            try:
                argv = [sys.executable or "python3", "-I", "-S", "-c", _CODE]
                self._kill = self._start(argv, source, target, self._ended)
                self._job = job
            except BaseException:
                job.abandon()
                job.close()
                raise
        finally:
            os.close(source)

    def _ended(self, status: int) -> None:
        job, self._job, self._kill = self._job, None, None
        if job is None:
            return
        try:
            if status:
                job.abandon()
                self._failed(job.log, f"exit code {status}" if status > 0 else f"signal {-status}")
            else:
                _put_in_place(job)
                self._queue.append(job.log)  # there may be more
        except OSError as error:
            self._failed(job.log, error.strerror or str(error))
        finally:
            job.close()
        self._next()

    def _failed(self, log: Log, why: str) -> None:
        """Reports a failure; nothing is lost, and the next rotation tries again."""
        self._log(
            "warning", f"{log.path}: an old log file could not be compressed ({why}); it stays as it is"
        )

    def close(self) -> None:
        """Abandons the present compression; the next run repeats it."""
        self._closed = True
        self._queue.clear()
        job, self._job = self._job, None
        if self._kill is not None and job is not None:
            self._kill()
            job.abandon()
            job.close()


def _put_in_place(job: _Job) -> None:
    """Renames the compressed file. It looks up the name now: a rotation may have moved the plain file."""
    with Place(job.log.path) as place:
        temporary = f"{place.name}{TEMPORARY}"
        backups = backups_of(place, job.log.date)
        plain = backups.find(job.log.backups, job.source)
        name = f"{plain}{SUFFIX}"
        ours = identity(os.fstat(job.target))
        if not plain or _is_there(place, name) or identity(place.stat(temporary)) != ours:
            place.remove(temporary, ours)
            return
        os.utime(job.target, ns=job.times)
        place.rename(temporary, name)
        place.remove(plain, job.source)


def _is_there(place: Place, name: str) -> bool:
    try:
        place.stat(name)
    except FileNotFoundError:
        return False
    return True
