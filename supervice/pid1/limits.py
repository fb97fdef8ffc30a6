"""Limits that the kernel enforces on a program, as steps that a forked child takes before exec.

Loaded with the first program that has any. The parent looks up everything that can be looked up or fail; the
child only makes system calls. The steps are in the order of the rights that they need: raising a limit needs
them, switching the user and dropping capabilities end them, and a change of user clears the parent-death
signal.
"""

from __future__ import annotations

import os
import resource

from supervice.pid1.capabilities import NAMES
from supervice.pid1.subreaper import PR_SET_PDEATHSIG, capset, prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervice.models import Limits
    from supervice.pid1.identity import Identity

    Step = tuple[str, Callable[[], object]]  # the option it is for, and what to do

# linux/prctl.h
PR_SET_KEEPCAPS = 8
PR_CAPBSET_DROP = 24
PR_GET_NO_NEW_PRIVS = 39
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
AMBIENT_RAISE = 2
AMBIENT_CLEAR_ALL = 4
# linux/capability.h: version 3, this process
_HEADER = (0x20080522).to_bytes(4, "little") + bytes(4)
_SETPCAP = 1 << NAMES.index("SETPCAP")
_RESOURCE = 1 << NAMES.index("SYS_RESOURCE")
# Set after all others: a low value leaves the child itself no memory.
_LAST = ("data", "as")


class Impossible(Exception):
    """A limit that this process cannot set, in words; trying again does not help."""


def steps(limits: Limits | None, identity: Identity | None) -> list[Step]:
    """Returns the steps that the child has to take, in order. Impossible."""
    if limits is None:
        return _switch(identity) if identity is not None else []
    found: list[Step] = []
    calls = limits.no_new_privs or limits.pdeathsig is not None or limits.capabilities is not None
    if calls and prctl(PR_GET_NO_NEW_PRIVS, 0) < 0:  # also loads what another user may not be able to read
        raise Impossible("no_new_privs, capabilities and pdeathsig need a Python that has ctypes")
    if limits.oom_score_adj is not None:
        score = b"%d" % limits.oom_score_adj
        found.append(("oom_score_adj", lambda: _write("/proc/self/oom_score_adj", score)))
    if limits.nice is not None:
        nice = limits.nice
        found.append(("nice", lambda: os.setpriority(os.PRIO_PROCESS, 0, nice)))
    found += _rlimits(limits.rlimits)
    uid = os.geteuid() if identity is None else identity.uid
    if limits.capabilities is None:
        found += _switch(identity) if identity is not None else []
    else:
        found += _confined(limits.capabilities, identity, uid, limits.no_new_privs)
    if limits.no_new_privs:
        found.append(("no_new_privs", lambda: _must(prctl(PR_SET_NO_NEW_PRIVS, 1))))
    if limits.pdeathsig is not None:
        signum, parent = limits.pdeathsig, os.getpid()
        found.append(("pdeathsig", lambda: _die_with(parent, signum)))
    return found


def _write(path: str, text: bytes) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text)
    finally:
        os.close(fd)


def _must(result: int) -> None:
    if result:
        raise PermissionError(1, os.strerror(1))


def _die_with(parent: int, signum: int) -> None:
    _must(prctl(PR_SET_PDEATHSIG, signum))
    if os.getppid() != parent:  # it died before we asked
        raise ProcessLookupError(3, "supervice is gone")


def _rlimits(rlimits: Iterable[tuple[str, int, int]]) -> list[Step]:
    def step(name: str, soft: int, hard: int) -> Step:
        number: int = getattr(resource, f"RLIMIT_{name.upper()}")
        shown = "unlimited" if hard == -1 else hard
        there = _number("/proc/sys/fs/nr_open") if name == "nofile" else 0
        if there and (hard == -1 or hard > there):
            raise Impossible(f"rlimit_{name}: {shown} is above what the kernel has, fs.nr_open = {there}")
        most = _hard_limit(number)
        raised = most != -1 and (hard == -1 or hard > most)
        if raised and not _mask("CapEff") & _RESOURCE:
            raise Impossible(
                f"rlimit_{name}: {shown} is above the hard limit {most}, only CAP_SYS_RESOURCE may raise it"
            )
        return f"rlimit_{name}", lambda: resource.setrlimit(number, (soft, hard))

    order = sorted(rlimits, key=lambda limit: _LAST.index(limit[0]) if limit[0] in _LAST else -1)
    return [step(*limit) for limit in order]


