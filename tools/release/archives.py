"""Archives whose bytes depend on nothing but what is in them, and the files of their checksums."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

MODE_OF_PROGRAMS = 0o755
MODE_OF_FILES = 0o644


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def compress(data: bytes) -> bytes:
    """As gzip, without a name and without a time."""
    return gzip.compress(data, 9, mtime=0)


def normal_tar(entries: Iterable[tuple[tarfile.TarInfo, bytes]], epoch: int) -> bytes:
    """A tar archive in which owners, modes and times say nothing about the builder; sorted by name."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member, data in sorted(entries, key=lambda entry: entry[0].name):
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = epoch
            member.pax_headers = {}
            if not member.issym():
                member.mode = MODE_OF_PROGRAMS if member.isdir() or member.mode & 0o100 else MODE_OF_FILES
            tar.addfile(member, io.BytesIO(data) if member.isreg() else None)
    return out.getvalue()


def entries_of(data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    """The members of a tar archive, compressed or not, each with its bytes."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [(member, _bytes(tar, member)) for member in tar]


def _bytes(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member) if member.isreg() else None
    return file.read() if file else b""


def write_checksums(folder: Path) -> None:
    """SHA256SUMS of all files in `folder`, and `NAME.sha256` beside each bundle."""
    files = [
        path for path in sorted(folder.iterdir()) if path.suffix != ".sha256" and path.name != "SHA256SUMS"
    ]
    lines = {path.name: f"{sha256(path.read_bytes())}  {path.name}\n" for path in files}
    for name, line in lines.items():
        if name.startswith("supervice-") and name.removesuffix(".tar.gz").endswith(("-amd64", "-arm64")):
            (folder / f"{name}.sha256").write_text(line)
    (folder / "SHA256SUMS").write_text("".join(lines.values()))
