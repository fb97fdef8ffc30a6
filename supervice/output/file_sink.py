"""Log files: appended to, rotated between lines, never in the way of the programs.

One `FileSink` stands for one file and all its writers, so that one place knows its size and whether it ends
in an unfinished line. A full disk blocks no program: the sink counts and reports what the disk does not take.
Only a file that has to rotate again and again blocks its writers, for the turns of the loop that this takes.
"""

from __future__ import annotations

import errno
import os
import stat

from supervice.fs import files
from supervice.fs.place import Place, identity
from supervice.output.sinks import CUT, LATER, LOGFILE_MODE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.output.file_rotation import FileRotation
    from supervice.output.held import Held
    from supervice.output.losses import Losses
    from supervice.output.sinks import Owner, Source
    from supervice.output.timed_rotation import Timing


LONGEST_LINE = 65536
# Seconds between two checks that the file still has a name, while there is output.
LOOK = 5.0


def open_log(place: Place, mode: tuple[int, bool] = LOGFILE_MODE) -> int:
    """Opens a log for appending, and makes it if it does not exist. OSError."""
    return files.open_or_create(place, files.APPEND, mode[0], exact=mode[1])


class FileSink:
    """Appends blocks of lines to `path`; at `maxbytes` (0: never) it becomes `path.1`, `path.1` `path.2`, …

    A file is longer than `maxbytes` only when a single line is, or when it cannot be renamed.
    """

    piped = False  # `splice` into a file is slower than reading and writing (docs/adr/0009)

    __slots__ = (
        "_begun", "_fd", "_held", "_homeless", "_limit", "_looked", "_losses", "_owner", "_rotation", "_said",
        "_size", "_stuck", "backups", "blocked", "compress", "label", "maxbytes", "mode", "path",
        "tail", "timing", "users",
    )  # fmt: skip

    def __init__(
        self,
        owner: Owner,
        path: str,
        maxbytes: int,
        backups: int,
        compress: bool = False,
        mode: tuple[int, bool] = LOGFILE_MODE,
    ) -> None:
        """OSError when the file cannot be opened."""
        self._owner = owner
        self.path = self.label = path
        self.maxbytes, self.backups, self.compress = maxbytes, backups, compress
        self.mode = mode
        self.blocked = False  # sources are asked to wait
        self.users = 0
        self.tail: object = None  # the source whose unfinished line the file ends in
        self._begun = 0  # where that line begins
        self._stuck = ""  # why the last rotation failed; reported once
        self.timing: Timing | None = None  # where it is rotated by time too, or gets names with a date
        self._rotation: FileRotation | None = None  # while a block of output is written
        self._losses: Losses | None = None  # made with the first
        self._looked = owner.loop.time()
        self._homeless = False  # the file was removed and cannot be made again; reported once
        self._said: frozenset[str] = frozenset()  # the backups that are not ours; reported once each
        self._held: Held | None = None  # what waits for the next turn
        with Place(path) as place:
            self._fd = open_log(place, mode)
        self._measure()

    @property
    def takes_parts(self) -> bool:
        """Whether a part of a line may be written as soon as it comes: no other source can interrupt it."""
        return self.users < 2 and (self._losses is None or not self._losses.reason)

    def _measure(self) -> None:
        status = os.fstat(self._fd)
        self._size = status.st_size
        self._limit = self.maxbytes
        if not stat.S_ISREG(status.st_mode):
            self._limit = self.maxbytes = self._size = 0
        self.tail = CUT if self._size and not files.ends_in_newline(self._fd, self._size) else None

    def limits(
        self, maxbytes: int, backups: int, compress: bool, mode: tuple[int, bool] = LOGFILE_MODE
    ) -> None:
        """Sets the limits of a reload, from the next write on."""
        self.mode = mode
        self.maxbytes = self._limit = maxbytes
        self.backups = backups
        self.compress = compress

    def write(self, source: Source, head: bytes, data: bytes | bytearray, end: int) -> None:
        """Takes `head + data[:end]`, like every sink; only the last line may be unfinished."""
        if self._held is not None:
            self._held.add(source, head, memoryview(data)[:end])
        else:
            self._take(source, head, data, end)

    def _take(self, source: Source, head: bytes, data: bytes | bytearray, end: int) -> None:
        if self._owner.loop.time() - self._looked >= LOOK:
            self._look()
        if self.tail is not None and self.tail is not source:
            # An unfinished line of another source, or of an earlier run, ends here; before a rotation too.
            self._put(source, b"\n", b"", 0, 0)
        if not self._limit or self._size + len(head) + end <= self._limit:
            self._put(source, head, data, 0, end)
        else:
            try:
                self._write_across(source, head, data, end)
            finally:
                self._end_rotation()

    def _look(self) -> None:
        """Makes the file again as soon as possible when it, or its directory, was removed.

        A file that was moved is left alone: whatever moved it asks for `reopen`.
        """
        self._looked = self._owner.loop.time()
        if self._fd < 0 or files.has_name(self._fd):
            return
        try:
            with Place(self.path) as place:
                fd = open_log(place, self.mode)
        except OSError as error:
            if not self._homeless:
                self._homeless = True
                self._owner.log(
                    "error",
                    f"{self.path}: was removed and cannot be made again ({error.strerror}); output is lost",
                )
            files.discard(self._fd)  # it cannot be read, and would fill the disk unseen
            self._size = 0
            return
        self._use(fd)
        self._measure()
        self._owner.log("warning", f"{self.path}: was removed; it has been made again")

    def _use(self, fd: int) -> None:
        old, self._fd, self._homeless = self._fd, fd, False
        files.let_go(old)

    def _write_across(self, source: Source, head: bytes, data: bytes | bytearray, end: int) -> None:
        """Writes a block that does not fit: whole lines up to the limit, a rotation, the next lines."""
        pos = 0
        while True:
            room = self._limit - self._size - len(head)
            if end - pos <= room:
                self._put(source, head, data, pos, end)
                return
            cut = data.rfind(b"\n", pos, pos + room) + 1 if room > 0 else 0
            if not cut and self.tail is source and self._limit == self.maxbytes:
                head = self._take_back() + head
            if not cut:
                if self._size and (self.tail is None or self._size >= self._limit + LONGEST_LINE):
                    if not self._owner.may_rotate():
                        self._hold(source, head, memoryview(data)[pos:end])
                        return
                    self._rotate()
                    if not self._limit:
                        self._put(source, head, data, pos, end)
                        return
                    continue
                # A line longer than a whole file, or the rest of one, stays whole up to LONGEST_LINE.
                cut = data.find(b"\n", pos, end) + 1 or end
            self._put(source, head, data, pos, cut)
            head = b""
            pos = cut
            if pos >= end:
                return

    def _put(self, source: Source, head: bytes, data: bytes | bytearray, pos: int, end: int) -> None:
        part = memoryview(data)[pos:end]
        size = len(head) + len(part)
        if not size:
            return
        if self._fd < 0:  # closed: the daemon's log may come after everything else
            source.lose(size, 0, False)
            return
        done = 0
        try:
            done = os.writev(self._fd, (head, part)) if head else os.write(self._fd, part)
            while done < size:  # a short write: the disk is full, and the next write says so
                done += os.write(self._fd, (head + bytes(part))[done:])
        except OSError as error:
            self._failed(source, error, head + bytes(part), done)
            return
        if (part[-1] if part else head[-1]) == 10:
            self.tail = None
        else:
            newline = data.rfind(b"\n", pos, end) + 1
            begin = len(head) + newline - pos if newline else head.rfind(b"\n") + 1
            if begin or self.tail is not source:
                self._begun = self._size + begin
            self.tail = source
        self._size += size
        if self._losses is not None and self._losses.reason:
            self._losses.over()

    def _failed(self, source: Source, error: OSError, block: bytes, done: int) -> None:
        """Counts what a full disk does not take; whole lines stay in the file, and programs go on."""
        from supervice.output.last_line import keep_whole_lines
        from supervice.output.losses import Losses

        begun = self._size
        if self.tail is source and self._begun > self._size - LONGEST_LINE:
            begun = self._begun
        kept, torn = keep_whole_lines(self._fd, self._size, begun, block, done)
        lost = len(block) - kept
        if torn or (self.tail is source and not kept):
            self.tail = CUT
        elif kept:
            self.tail = None
        self._size += kept
        source.lose(lost, block.count(b"\n", max(0, kept)), not block.endswith(b"\n"))
        self._losses = self._losses or Losses(self._owner, self.path)
        self._losses.failed(error.strerror or str(error), lost)

    def _take_back(self) -> bytes:
        """Takes the unfinished line out of the file and returns it: all of it goes into the next file."""
        if not 0 < self._begun > self._size - LONGEST_LINE:
            return b""
        from supervice.output.last_line import take_back

        line = take_back(self._fd, self._begun, self._size)
        if line:
            self._size, self.tail = self._begun, None
        return line

    def _hold(self, source: Source, head: bytes, data: memoryview) -> None:
        """Holds the rest for the next turn: this one has used up its time for rotations."""
        if self._held is None:
            from supervice.output.held import Held

            self._held = Held(self._owner, self._take, self._let_go)
            self.blocked = True
        self._held.again(source, head, data)

    def _let_go(self) -> None:
        self._held = None
        self.blocked = False

    @property
    def queued(self) -> int:
        """The bytes that wait for the next turn."""
        return 0 if self._held is None else self._held.size

    def _rotate(self) -> None:
        """Makes the current file `.1`, begins a new one, and has old ones compressed."""
        try:
            if not self.backups:
                os.ftruncate(self._fd, 0)
                self._size = 0
            else:
                if self._rotation is None:
                    from supervice.output.file_rotation import FileRotation

                    self._rotation = FileRotation(self.path, self.date)
                self._begin_file(self._rotation)
        except OSError as error:
            self._end_rotation()
            # The file keeps growing; the next try comes after as many bytes again.
            self._limit = self.maxbytes and self._size + self.maxbytes
            known, self._stuck = self._stuck, error.strerror or str(error)
            if not known:
                self._owner.log("error", f"{self.path}: cannot be rotated ({self._stuck}); it grows on")
            return
        self._limit = self.maxbytes
        self._stuck = ""
        if self.timing is not None:
            self.timing.rotated()
        if self.compress and self.backups:
            self._owner.compress(self)

    def rotate(self) -> str:
        """Rotates now, or at the end of an unfinished last line; returns why not yet, or ""."""
        if not files.length(self._fd):
            return "is empty"
        if self.tail is not None and self.tail is not CUT:
            self._limit = self._size
            return LATER
        self._rotate()
        self._end_rotation()
        if self._stuck:
            return f"cannot be rotated: {self._stuck}"
        self.tail = None
        return ""

    def written(self) -> float:
        """Returns when the file was last written to, in seconds since 1970."""
        return os.fstat(self._fd).st_mtime

    @property
    def date(self) -> str:
        """Returns the date in the name of a file rotated now; "" where backups have numbers."""
        return "" if self.timing is None else self.timing.date()

    def _begin_file(self, rotation: FileRotation) -> None:
        """Makes the current file `.1` and opens a new one. On OSError all stays as it was."""
        place, old = rotation.place, rotation.put_away(self._fd, self.backups)
        try:
            fd = open_log(place, self.mode)
        except OSError:
            if old:
                place.rename(old, place.name)
            raise
        self._use(fd)
        self._size = 0 if old else os.fstat(fd).st_size
        for name in rotation.foreign - self._said:
            self._said |= {name}
            self._owner.log("warning", f"{name}: is not a backup of ours and is left alone; remove it")

    def _end_rotation(self) -> None:
        if self._rotation is not None:
            self._rotation.close()
            self._rotation = None

    def splice(self, source: Source, fd: int, size: int) -> int:
        return 0

    def wait(self, source: Source, first: bool) -> None:
        """Calls `source.resume()` when nothing is held any more; with `first`, before all other waiters."""
        if self._held is not None:
            self._held.wait(source, first)
        else:
            source.resume()

    def reopen(self) -> str:
        """Reopens the path after logrotate has moved the file, or when the directory is back.

        Returns why it could not, or ""; then the old file stays in use.
        """
        try:
            with Place(self.path) as place:
                fd = open_log(place, self.mode)
        except OSError as error:
            why = error.strerror or str(error)
            self._owner.log(
                "error", f"{self.path}: cannot be opened again ({why}); the old file stays in use"
            )
            return why
        same = files.is_same(self._fd, fd)
        self._use(fd)
        if not same:
            self._measure()
        return ""

    def empty(self) -> None:
        """Empties the file, also for its readers. OSError."""
        with Place(self.path) as place:
            place.remove(place.name, identity(os.fstat(self._fd)))
        why = self.reopen()
        if why:
            raise OSError(errno.EIO, why, self.path)

    def close(self) -> None:
        """Writes what is held into this file first, whatever its size."""
        if self._held is not None:
            self._limit = 0
            self._held.close()
        if self._losses is not None:
            self._losses.close()
        if self._fd >= 0:
            files.let_go(self._fd)
            self._fd = -1

    release = close
