"""What the kernel says of the process at the other end of a Unix socket: pid, uid and groups."""

from __future__ import annotations

import _socket  # the C half of `socket`: the other half costs 8 ms and 0.3 MB and adds nothing that we use

SO_PEERGROUPS = 59  # asm-generic/socket.h, Linux 4.13; `socket` has no name for it


class Peer:
    """The process that connected (for a server), or that listens (for a client), at that time."""

    __slots__ = ("gid", "pid", "uid")  # no dataclass: making one costs every `supervicectl` a millisecond

    def __init__(self, pid: int, uid: int, gid: int) -> None:
        self.pid = pid
        self.uid = uid
        self.gid = gid


def peer_of(sock: _socket.socket) -> Peer:
    """OSError when the socket is not connected."""
    raw = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)  # struct ucred: three ints
    pid, uid, gid = memoryview(raw).cast("i")
    return Peer(pid, uid & 0xFFFFFFFF, gid & 0xFFFFFFFF)


def groups_of(sock: _socket.socket, peer: Peer) -> set[int]:
    """All groups of the peer. What cannot be found out is left out."""
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
    """The supplementary groups in the text of /proc/PID/status, if that process (still) runs as `uid`."""
    groups: set[int] = set()
    for line in status.splitlines():
        key, _, value = line.partition(b":")
        # the second number is the effective uid; another one means that the pid was reused in the meantime
        if key == b"Uid" and value.split()[1:2] != [str(uid).encode()]:
            return set()
        if key == b"Groups":
            groups = {int(gid) for gid in value.split()}
    return groups
