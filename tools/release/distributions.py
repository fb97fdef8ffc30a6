"""The sdist and the wheel, built of the files of the commit and made the same bytes for every builder."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from tools.release.archives import compress, entries_of, normal_tar, sha256
from tools.release.tree import Refused

REQUIREMENTS = "supervice-requirements.txt"
# The dependencies of pyproject.toml; the bundle has the time zones too.
NEEDED = ("click", "cronsim", "h11")


def build(source: Path, out: Path, epoch: int) -> list[Path]:
    """Both, in `out`, checked by twine. `Refused` when the build or the check fails."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0", "TZ": "UTC"}
    made = source.parent / "dist"
    _run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(made), str(source)], environment)
    paths = []
    for path in sorted(made.iterdir()):
        data = path.read_bytes()
        data = (
            normal_wheel(data, epoch)
            if path.suffix == ".whl"
            else compress(normal_tar(entries_of(data), epoch))
        )
        (out / path.name).write_bytes(data)
        paths.append(out / path.name)
    _run([sys.executable, "-m", "twine", "check", "--strict", *map(str, paths)], environment)
    return paths


def requirements(wheel: Path, wheels: dict[str, list[str]]) -> str:
    """What `pip install --require-hashes -r` takes: the wheel and its libraries, those of the bundle."""
    rows = {"supervice": (wheel.name.split("-")[1], sha256(wheel.read_bytes()))}
    rows |= {name: (version, digest) for name, (version, digest) in wheels.items() if name in NEEDED}
    return "".join(f"{name}=={version} --hash=sha256:{digest}\n" for name, (version, digest) in rows.items())


def normal_wheel(data: bytes, epoch: int) -> bytes:
    """The wheel with the same files in the order that it has them; RECORD stays the last and true."""
    moment = time.gmtime(max(epoch, 315532800))[:6]  # zip begins in 1980
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new,
    ):
        names = sorted(
            old.namelist(), key=lambda name: (".dist-info/" in name, name.endswith("/RECORD"), name)
        )
        for name in names:
            member = zipfile.ZipInfo(name, moment)
            member.external_attr = 0o100644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(member, old.read(name))
    return out.getvalue()


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(f"{' '.join(command[1:4])} failed:\n{(done.stdout + done.stderr)[-3000:]}")
