"""Tells which paths may hang: those below a mount that another machine or process serves (NFS, FUSE, CIFS).

It decides without touching such a mount: /proc/self/mountinfo never waits, and it follows links itself up to
where a mount begins. Most containers have none, and the answer costs one poll.
"""

from __future__ import annotations

import os
import select

# File systems of the kernel itself: their data is in memory or on a disk, which answers or fails.
_OWN = frozenset(
    {
        "aufs", "binfmt_misc", "bpf", "btrfs", "cgroup", "cgroup2", "configfs", "debugfs", "devpts",
        "devtmpfs", "efivarfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fusectl",
        "hugetlbfs", "iso9660", "jfs", "mqueue", "nsfs", "ntfs3", "overlay", "proc", "pstore", "ramfs",
        "reiserfs", "rootfs", "securityfs", "selinuxfs", "squashfs", "sysfs", "tmpfs", "tracefs",
        "udf", "vfat", "xfs", "zfs",
    }
)  # fmt: skip
# The most links to follow; the kernel has the same limit.
LINKS = 40


class Mounts:
    """The table of mounts, read again when it has changed."""

    def __init__(self) -> None:
        self._fd = -1
        self._poll = select.poll()
        self._foreign: dict[str, str] = {}  # mount point -> type

    def _read(self) -> dict[str, str]:
        if self._fd < 0:
            try:
                self._fd = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return {}  # nothing is known, as before
            self._poll.register(self._fd, select.POLLPRI)
        elif not self._poll.poll(0):  # as the kernel has it, a change is an "error" of this file
            return self._foreign
        text = b""
        while part := os.pread(self._fd, 65536, len(text)):
            text += part
        self._foreign = foreign(text)
        return self._foreign

    def any(self) -> bool:
        """Returns whether there is a mount that may hang."""
        return bool(self._read())

    def silent(self, path: str) -> str:
        """Returns the mount that decides whether `path` answers: "/data (nfs4)"; "" for the kernel's own."""
        mounts = self._read()
        if not mounts:
            return ""
        todo = path.split("/")[::-1]
        here, links = "", 0
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                here = here.rpartition("/")[0]
                continue
            here = f"{here}/{name}"
            if here in mounts:
                return f"{here} ({mounts[here]})"
            try:
                target = os.readlink(here)
            except OSError:
                continue  # no link, or not there
            links += 1
            if links > LINKS:
                return ""
            here = "" if target.startswith("/") else here.rpartition("/")[0]
            todo += target.split("/")[::-1]
        return ""

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def foreign(text: bytes) -> dict[str, str]:
    """Returns the mounts of /proc/self/mountinfo that are served from elsewhere, with their types.

    The root is never among them: if it hung, nothing here would run.
    """
    found = {}
    for line in text.split(b"\n"):
        head, _, tail = line.partition(b" - ")
        fields, kind = head.split(b" "), tail.split(b" ")[0].decode(errors="replace")
        if len(fields) < 5 or kind in _OWN:
            continue
        point = os.fsdecode(_unescaped(fields[4]))
        if point != "/":
            found[point] = kind
    return found


def _unescaped(text: bytes) -> bytes:
    """Returns the path with octal escapes (blanks and backslashes) resolved."""
    head, *rest = text.split(b"\\")
    return head + b"".join(bytes([int(part[:3], 8)]) + part[3:] for part in rest)
