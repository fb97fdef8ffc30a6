"""Asks the kernel about the process at the other end of a Unix socket: pid, uid and groups."""

from __future__ import annotations

import _socket  # the C half of `socket`: the other half costs 8 ms and 0.3 MB and adds nothing that we use
import os

SO_PEERGROUPS = 59  # asm-generic/socket.h, Linux 4.13; `socket` has no name for it


class Peer:
    """The process that connected (for a server), or that listens (for a client), at that time."""

    __slots__ = ("gid", "pid", "uid")  # no dataclass: making one costs every `supervicectl` a millisecond

    def __init__(self, pid: int, uid: int, gid: int) -> None:
        self.pid = pid
        self.uid = uid
        self.gid = gid


def peer_of(sock: _socket.socket) -> Peer:
    """Returns the peer. OSError when the socket is not connected."""
    raw = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)  # struct ucred: three ints
    pid, uid, gid = memoryview(raw).cast("i")
    return Peer(pid, uid & 0xFFFFFFFF, gid & 0xFFFFFFFF)


def mount_namespace() -> int:
    """Returns the inode of our mount namespace, unique to each container; 0 where /proc does not tell."""
    try:
        return os.stat("/proc/self/ns/mnt").st_ino
    except OSError:
        return 0


def in_this_container(pid: int) -> bool | None:
    """Returns whether the process `pid` of `peer_of` is in our container: visible, with our mounts.

    None when /proc does not tell.
    """
    if pid <= 0:
        return False  # in a pid namespace that is not ours
    try:
        return os.stat(f"/proc/{pid}/ns/mnt").st_ino == os.stat("/proc/self/ns/mnt").st_ino
    except FileNotFoundError:
        return None  # hidden from us, or gone
    except OSError:
        pass  # another user's: its mounts can be read all the same
    try:
        return _mounts(pid) == _mounts(os.getpid())
    except OSError:
        return None


def _mounts(pid: int) -> set[bytes]:
    """Returns the ids of its mounts, which are unique on the machine (proc_pid_mountinfo(5))."""
    with open(f"/proc/{pid}/mountinfo", "rb") as file:
        return {line.partition(b" ")[0] for line in file}


def groups_of(sock: _socket.socket, peer: Peer) -> set[int]:
    """Returns all groups of the peer that can be found out."""
    groups: set[int] = set()
    try:
        # 1024 bytes is the most that Python asks for: 256 groups
        raw = sock.getsockopt(_socket.SOL_SOCKET, SO_PEERGROUPS, 1024)
        groups.update(memoryview(raw).cast("I"))
    except OSError:
        try:
            with open(f"/proc/{peer.pid}/status", "rb") as file:
                groups |= groups_from_status(file.read(), peer.uid)
        except (OSError, ValueError):
            pass
    groups.add(peer.gid)
    return groups


def groups_from_status(status: bytes, uid: int) -> set[int]:
    """Returns the supplementary groups in a /proc/PID/status, if that process (still) runs as `uid`."""
    groups: set[int] = set()
    for line in status.splitlines():
        key, _, value = line.partition(b":")
        # the second number is the effective uid; if it differs, the pid has been reused
        if key == b"Uid" and value.split()[1:2] != [str(uid).encode()]:
            return set()
        if key == b"Groups":
            groups = {int(gid) for gid in value.split()}
    return groups
