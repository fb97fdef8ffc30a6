"""Fetches what `sources.py` pins, into a folder, each file checked against its SHA-256.

By apt where there is one: it knows the mirror, the proxy, and checks the signature of the archive. Otherwise,
and for a file that apt could not get, by HTTP from the mirror.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import sources
from sources import Source

PUBLIC_MIRROR = "http://deb.debian.org/debian"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TRIES = 4


class Missing(Exception):
    """Something that cannot be fetched here, in words."""


def say(text: str) -> None:
    print(f"bundle: {text}", file=sys.stderr, flush=True)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def alone(cache: Path, what: str) -> Iterator[None]:
    """Keeps another build that uses the same cache from doing `what` at the same time."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"lock-{what}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def need(tool: str) -> None:
    """Installs a program that a Debian without it has as a package of that name. `Missing`."""
    if shutil.which(tool) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"installing {tool} with apt")
        for verb in (["update"], ["install", "-y", "--no-install-recommends", tool]):
            subprocess.run(
                ["apt-get", "-qq", *verb], capture_output=True, stdin=subprocess.DEVNULL, check=False
            )
    if shutil.which(tool) is None:
        raise Missing(f"{tool} is not installed; apt-get install {tool}")


def fetch(folder: Path) -> dict[str, bytes]:
    """All sources in `folder`; the patches, by name. `Missing`."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [s for s in (sources.CPYTHON, sources.ZLIB_SOURCE) if not _good(folder / s.file, s.sha256)]
    if wanted or not _packagings(folder):
        say(f"fetching CPython {sources.PYTHON} and zlib {sources.ZLIB}, sources of Debian {sources.SUITE}")
        _by_apt(folder)
    for source in wanted:
        if not _good(folder / source.file, source.sha256):
            _by_http(folder, source)
    if not _packagings(folder):
        _by_http(folder, sources.PACKAGING)
    return _patches(folder)


def _good(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    if digest(path.read_bytes()) == sha256:
        return True
    path.unlink()
    return False


def mirror() -> str:
    """The mirror that is used on this machine, if it is a Debian; else the public one."""
    told = os.environ.get("DEBIAN_MIRROR")
    if told:
        return told.rstrip("/")
    try:
        debian = any(line.strip() == "ID=debian" for line in Path("/etc/os-release").read_text().splitlines())
    except OSError:
        debian = False
    if debian and shutil.which("apt-get"):
        command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Identifier: Packages"]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        for line in listed.splitlines():
            uri, _, release = line.partition(" ")
            if uri.startswith("http") and "security" not in uri and "-" not in release:
                return uri.rstrip("/")
    return PUBLIC_MIRROR


def _by_apt(folder: Path) -> None:
    """Whatever apt can get; it keeps what it has when a file of the same package is missing."""
    if not (shutil.which("apt-get") and KEYRING.is_file()):
        return
    state = folder / "apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (state / name).mkdir(parents=True, exist_ok=True)
    (state / "sources.list").write_text(f"deb-src [signed-by={KEYRING}] {mirror()} {sources.SUITE} main\n")
    options = {
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": state / "lists",
        "Dir::Cache": state / "cache",
        "APT::Sandbox::User": "root",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Retries": "3",
        "Acquire::Languages": "none",
    }
    apt = ["apt-get", "-qq", *(f"-o{key}={value}" for key, value in options.items())]
    log = state / "log"
    with log.open("ab") as out:
        for arguments in (
            ["update"],
            ["source", "--download-only", "--only-source", sources.CPYTHON.package],
            ["source", "--download-only", "--only-source", sources.ZLIB_SOURCE.package],
        ):
            subprocess.run([*apt, *arguments], cwd=folder, stdout=out, stderr=out, check=False)
    shutil.rmtree(state / "lists", ignore_errors=True)


def _by_http(folder: Path, source: Source) -> None:
    problem = ""
    for attempt in range(TRIES):
        for base in dict.fromkeys((mirror(), PUBLIC_MIRROR)):
            url = f"{base}/{urllib.parse.quote(source.path)}"
            try:
                with urllib.request.urlopen(url, timeout=60) as answer:
                    data = answer.read()
            except (OSError, urllib.error.URLError) as error:
                problem = f"{url}: {error}"
                continue
            if digest(data) == source.sha256:
                (folder / source.file).write_bytes(data)
                return
            problem = f"{url}: its SHA-256 is {digest(data)}, not {source.sha256}"
        time.sleep(2**attempt)
    raise Missing(f"{problem}; put the file into {folder}")


def _packagings(folder: Path) -> list[Path]:
    """The archives of Debian's packaging that are there, the newest revision first."""
    return sorted(folder.glob(sources.PACKAGING_PATTERN), reverse=True)


def _patches(folder: Path) -> dict[str, bytes]:
    for path in _packagings(folder):
        with tarfile.open(path) as archive:
            found = {}
            for name, sha256 in sources.PATCHES.items():
                try:
                    member = archive.extractfile(f"debian/patches/{name}")
                except KeyError:
                    break
                data = member.read() if member else b""
                if digest(data) != sha256:
                    break
                found[name] = data
            else:
                return found
    raise Missing(f"no archive in {folder} has the patches that docker/bundle/sources.py pins")


def zig(folder: Path) -> Path:
    """The compiler, unpacked below `folder`. `Missing`: there is no wheel for this machine, or no PyPI."""
    machine = platform.machine()
    place = folder / f"zig-{sources.ZIG}-{machine}"
    program = place / "ziglang" / "zig"
    if program.is_file():
        return program
    if machine not in sources.ZIG_WHEELS:
        raise Missing(f"there is no pinned compiler for {machine}; x86_64 and aarch64 have one")
    say(f"fetching the compiler, zig {sources.ZIG} (80 MB)")
    wanted = {"ziglang": (sources.ZIG, *sources.ZIG_WHEELS.values())}
    with alone(folder, "zig"), _wheels(folder, wanted) as wheels:
        if not program.is_file():
            temporary = _unpacked(wheels, place)
            (temporary / "ziglang" / "zig").chmod(0o755)
            temporary.rename(place)
    return program


def libraries(folder: Path) -> Path:
    """A folder with the libraries in Python, unpacked below `folder`. `Missing`."""
    place = folder / f"libraries-{digest(repr(sources.LIBRARIES).encode())[:16]}"
    if not place.is_dir():
        with alone(folder, "libraries"), _wheels(folder, sources.LIBRARIES) as wheels:
            if not place.is_dir():
                _unpacked(wheels, place).rename(place)
    return place


@contextlib.contextmanager
def _wheels(folder: Path, wanted: Mapping[str, tuple[str, ...]]) -> Iterator[list[Path]]:
    """The wheels of packages, each with its version and the SHA-256 that it may have."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        pinned = Path(place) / "pinned.txt"
        rows = (f"{name}=={version} {' '.join(f'--hash=sha256:{h}' for h in hashes)}\n"
                for name, (version, *hashes) in wanted.items())  # fmt: skip
        pinned.write_text("".join(rows))
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
        command = [*pip, "--only-binary=:all:", "--require-hashes", "-d", place, "-r", str(pinned)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Missing(f"{', '.join(wanted)} cannot be had from PyPI: {done.stderr.strip()[-500:]}")
        yield sorted(Path(place).glob("*.whl"))


def _unpacked(wheels: list[Path], place: Path) -> Path:
    """A folder beside `place` with what is in the wheels."""
    folder = place.with_name(f"{place.name}.tmp")
    shutil.rmtree(folder, ignore_errors=True)
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
    return folder
