"""The folder that is copied into images, and its archive: what is in them, how big, the same bytes each time."""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT
from tests.process.harness.bundle import ARCHITECTURE, bundle_folder

pytestmark = pytest.mark.timeout(1600)

MEGABYTE = 1_000_000


@pytest.fixture(scope="session")
def folder() -> Path:
    return bundle_folder()


@pytest.fixture(scope="session")
def archive(folder: Path) -> Path:
    return ROOT / "build/bundle" / f"{ARCHITECTURE}.tar"


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def test_one_program_by_three_names(folder: Path) -> None:
    assert run(folder / "bin/supervice", "--version").stdout.startswith("supervice ")
    assert run(folder / "bin/supervicectl", "--version").stdout.startswith("supervicectl ")
    assert run(folder / "lib/python", "-c", "print(6 * 7)").stdout == "42\n"
    for name in ("bin/supervicectl", "lib/python"):
        assert (folder / name).resolve() == (folder / "bin/supervice").resolve()


def test_it_names_no_loader(folder: Path) -> None:
    """Nor does it run one, so LD_PRELOAD is nothing to it."""
    data = (folder / "bin/supervice").read_bytes()
    assert data[:4] == b"\x7fELF"
    said = run("ldd", folder / "bin/supervice") if shutil.which("ldd") else None
    assert said is None or "not a dynamic executable" in said.stdout + said.stderr
    environment = {**os.environ, "LD_PRELOAD": "/nowhere.so"}
    assert run(folder / "bin/supervice", "--version", env=environment).stderr == ""


def test_the_archive_can_be_laid_over_any_root(archive: Path) -> None:
    """No directory of the root itself is in it, nothing belongs to who built it, and no link leaves it."""
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
    assert members
    for member in members:
        assert member.name.startswith("opt/supervice/"), member.name
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
        if member.issym():
            target = os.path.normpath(os.path.join(os.path.dirname(member.name), member.linkname))
            assert target.startswith("opt/supervice/"), member.name
        else:
            program = member.isdir() or member.name == "opt/supervice/bin/supervice"
            assert stat.S_IMODE(member.mode) == (0o755 if program else 0o644), member.name


def test_it_is_small(folder: Path, archive: Path) -> None:
    unpacked = sum(
        path.stat().st_size for path in folder.rglob("*") if not path.is_symlink() and path.is_file()
    )
    packed = len(gzip.compress(archive.read_bytes(), 9))
    assert packed <= 3 * MEGABYTE
    assert unpacked <= 9 * MEGABYTE


def test_the_same_sources_give_the_same_bytes(folder: Path, archive: Path, tmp_path: Path) -> None:
    program = ROOT / "docker/bundle/build.py"
    command: list[str | Path] = [sys.executable, program, "--again", "--arch", ARCHITECTURE, tmp_path]
    subprocess.run(command, check=True, timeout=600, capture_output=True)
    assert (tmp_path / archive.name).read_bytes() == archive.read_bytes()


def test_the_licence_of_each_part_is_in_it(folder: Path) -> None:
    there = {path.name for path in (folder / "licences").iterdir()}
    assert there == {
        "CPython",
        "click",
        "cronsim",
        "expat",
        "h11",
        "musl",
        "supervice",
        "tzdata",
        "zig",
        "zlib",
    }
    for path in (folder / "licences").iterdir():
        text = path.read_text().lower()
        assert "copyright" in text or "licen" in text or "public domain" in text, path.name


def test_time_zones_are_in_it(folder: Path) -> None:
    """Also where the machine has none."""
    code = "import zoneinfo; zoneinfo.reset_tzpath([zoneinfo.TZPATH[0]]); print(zoneinfo.ZoneInfo('Europe/Berlin'))"
    said = run(folder / "lib/python", "-c", code)
    assert said.stdout == "Europe/Berlin\n", said.stderr


