"""What the path of a log means: our own stdout or stderr, a file, a device, or nothing at all."""

from __future__ import annotations

import os
import stat

from supervice.fs.place import Place, identity
from supervice.output.stdout import identity as identity_of

_OWN = {
    "/dev/stdout": 1,
    "/dev/fd/1": 1,
    "/proc/self/fd/1": 1,
    "/dev/stderr": 2,
    "/dev/fd/2": 2,
    "/proc/self/fd/2": 2,
}


class Target:
    """`own` is 0 or 1 for our stdout or stderr; else `path` is without links, and `regular` says whether it
    is a file, or will be one."""

    __slots__ = ("own", "path", "regular")

    def __init__(self, path: str, own: int | None, regular: bool) -> None:
        self.path = path
        self.own = own
        self.regular = regular

    def sweep(self, suffix: str) -> None:
        """Removes the file of that name with the suffix, if it is one that a killed run of ours left."""
        with Place(self.path) as place:
            place.sweep(f"{place.name}{suffix}")


def target(path: str, fds: tuple[int, int]) -> Target:
    """`fds`: our stdout and stderr. Refused for a path that leads through a link of a stranger's."""
    number = own_descriptor(path)
    if number is not None:
        return Target(path, number - 1, False)
    with Place(path) as place:
        try:
            status = place.reached()
        except FileNotFoundError:
            return Target(place.path, None, True)
        for stream in (0, 1):
            # Under `docker run --init`, /proc/1/fd/1 is not ours, but the same pipe.
            if identity_of(fds[stream]) == identity(status):
                return Target(place.path, stream, False)
        return Target(place.path, None, stat.S_ISREG(status.st_mode))


def own_descriptor(path: str) -> int | None:
    """1 or 2 when `path` is a name of our own stdout or stderr, directly or by symbolic links of root's or
    ours (images link /var/log/nginx/access.log to /dev/stdout); else None."""
    number = _OWN.get(path)
    if number is not None:
        return number
    try:
        os.readlink(path)  # which all of these names are
        with Place(path) as place:
            return _OWN.get(place.path.replace(f"/{os.getpid()}/", "/self/"))
    except OSError:
        return None
