"""Looks at the files of a `watch`: `stat` for each, and the content only if that differs.

Everything goes by path and follows links, so a link that is swapped (a ConfigMap), an editor's rename and a
bind mount all look alike. A directory is listed again only when its own time has changed. `stat` cannot tell
two writes within one tick of a file system's clock apart, so a file that has just changed is read again.
`decide` decides what a change leads to.
"""

from __future__ import annotations

import os
import stat
import time

from supervice.lean.dataclasses import dataclass
from supervice.watch.contents import Changes, Contents
from supervice.watch.mounts import mount_points
from supervice.watch.patterns import ANY_DEPTH, is_found

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Hashable, Iterable
    from typing import Final

    from supervice.watch.patterns import Pattern

    Signature = tuple[int, int, int, int]
    Folder = tuple[int, int, int]

MOST_FILES: Final = 2000
# The most names that one watch looks at: a `**` in the wrong place must not hold up the daemon.
MOST_NAMES: Final = 20000
# The deepest nesting of directories that a `**` looks into, for the same reason.
DEEPEST: Final = 100
# A longer file counts as changed when its size, inode or time does.
LONGEST: Final = 1 << 20
# The most bytes that one look reads; the next look, which comes at once, reads the rest.
READ_AT_ONCE: Final = 16 << 20
# Seconds; no file system but FAT has a coarser clock.
_TICK: Final = 2.0
# Replaces the time of a directory that changed within the last tick: it is listed again.
_RECENT: Final = (0, 0, 0)


class TooMany(Exception):
    """A watch finds more than it may; the message says of what."""


@dataclass(frozen=True)
class Look:
    changes: Changes
    unread: bool = False  # not all was read; look again at once
    unreadable: tuple[str, ...] = ()  # newly found to be: OSError texts, one a file
    files: int = 0


def own_mount_points() -> set[str]:
    """Returns the mount points of our own mount namespace; none when /proc does not say."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            return mount_points(file.read())
    except OSError:
        return set()


class _File:
    __slots__ = ("again", "mark", "signature")

    def __init__(self) -> None:
        self.signature: Signature | None = None
        self.mark: Hashable = None
        self.again = False  # it changed a moment ago


class Scanner:
    """The files of one watch; `contents` has what they held."""

    def __init__(self, patterns: Iterable[Pattern], is_ignored: Callable[[str], bool]) -> None:
        self.contents = Contents()
        self._patterns = list(patterns)
        self._is_ignored = is_ignored
        self._files: dict[str, _File] = {}
        self._folders: dict[str, Folder | None] = {}
        self._expanded = False
        self._unreadable: set[str] = set()
        self._quiet = False  # the last look found nothing, and left nothing to do

    def look(self) -> Look:
        """Compares the files with the last look; TooMany leaves everything as it was."""
        now = time.time()
        if not self._expanded or self._folders_differ():
            self._expand(now)
        differ, again = self._stat_all()
        if self._quiet and not differ and not again:
            return Look(Changes(changed=self.contents.changed()), files=len(self._files))
        left, complaints = self._read(differ, now)
        if not left:
            complaints += self._read(again, now)[1]
        present = {path: file.mark for path, file in self._files.items() if file.signature is not None}
        changes = self.contents.look(present)
        self._quiet = not left
        return Look(changes, left, tuple(complaints), len(self._files))

    # -- what differs --------------------------------------------------------------------------------

    def _stat_all(self) -> tuple[list[str], list[str]]:
        """Returns the files whose signature differs, and those that changed a moment ago."""
        differ, again = [], []
        get = os.stat
        for path, file in self._files.items():
            try:
                found = get(path)
            except OSError:
                if file.signature is not None:
                    differ.append(path)
                continue
            known = file.signature
            if (
                known is None
                or found.st_mtime_ns != known[3]
                or found.st_ino != known[1]
                or found.st_size != known[2]
                or found.st_dev != known[0]
            ):
                differ.append(path)
            elif file.again:
                again.append(path)
        return differ, again

    def _read(self, differ: list[str], now: float) -> tuple[bool, list[str]]:
        """Takes new marks; returns whether some are left for the next look, and what could not be read."""
        budget = READ_AT_ONCE
        complaints: list[str] = []
        for path in differ:
            file = self._files[path]
            if budget <= 0:
                return True, complaints
            try:
                found = os.stat(path)
                if not stat.S_ISREG(found.st_mode):
                    raise FileNotFoundError
            except OSError:  # it is away
                file.signature = None
                continue
            file.signature = _signature(found)
            file.again = abs(now - found.st_mtime_ns / 1e9) < _TICK
            try:
                size, file.mark = _mark(path, found)
                budget -= size
                self._unreadable.discard(path)
            except OSError as error:
                file.mark = file.signature
                if path not in self._unreadable:
                    self._unreadable.add(path)
                    complaints.append(f"{path}: {error.strerror}")
        return False, complaints

    # -- which files there are -------------------------------------------------------------------------

    def _folders_differ(self) -> bool:
        return any(known is _RECENT or _folder(path) != known for path, known in self._folders.items())

    def _expand(self, now: float) -> None:
        search = _Search(self._is_ignored, now)
        for pattern in self._patterns:
            search.find(pattern)
        before = self._files
        self._files = {path: before.get(path) or _File() for path in sorted(search.files)}
        self._folders = search.folders
        self._expanded = True
        self._quiet = self._quiet and before.keys() == self._files.keys()


def _signature(found: os.stat_result) -> Signature:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _folder(path: str) -> Folder | None:
    """Returns a value that differs when a directory has other names; None when there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _mark(path: str, found: os.stat_result) -> tuple[int, Hashable]:
    """Returns the number of bytes read, and the mark of the content; OSError."""
    if found.st_size > LONGEST:
        return 0, _signature(found)
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        data = b""
        while len(data) <= LONGEST:
            more = os.read(fd, LONGEST + 1 - len(data))
            if not more:
                # 64 bits, keyed per process; it needs no further module
                return len(data), (len(data), hash(data))
            data += more
    finally:
        os.close(fd)
    return len(data), _signature(found)  # it grew beyond the limit just now