def test_the_environment_says_nothing_to_its_python(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "os.py").write_text("raise SystemExit('an os.py of another project')")
    hostile = {
        "PYTHONHOME": str(tmp_path),
        "PYTHONPATH": str(tmp_path),
        "PYTHONSTARTUP": str(tmp_path / "os.py"),
        "PYTHONINSPECT": "1",
        "LANG": "tlh_KX.EBCDIC",
        "LC_ALL": "tlh_KX.EBCDIC",
        "LD_PRELOAD": "/nowhere.so",
    }
    said = run(folder / "bin/supervice", "--version", env=hostile, cwd=tmp_path)
    assert (said.returncode, said.stderr) == (0, "")
    said = run(folder / "bin/supervice", "-c", "none", "--", "/usr/bin/env", env=hostile, cwd=tmp_path)
    for name, value in hostile.items():
        assert f"{name}={value}\n" in said.stdout  # but they are the program's


def test_names_of_files_are_bytes(folder: Path, tmp_path: Path) -> None:
    """Whatever LANG says."""
    name = os.fsencode(tmp_path) + b"/\xff\xc3\xa9"
    said = subprocess.run(
        [folder / "bin/supervice", "-c", "none", "--", "touch", name], env={"LANG": "C", "PATH": os.environ["PATH"]}, check=False
    )  # fmt: skip
    assert said.returncode == 0
    assert os.path.exists(name)


def test_it_runs_from_any_path(folder: Path, tmp_path: Path) -> None:
    """And its helper processes find the interpreter there."""
    elsewhere = tmp_path / "a folder" / "with 'quotes'"
    shutil.copytree(folder, elsewhere, symlinks=True)
    (tmp_path / "link").symlink_to(elsewhere / "bin/supervice")
    assert run(tmp_path / "link", "--version").returncode == 0
    said = run(elsewhere / "lib/python", "-c", "import sys; print(sys.executable)")
    assert said.stdout == f"{elsewhere}/lib/python\n"


def test_prctl_and_capset_come_from_the_module(folder: Path) -> None:
    """There is no dlopen in a static program."""
    code = (
        "import sys; from supervice.pid1 import subreaper as s; "
        "assert s.become_subreaper() and s.prctl(37, 0) == -1; assert s.capset(bytes(8), bytes(24)) == -1; "
        "assert 'ctypes' not in sys.modules and '_supervice' in sys.modules"
    )
    said = run(folder / "lib/python", "-c", code)
    assert (said.returncode, said.stderr) == (0, "")


def test_host_names_need_no_unicode_tables(folder: Path) -> None:
    code = (
        "import socket; print(socket.getaddrinfo('localhost', 80)[0][4][1]);\n"
        "try: socket.getaddrinfo('b\\xfccher.example', 80)\n"
        "except UnicodeError as error: print(error)"
    )
    said = run(folder / "lib/python", "-c", code)
    port, refusal = said.stdout.splitlines()
    assert port == "80"
    assert "write the host name in its xn-- form" in refusal


@pytest.mark.skipif(shutil.which("qemu-aarch64-static") is None, reason="takes qemu-user-static")
def test_the_other_architecture_starts() -> None:
    """As far as an emulator goes, which cannot run children of another architecture by itself."""
    folder = ROOT / "build/bundle/arm64/opt/supervice"
    if not folder.is_dir():
        pytest.skip("not built: make bundle BUNDLES='amd64 arm64'")
    program = folder / "bin/supervice"
    emulator = "qemu-aarch64-static"
    assert run(emulator, program, "--version").stdout.startswith("supervice ")
    said = run(emulator, "-0", "supervicectl", program, "-s", "/nowhere", "health")
    assert said.returncode == 4
    assert said.stderr.startswith("supervicectl: Supervice is not running")
    code = "import _supervice, zlib, pyexpat, select, socket; print(_supervice.prctl(39, 0))"
    assert run(emulator, "-0", "python", program, "-c", code).stdout == "0\n"
    assert run(emulator, program, "-c", "none", "--", "sh", "-c", "exit 3").returncode == 3
