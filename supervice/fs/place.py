"""A file's directory, opened, and the name in it: every operation on a file goes through this.

The path is walked part by part. A symbolic link is followed when root or this process's user made it, and
refused when another user did, so a program's user cannot lead a root daemon anywhere. The walk ends with a
descriptor, so swapping a directory afterwards changes nothing.
"""

from __future__ import annotations

import errno
import os
import stat

MOST_LINKS = 40  # as the kernel has it, path_resolution(7)
_ENTER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_SET_ID = stat.S_ISUID | stat.S_ISGID
_OPEN = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a block device",
    stat.S_IFLNK: "a symbolic link",
}


class Refused(OSError):
    """A file that this process refuses to touch; `strerror` says whose it is and what to do."""

    def __init__(self, why: str, path: str) -> None:
        super().__init__(errno.EPERM, why, path)


def is_trusted(uid: int) -> bool:
    """Returns whether a link of this user may lead us somewhere: root's and our own may."""
    return uid == 0 or uid == os.geteuid()


def identity(status: os.stat_result) -> tuple[int, int]:
    """Returns a value that is equal for two names, or a name and a descriptor, of one file."""
    return status.st_dev, status.st_ino


def chown_looked_at(fd: int, uid: int, gid: int) -> None:
    """Changes the owner of the file that a descriptor of `Place.look` stands for. OSError."""
    os.chown(f"/proc/self/fd/{fd}", uid, gid)


class Place:
    """A file's place; see the module's docstring. Close it, or use `with`.

    `path` has no links, for messages and as a key. `name` is not a symbolic link, unless `follow_last` was
    false.
    """

    __slots__ = ("fd", "in_proc", "name", "owner", "path", "shared")

    def __init__(self, path: str, *, follow_last: bool = True) -> None:
        """Walks the path. Refused for another user's link; else OSError for a missing part."""
        self.fd, self.name, self.path, self.in_proc = _straight(path) or _walk(path, follow_last)
        try:
            status = os.fstat(self.fd)
        except BaseException:
            self.close()
            raise
        self.owner = status.st_uid
        # Whether other users can put files into it. The group root counts as root.
        open_to = stat.S_IWOTH | (stat.S_IWGRP if status.st_gid else 0)
        self.shared = not is_trusted(status.st_uid) or bool(status.st_mode & open_to)

    def close(self) -> None:
        os.close(self.fd)

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_exc: object) -> None:
        os.close(self.fd)

    # -- names of the directory; without one, the file's own ---------------------------------------------

    def stat(self, name: str | None = None) -> os.stat_result:
        return os.stat(name or self.name, dir_fd=self.fd, follow_symlinks=False)

    def reached(self) -> os.stat_result:
        """Returns the status of the file itself, also through a link of /proc, which the kernel resolves."""
        return os.stat(self.name, dir_fd=self.fd, follow_symlinks=self.in_proc)

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new, src_dir_fd=self.fd, dst_dir_fd=self.fd)

    def unlink(self, name: str | None = None) -> None:
        os.unlink(name or self.name, dir_fd=self.fd)

    def chown(self, uid: int, gid: int) -> None:
        """Changes the owner of the file itself, never of what a link leads to; -1 keeps the uid or gid."""
        os.chown(self.name, uid, gid, dir_fd=self.fd, follow_symlinks=False)

    def remove(self, name: str, ours: tuple[int, int]) -> bool:
        """Removes the name if it is still that of the file `ours` (device, inode); returns whether it was."""
        try:
            if identity(self.stat(name)) != ours:
                return False
            self.unlink(name)
        except FileNotFoundError:
            return False
        return True

    def sweep(self, name: str) -> None:
        """Removes a temporary file that a killed run left: regular, our user's, with one name."""
        try:
            status = self.stat(name)
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_uid == os.geteuid():
                self.unlink(name)
        except OSError:
            pass

    def open_directory(self) -> int:
        """Returns a descriptor of the directory that can be listed and locked, which `fd` cannot."""
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.fd)

    def names(self, most: int) -> list[str] | None:
        """Returns the names in the directory; None when there are more than `most`, or it is unreadable."""
        try:
            fd = self.open_directory()
        except OSError:
            return None
        try:
            with os.scandir(fd) as entries:
                found = []
                for entry in entries:
                    found.append(entry.name)
                    if len(found) > most:
                        return None
                return found
        finally:
            os.close(fd)

    def look(self, name: str | None = None) -> int:
        """Returns a descriptor that stands for the file, whatever it is, without opening it (O_PATH)."""
        return os.open(name or self.name, _LOOK, dir_fd=self.fd)

    def open(
        self,
        flags: int,
        name: str | None = None,
        *,
        device: bool = False,
        owners: tuple[int, ...] | None = None,
    ) -> int:
        """Opens an existing file, without waiting. Refused for one that is not regular, or may be a plant.

        `device`: other kinds are accepted too when root or we made them. `owners`: users whose files are as
        good as ours; by default the owner of the directory, who could write what we write.
        """
        name = name or self.name
        follow = 0 if self.in_proc else os.O_NOFOLLOW
        try:
            fd = os.open(name, flags | _OPEN | follow, dir_fd=self.fd)
        except OSError as error:
            if error.errno in (
                errno.ELOOP,
                errno.ENXIO,
                errno.EISDIR,
            ):  # a link, a FIFO or socket, a directory
                self.check(self.stat(name), name, device=device, owners=owners)
            raise
        try:
            self.check(os.fstat(fd), name, device=device, owners=owners)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def create(self, flags: int, mode: int, name: str | None = None, *, exact: bool = False) -> int:
        """Makes a new file, with `mode` less our umask, or exactly `mode`. FileExistsError."""
        flags |= os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | _OPEN
        fd = os.open(name or self.name, flags, mode, dir_fd=self.fd)
        if exact:
            try:
                os.fchmod(fd, mode)
            except OSError:
                pass  # a file system without modes
        return fd

    def check(
        self,
        status: os.stat_result,
        name: str,
        *,
        device: bool = False,
        owners: tuple[int, ...] | None = None,
    ) -> None:
        """Raises Refused when the file of that name is none that we open."""
        kind = stat.S_IFMT(status.st_mode)
        whose = f"of uid {status.st_uid}"
        others = self.shared and not self.in_proc
        foreign = others and not is_trusted(status.st_uid)
        if kind != stat.S_IFREG:
            if device and kind not in (stat.S_IFDIR, stat.S_IFLNK, stat.S_IFBLK) and not foreign:
                return
            why = f"is {_KINDS[kind]} {whose}, not a regular file; remove it or name another path"
        elif status.st_mode & _SET_ID:
            why = f"is a set-id file (mode {stat.S_IMODE(status.st_mode):04o}) {whose}; remove it"
        elif others and status.st_nlink > 1:
            why = f"is a file {whose} that has {status.st_nlink} names (hard links); remove it"
        elif foreign and status.st_uid not in ((self.owner,) if owners is None else owners):
            why = f"belongs to uid {status.st_uid}, which is neither root nor uid {os.geteuid()}; remove it"
        else:
            return
        raise Refused(why, os.path.join(os.path.dirname(self.path), name))

    def is_fixed(self, path: str) -> bool:
        """Returns whether no other user can change what `path`, the text that this was made of, leads to."""
        return _is_fixed(path) and (path == self.path or _is_fixed(self.path))


