"""A file system and a name server that never answer, in namespaces of their own: `silent.py COMMAND ARG...`.

A FUSE mount at $SILENT_MOUNT whose server never reads, and a UDP socket at 127.0.0.1:53 that is all that
/etc/resolv.conf names. Both last as long as the command and are seen by nothing else.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

libc = ctypes.CDLL(None, use_errno=True)


def call(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    words = (source.encode(), target.encode(), kind.encode(), flags, data.encode() or None)
    call(libc.mount(*words), f"mount {target}")


def loopback() -> None:
    with socket.socket() as sock:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack("16xh14x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def main() -> None:
    call(libc.unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare")
    mount("none", "/", "none", MS_REC | MS_PRIVATE)
    loopback()
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    server.set_inheritable(True)
    place = os.environ.get("SILENT_MOUNT")
    if place:
        fuse = os.open("/dev/fuse", os.O_RDWR)
        os.set_inheritable(fuse, True)
        mount("silent", place, "fuse", 0, f"fd={fuse},rootmode=40000,user_id=0,group_id=0")
    resolv = os.environ["SILENT_RESOLV"]
    with open(resolv, "w") as file:
        file.write("nameserver 127.0.0.1\noptions timeout:30 attempts:2\n")
    mount(resolv, "/etc/resolv.conf", "none", MS_BIND)
    os.execvp(sys.argv[1], sys.argv[1:])


def possible() -> bool:
    """Whether this machine lets us: root, namespaces and /dev/fuse."""
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        return False
    pid = os.fork()
    if pid == 0:
        try:
            call(libc.unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare")
            mount("none", "/", "none", MS_REC | MS_PRIVATE)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


if __name__ == "__main__":
    main()
