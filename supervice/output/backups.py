"""The rotated files of a log: `log.1` … `log.N`, newest first, plain or compressed (`log.3.gz`).

It renames and unlinks, and nothing else: at whatever moment the daemon is killed, each line is in one of the
files. It leaves files of other users alone and skips their numbers. `file_rotation` calls it at a rotation
and `Archive` after a compression; it must not know the writers.
"""

from __future__ import annotations

import errno
import os
import stat

from supervice.fs.place import Place, identity, is_trusted

SUFFIX = ".gz"
MOST = 1000  # of one log; `check` allows no more
# Listing a directory with more names than this takes too long: then it tries number after number.
LONGEST_LISTING = 10_000


class Backups:
    """The backups of the log at `place`, as they are now. `foreign`: the names that are not ours."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._plain: set[int] = set()
        self._packed: set[int] = set()
        self.foreign: list[str] = []
        self._taken: set[int] = set()  # numbers of theirs
        self._first = 1
        names = place.names(LONGEST_LISTING)
        self._read(self._probe() if names is None else names)

    def _probe(self) -> list[str]:
        found = []
        for number in range(1, MOST + 1):
            for name in (f"{self._place.name}.{number}", f"{self._place.name}.{number}{SUFFIX}"):
                try:
                    self._place.stat(name)
                except OSError:
                    continue
                found.append(name)
        return found

    def _read(self, names: list[str]) -> None:
        begin = f"{self._place.name}."
        for name in names:
            if not name.startswith(begin):
                continue
            text = name[len(begin) :]
            digits = text.removesuffix(SUFFIX)
            if not (digits.isascii() and digits.isdigit()) or digits[0] == "0" or len(digits) > 4:
                continue
            number = int(digits)
            if number > MOST:
                continue
            if self._place.shared and not is_ours(self._place, name):
                self.foreign.append(name)
                self._taken.add(number)
            else:
                (self._plain if digits == text else self._packed).add(number)

    def _numbers(self, backups: int) -> list[int]:
        """Returns the numbers for so many backups."""
        found = []
        for number in range(1, MOST + 1):
            if number not in self._taken:
                found.append(number)
                if len(found) == backups:
                    break
        return found

    def name(self, number: int, suffix: str = "") -> str:
        return f"{self._place.name}.{number}{suffix}"

    def shift(self, backups: int) -> str:
        """Moves each file to the next name, and returns the first name, which is free then.

        OSError: some files may have moved. It moves files up to the first free number only: after a kill in
        the middle, or when a file was taken away, nothing older has to go. It unlinks the oldest first:
        renaming over an existing file makes ext4 write the other one out at once.
        """
        numbers = self._numbers(backups)
        if not numbers:
            raise OSError(
                errno.EEXIST, "all names of its backups are taken by files of other users; remove them"
            )
        place, last = self._place, 0
        while last < len(numbers) - 1 and (numbers[last] in self._plain or numbers[last] in self._packed):
            last += 1
        both = ((self._plain, ""), (self._packed, SUFFIX))
        for taken, suffix in both:
            if numbers[last] in taken:
                unlink(place, self.name(numbers[last], suffix))
                taken.discard(numbers[last])
        for at in range(last - 1, -1, -1):
            number, next_one = numbers[at], numbers[at + 1]
            for taken, suffix in both:
                if number in taken:
                    taken.discard(number)
                    try:
                        place.rename(self.name(number, suffix), self.name(next_one, suffix))
                    except FileNotFoundError:
                        continue
                    taken.add(next_one)
        self._first = numbers[0]
        return self.name(numbers[0])

    def begun(self) -> None:
        """Notes that the log now has the name that `shift` made free."""
        self._plain.add(self._first)

    def next_plain(self, backups: int) -> str:
        """Returns the name of the newest backup that is still to be compressed, or "".

        Both forms of one number, with the same time to the nanosecond: the daemon was killed after the
        compressed one was complete, and the plain one goes. Two that differ are two files; neither is
        touched.
        """
        for number in self._numbers(backups):
            if number in self._plain and is_to_compress(
                self._place, self.name(number), number in self._packed
            ):
                return self.name(number)
        return ""

    def find(self, backups: int, file: tuple[int, int]) -> str:
        """Returns the name of a plain backup, known by device and inode; "" when it is gone."""
        names = [self.name(number) for number in self._numbers(backups) if number in self._plain]
        return next((name for name in names if is_file(self._place, name, file)), "")


def is_to_compress(place: Place, name: str, packed: bool) -> bool:
    """Returns whether a plain backup is still to be compressed; `packed`: its compressed form exists."""
    if not packed:
        return True
    try:
        plain, other = place.stat(name), place.stat(f"{name}{SUFFIX}")
    except FileNotFoundError:
        return False
    if plain.st_mtime_ns == other.st_mtime_ns:
        unlink(place, name)
    return False


def is_file(place: Place, name: str, file: tuple[int, int]) -> bool:
    """Returns whether the name belongs to the file with that device and inode."""
    try:
        return identity(place.stat(name)) == file
    except FileNotFoundError:
        return False


def is_ours(place: Place, name: str) -> bool:
    """Returns whether the name, in a directory that others can write to, is a plain file of root or us."""
    try:
        status = place.stat(name)
    except FileNotFoundError:
        return False
    return is_plain(status) and is_trusted(status.st_uid)


def is_plain(status: os.stat_result) -> bool:
    """Returns whether it is a regular file with one name and without set-id bits."""
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and not status.st_mode & 0o6000


def unlink(place: Place, name: str) -> None:
    try:
        place.unlink(name)
    except FileNotFoundError:
        pass