def _hard_limit(number: int) -> int:
    """Returns the hard limit; -1 when it is unreadable (seccomp without prlimit64): the child finds out."""
    try:
        return resource.getrlimit(number)[1]
    except (OSError, ValueError):
        return -1


def _switch(identity: Identity) -> list[Step]:
    uid, gid, groups = identity.uid, identity.gid, list(identity.groups)

    def switch() -> None:
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)

    return [("user", switch)]


def _confined(names: Iterable[str], identity: Identity | None, uid: int, no_new_privs: bool) -> list[Step]:
    """Returns the switch of user and the capability steps, which have to be interleaved."""
    permitted, bounding = _mask("CapPrm"), _mask("CapBnd")
    kept = sum(1 << NAMES.index(name) for name in set(names))
    # Root has after exec what the bounding set allows; another user what is permitted and made ambient.
    missing = kept & ~(bounding if uid == 0 else permitted & bounding)
    if missing:
        raise Impossible(
            f"capabilities: we do not have {named(missing)} ourselves; the container needs --cap-add for it"
        )
    found: list[Step] = []
    dropped = [number for number in range(64) if (bounding & ~kept) >> number & 1]
    if dropped and _mask("CapEff") & _SETPCAP:
        found.append(("capabilities", lambda: _drop(dropped)))
    elif dropped and (uid == 0 or not no_new_privs):
        raise Impossible(
            "capabilities: the bounding set cannot be reduced without CAP_SETPCAP"
            + ("" if uid == 0 else "; with no_new_privs = true it need not be")
        )
    if identity is not None:
        if uid != 0 and kept:
            found.append(("capabilities", lambda: _must(prctl(PR_SET_KEEPCAPS, 1))))
        found += _switch(identity)
    # Root lacks a kept capability only from here to exec, which gives it back.
    have = kept & permitted
    found.append(("capabilities", lambda: _keep(kept, have, uid)))
    return found


def same_bounds(bounding: int, uid: int) -> list[Step]:
    """Gives this process no more rights than one whose bounding set is `bounding`. Impossible."""
    have = _mask("CapBnd")
    if uid == 0 and bounding & ~have:
        raise Impossible(
            f"capabilities: the program has {named(bounding & ~have)}, this process does not; give it to the"
            " container's exec, too"
        )
    more = [number for number in range(64) if (have & ~bounding) >> number & 1]
    return [("capabilities", lambda: _drop(more))] if more and _mask("CapEff") & _SETPCAP else []


def _drop(numbers: Iterable[int]) -> None:
    for number in numbers:
        _must(prctl(PR_CAPBSET_DROP, number))


def _keep(kept: int, have: int, uid: int) -> None:
    inherited = 0 if uid == 0 else kept  # what is ambient has to be inheritable; root needs neither
    prctl(PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL)
    halves = [
        (mask >> shift & 0xFFFFFFFF).to_bytes(4, "little")
        for shift in (0, 32)
        for mask in (have, have, inherited)
    ]
    _must(capset(_HEADER, b"".join(halves)))
    if uid != 0:
        for number in range(64):
            if kept >> number & 1:
                _must(prctl(PR_CAP_AMBIENT, AMBIENT_RAISE, number))


def facts() -> dict[str, int]:
    """Returns what the kernel says of this process: masks of capabilities (`CapBnd`), and NoNewPrivs."""
    with open("/proc/self/status", "rb") as status:
        words = [line.split() for line in status if line.startswith((b"Cap", b"NoNewPrivs"))]
    return {name.decode().rstrip(":"): int(value, 16) for name, value in words}


def _mask(key: str) -> int:
    return facts().get(key, 0)


def _number(path: str) -> int:
    try:
        with open(path, "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def named(mask: int) -> str:
    """Returns the names of the capabilities in a mask."""
    return ", ".join(name for number, name in enumerate(NAMES) if mask >> number & 1)