class _Search:
    """Finds the files of patterns, and the directories that may get new ones."""

    def __init__(self, is_ignored: Callable[[str], bool], now: float) -> None:
        self.files: set[str] = set()
        self.folders: dict[str, Folder | None] = {}
        self._is_ignored = is_ignored
        self._now = now
        self._names = 0
        self._depth = 0
        self._seen: set[tuple[int, int, int]] = set()  # directories of a `**`: links may go round

    def find(self, pattern: Pattern) -> None:
        if pattern.parts:
            self._below(pattern.base, pattern.parts)
        elif not self._is_ignored(pattern.base):
            if os.path.isdir(pattern.base):
                self._below(pattern.base, [ANY_DEPTH])
            else:
                # It is watched until it exists; it may become a directory, too.
                self._add(pattern.base)
                self._note(pattern.base)
        self._seen.clear()

    def _below(self, folder: str, parts: list[str | re.Pattern[str]]) -> None:
        if self._depth > DEEPEST:
            raise TooMany(f"directories more than {DEEPEST} deep")
        self._depth += 1
        self._look_into(folder, parts)
        self._depth -= 1

    def _look_into(self, folder: str, parts: list[str | re.Pattern[str]]) -> None:
        self._note(folder)
        part, rest = parts[0], parts[1:]
        if part == ANY_DEPTH:
            try:
                found = os.stat(folder)
            except OSError:
                return
            key = (found.st_dev, found.st_ino, len(parts))
            if key in self._seen:
                return
            self._seen.add(key)
            if rest:
                self._below(folder, rest)
        elif isinstance(part, str):
            self._step(f"{folder.rstrip('/')}/{part}", rest)
            return
        for name in self._list(folder):
            if is_found(name, part):
                path = f"{folder.rstrip('/')}/{name}"
                if part == ANY_DEPTH:
                    self._deeper(path, parts)
                else:
                    self._step(path, rest)

    def _deeper(self, path: str, parts: list[str | re.Pattern[str]]) -> None:
        if self._is_ignored(path):
            return
        if os.path.isdir(path):
            self._below(path, parts)
        elif len(parts) == 1 and os.path.isfile(path):  # `**` at the end: each file
            self._add(path)

    def _step(self, path: str, rest: list[str | re.Pattern[str]]) -> None:
        if self._is_ignored(path):
            return
        if rest:
            if os.path.isdir(path):
                self._below(path, rest)
        elif os.path.isfile(path):
            self._add(path)

    def _note(self, folder: str) -> None:
        """Keeps the time of a directory from before it is listed, so that later changes show."""
        if folder not in self.folders:
            found = _folder(folder)
            recent = found is not None and abs(self._now - found[2] / 1e9) < _TICK
            self.folders[folder] = _RECENT if recent else found

    def _list(self, folder: str) -> list[str]:
        try:
            names = os.listdir(folder)
        except OSError:
            return []
        self._names += len(names)
        if self._names > MOST_NAMES:
            raise TooMany(f"more than {MOST_NAMES} names have to be looked at")
        return sorted(names)

    def _add(self, path: str) -> None:
        self.files.add(path)
        if len(self.files) > MOST_FILES:
            raise TooMany(f"more than {MOST_FILES} files")