def _is_fixed(path: str) -> bool:
    while path != "/":
        path = os.path.dirname(path)
        status = os.stat(path, follow_symlinks=False)
        open_to = stat.S_IWOTH | (stat.S_IWGRP if status.st_gid else 0)
        if not is_trusted(status.st_uid):
            return False
        if status.st_mode & open_to and not (status.st_mode & stat.S_ISVTX or stat.S_ISLNK(status.st_mode)):
            return False
    return True


def _straight(path: str) -> tuple[int, str, str, bool] | None:
    """Returns what `_walk` returns, in three calls, when the path has no link: 25 us instead of 75.

    The kernel then calls the directory by the same name as we do.
    """
    directory, _, name = path.rpartition("/")
    if not directory or name in ("", ".", "..") or directory.startswith("/proc/"):
        return None
    try:
        fd = os.open(directory, _ENTER)
    except OSError:
        return None
    try:
        if os.readlink(f"/proc/self/fd/{fd}") == directory:
            try:
                os.readlink(name, dir_fd=fd)
            except OSError:
                return fd, name, path, False
    except OSError:
        pass
    os.close(fd)
    return None


def _walk(path: str, follow_last: bool) -> tuple[int, str, str, bool]:
    """Returns the directory's descriptor, the name, the path without links, and whether it is in /proc."""
    if not path.startswith("/"):
        path = os.path.join(os.getcwd(), path)
    parts = path.split("/")[::-1]  # the next one is the last of the list
    done: list[str] = []
    links = 0
    proc: int | None = None  # the device of /proc while we are in it: its links are the kernel's own
    fd = os.open("/", _ENTER)
    try:
        while True:
            part = parts.pop()
            if any(parts):
                if part in ("", "."):
                    continue
                try:
                    inner = os.open(part, _ENTER if proc is None else _ENTER & ~os.O_NOFOLLOW, dir_fd=fd)
                except NotADirectoryError:
                    target = _link(fd, part, done, path)
                    if target is None:
                        raise
                else:
                    os.close(fd)
                    fd = inner
                    proc = _entered(fd, part, done, proc)
                    continue
            else:
                target = None if proc is not None or not follow_last else _link(fd, part, done, path)
                if target is None:
                    return fd, part or ".", "/" + "/".join([*done, part]), proc is not None
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, "more than 40 symbolic links, one after the other", path)
            if target.endswith("/"):
                target += "."  # a file that is no directory is not there, as for the kernel
            parts = [*parts, *target.split("/")[::-1]]
            if target.startswith("/"):
                done.clear()
                proc = None
                os.close(fd)
                fd = os.open("/", _ENTER)
    except BaseException:
        os.close(fd)
        raise


def _entered(fd: int, part: str, done: list[str], proc: int | None) -> int | None:
    """Notes a directory that was entered; returns the device of /proc if that is where we are."""
    if part != "..":
        done.append(part)
    elif done:
        done.pop()
    if done == ["proc"]:
        return os.fstat(fd).st_dev
    return proc if proc is not None and os.fstat(fd).st_dev == proc else None


def _link(directory: int, part: str, done: list[str], path: str) -> str | None:
    """Returns where a symbolic link leads; None for anything else. Refused for another user's link."""
    try:
        os.readlink(part, dir_fd=directory)
        fd = os.open(part, _LOOK, dir_fd=directory)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        if not is_trusted(status.st_uid):
            where = "/" + "/".join([*done, part])
            raise Refused(
                f"{'' if where == path else where + ' '}is a symbolic link of uid {status.st_uid}, which is"
                f" neither root nor uid {os.geteuid()}; remove it, or name the file itself",
                path,
            )
        return os.readlink("", dir_fd=fd)
    except FileNotFoundError:
        return None  # no link any more; what is there now is looked at when it is opened
    finally:
        os.close(fd)
