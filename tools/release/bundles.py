"""`supervice-amd64.tar.gz` and `supervice-arm64.tar.gz`: the bundle's folder, to be laid over any image."""

from __future__ import annotations

import posixpath
import subprocess
import sys
from pathlib import Path

from tools.release.archives import compress, entries_of
from tools.release.tree import ROOT, Refused

ARCHITECTURES = ("amd64", "arm64")
FOLDER = "opt/supervice"


def name_of(architecture: str) -> str:
    """Without a version: the name never changes within a major version."""
    return f"supervice-{architecture}.tar.gz"


def build(architecture: str, out: Path) -> Path:
    """The archive of one architecture in `out`; the program is linked first if its sources changed."""
    command = [sys.executable, str(ROOT / "docker/bundle/build.py"), "--arch", architecture]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Refused(f"the bundle for {architecture} cannot be built: {done.stderr.strip()[-1000:]}")
    data = (ROOT / "build/bundle" / f"{architecture}.tar").read_bytes()
    check(data)
    path = out / name_of(architecture)
    path.write_bytes(compress(data))
    return path


def check(data: bytes) -> None:
    """Refuses an archive that would replace anything of the root it is laid over."""
    for member, _ in entries_of(data):
        if not posixpath.normpath(member.name).startswith(FOLDER + "/"):
            raise Refused(f"{member.name} is not below {FOLDER}")
        if (member.uid, member.gid) != (0, 0):
            raise Refused(f"{member.name} belongs to {member.uid}:{member.gid}, not to root")
        if member.issym():
            target = posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname))
            if not target.startswith(FOLDER + "/"):
                raise Refused(f"{member.name} is a link to {member.linkname}, out of {FOLDER}")
        elif not (member.isreg() or member.isdir()):
            raise Refused(f"{member.name} is neither a file nor a directory nor a link")
        elif member.mode not in (0o755, 0o644):
            raise Refused(f"{member.name} has the mode {member.mode:o}; 755 and 644 are right")
