"""Whole files by path: opens, reads, rewrites them.

Each call walks the path anew (see `place`): it may lead elsewhere than at the last call.
"""

from __future__ import annotations

import os
import stat

from supervice.fs.place import Place, Refused

APPEND = os.O_WRONLY | os.O_APPEND
TERMINATION_LOG = "/dev/termination-log"  # where Kubernetes looks for why a container has ended
_TRIES = 3


def open_or_create(
    place: Place,
    flags: int,
    mode: int,
    *,
    exact: bool = False,
    device: bool = False,
    owners: tuple[int, ...] | None = None,
) -> int:
    """Opens the file, or makes it; see `Place.open` and `Place.create`."""
    for _ in range(_TRIES):
        try:
            return place.open(flags, device=device, owners=owners)
        except FileNotFoundError:
            pass
        try:
            return place.create(flags, mode, exact=exact)
        except FileExistsError:
            pass
    raise Refused("is made and removed again and again by another process; stop that one", place.path)


def rewrite(path: str, data: bytes, mode: int) -> None:
    """Makes `data` the content of the file in place, since the file may be a mount point. OSError."""
    with Place(path) as place:
        fd = open_or_create(place, os.O_WRONLY, mode, device=True, owners=())
    try:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            os.ftruncate(fd, 0)
        os.write(fd, data)
    finally:
        os.close(fd)


def has_name(fd: int) -> bool:
    """Returns whether the open file still has one; it has none on a server that forgot it (ESTALE) either."""
    try:
        return os.fstat(fd).st_nlink > 0
    except OSError:
        return False


def is_same(fd: int, other: int) -> bool:
    """Returns whether both are the same file; False when one of them cannot be asked any more."""
    try:
        return os.path.sameopenfile(fd, other)
    except OSError:
        return False


def length(fd: int) -> int:
    """Returns the size of a regular file; 0 for anything else, and when it cannot be asked any more."""
    try:
        status = os.fstat(fd)
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def discard(fd: int) -> None:
    """Empties a file without a name, if it can be."""
    try:
        os.ftruncate(fd, 0)
    except OSError:
        pass


def let_go(fd: int) -> None:
    """Closes; Linux frees the number too where close(2) reports what NFS could not write (EIO, EDQUOT)."""
    try:
        os.close(fd)
    except OSError:
        pass


def ends_in_newline(fd: int, size: int) -> bool:
    """Returns whether a file that is open for appending ends in a newline; True when it cannot be read."""
    try:
        reader = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        return os.pread(reader, 1, size - 1) == b"\n"
    except OSError:
        return True
    finally:
        os.close(reader)


def open_to_read(path: str, *, follow: bool = False) -> int:
    """Returns a descriptor of a regular file. OSError. `follow`: through any link, for an operator's path."""
    if follow:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with Place(path) as place:
        return place.open(os.O_RDONLY)


def read_file(path: str, most: int, *, follow: bool = False) -> tuple[bytes, os.stat_result]:
    """Returns the content and its fstat. OSError, in words, for a directory, a FIFO, too many bytes."""
    fd = open_to_read(path, follow=follow)
    try:
        info = os.fstat(fd)
        kind = stat.S_IFMT(info.st_mode)
        if kind == stat.S_IFDIR:
            raise OSError(21, "it is a directory, name a file")
        if kind != stat.S_IFREG:
            raise OSError(22, "it is not a regular file")
        chunks = []
        total = 0
        while chunk := os.read(fd, min(1 << 20, most + 1)):
            chunks.append(chunk)
            total += len(chunk)
            if total > most:
                raise OSError(27, f"it is larger than {most >> 20} MB")
        return b"".join(chunks), info
    finally:
        os.close(fd)
