"""Resolves who a program runs as: `name`, `uid`, `name:group` or `uid:gid`, to numbers and a home.

It also changes our own user.
"""

from __future__ import annotations

import os

from supervice.lean.dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    uid: int
    gid: int
    groups: tuple[int, ...]  # supplementary
    name: str  # "" for a uid without a passwd entry
    home: str


def resolve(user: str) -> Identity:
    """Returns the identity that `user` names. LookupError, in words, without such a user or group."""
    import pwd

    wanted, _, group = user.partition(":")
    number = _number(wanted)
    try:
        entry = pwd.getpwnam(wanted) if number is None else pwd.getpwuid(number)
    except (KeyError, OverflowError, ValueError):  # ValueError: no C string can hold it
        if number is None or number >= 2**32 - 1:
            raise LookupError(f"there is no user {wanted!r} here") from None
        # A uid without a passwd entry, as Kubernetes often sets: it has our own group unless one is named.
        gid = _gid(group) if group else os.getgid()
        return Identity(number, gid, (), "", "/")
    gid = _gid(group) if group else entry.pw_gid
    groups = tuple(os.getgrouplist(entry.pw_name, gid))
    return Identity(entry.pw_uid, gid, groups, entry.pw_name, entry.pw_dir or "/")


def give_pipes(identity: Identity, *fds: int) -> None:
    """Makes the identity the owner of the pipes among `fds`.

    The kernel requires it when a program opens /dev/stdout or /dev/stderr, as servers do with a log file of
    that name: proc(5), /proc/PID/fd. Without CAP_CHOWN they stay ours.
    """
    if identity.uid == os.geteuid():
        return
    for fd in set(fds):
        if os.fstat(fd).st_mode & 0o170000 == 0o010000:  # S_ISFIFO; never a device
            try:
                os.fchown(fd, identity.uid, -1)
            except OSError:
                return


class CannotSwitch(OSError):
    """We cannot become the user that the configuration names."""


def become(identity: Identity) -> None:
    """Makes this process, which is root, that user's for good. CannotSwitch."""
    from supervice.pid1.subreaper import stay_dumpable

    stay_dumpable()  # loads what it takes while we can read it
    try:
        os.setgroups(identity.groups)
        os.setresgid(identity.gid, identity.gid, identity.gid)
        os.setresuid(identity.uid, identity.uid, identity.uid)
    except OSError as error:
        raise CannotSwitch(
            f"cannot become uid {identity.uid}: {error.strerror} (it needs CAP_SETUID and CAP_SETGID)"
        ) from None
    stay_dumpable()
    # Modules are loaded on demand. The static bundle has all of them in memory, and `os` has no file there.
    library = getattr(os, "__file__", None)
    if library is not None and not os.access(library, os.R_OK):
        raise CannotSwitch(f"uid {identity.uid} cannot read Python's library, {os.path.dirname(library)}")


class Acting:
    """Opens files with the rights of another user, inside `with`; for root in a process without threads.

    OSError when we may not. The real and saved user stay ours, so that user can send us no signal meanwhile.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._uid, self._gid, self._groups = os.geteuid(), os.getegid(), os.getgroups()

    def __enter__(self) -> None:
        try:
            os.setgroups(self._identity.groups)
            os.setegid(self._identity.gid)
            os.seteuid(self._identity.uid)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_exc: object) -> None:
        from supervice.pid1.subreaper import undo_switch

        os.seteuid(self._uid)
        os.setegid(self._gid)
        if os.getgroups() != self._groups:
            os.setgroups(self._groups)
        undo_switch()


def _number(word: str) -> int | None:
    """Returns the id; None for a name, and for a number that is too long."""
    return int(word) if word.isascii() and word.isdigit() and len(word) < 20 else None


def _gid(group: str) -> int:
    import grp

    number = _number(group)
    try:
        if number is None:
            return grp.getgrnam(group).gr_gid
        if number < 2**32 - 1:  # which is -1: the kernel would leave the group as it is
            return number
        raise KeyError
    except (KeyError, ValueError):
        raise LookupError(f"there is no group {group!r} here") from None
