"""`make release` in a clone of its own: from the commit alone, and twice the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from supervice import __version__
from tests.paths import ROOT
from tests.process.harness.bundle import ARCHITECTURE, bundle_folder

pytestmark = pytest.mark.timeout(1600)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of what is committed here, which shares what the bundle was built of."""
    bundle_folder()
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    root = tmp_path_factory.mktemp("clone") / "supervice"
    command = ["git", "-c", "safe.directory=*", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(root)]
    subprocess.run(command, check=True)
    return root


@pytest.fixture(scope="module")
def release(clone: Path) -> Callable[..., Path]:
    """`release("first", umask=0o077)`: the folder that it makes."""

    def make(name: str, umask: int = 0o022, **environment: str) -> Path:
        command = [sys.executable, "-m", "tools.release", f"build/{name}", "--arch", ARCHITECTURE]
        done = subprocess.run(
            command, cwd=clone, env={**os.environ, **environment}, umask=umask, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return clone / "build" / name

    return make


@pytest.fixture(scope="module")
def made(release: Callable[..., Path]) -> Path:
    return release("first")


def test_it_makes_what_is_published_under_the_names_that_never_change(made: Path) -> None:
    bundle = f"supervice-{ARCHITECTURE}.tar.gz"
    assert sorted(path.name for path in made.iterdir()) == sorted(
        [
            "SHA256SUMS",
            bundle,
            f"{bundle}.sha256",
            f"supervice-{__version__}-py3-none-any.whl",
            f"supervice-{__version__}.tar.gz",
            "supervice-docs.tar.gz",
            "supervice-oci.tar",
            "supervice-requirements.txt",
            "supervice.cdx.json",
            "supervice.vex.cdx.json",
        ]
    )
    for sums in ("SHA256SUMS", f"{bundle}.sha256"):
        subprocess.run(["sha256sum", "--check", "--quiet", sums], cwd=made, check=True)


def test_the_same_commit_gives_the_same_bytes(made: Path, release: Callable[..., Path], clone: Path) -> None:
    """Whatever the umask, the time zone, the locale and the times of the files are."""
    for path in clone.glob("supervice/**/*.py"):
        os.utime(path, (1, 1))
    again = release("second", umask=0o077, TZ="Asia/Tokyo", LC_ALL="C.UTF-8")
    assert (again / "SHA256SUMS").read_text() == (made / "SHA256SUMS").read_text()


def test_laid_over_a_root_it_replaces_nothing(made: Path, tmp_path: Path) -> None:
    """Also where /bin and /lib are links into /usr, and where /opt is one."""
    root = tmp_path / "root"
    for folder in ("usr/bin", "usr/lib", "usr/local/bin", "data/opt/other", "etc"):
        (root / folder).mkdir(parents=True)
    for name in ("bin", "lib"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "opt").symlink_to("data/opt")
    (root / "usr/bin/sh").write_text("a shell")
    before = {path: path.lstat() for path in root.rglob("*")}
    archive = made / f"supervice-{ARCHITECTURE}.tar.gz"
    subprocess.run(["tar", "-x", "-z", "-C", str(root), "-f", str(archive)], check=True)
    for path, old in before.items():
        new = path.lstat()
        assert (new.st_ino, new.st_mode) == (old.st_ino, old.st_mode), path
        if not path.is_dir():
            assert new.st_mtime_ns == old.st_mtime_ns, path
    added = set(root.rglob("*")) - set(before)
    assert all(path.is_relative_to(root / "data/opt/supervice") for path in added)
    said = subprocess.run(
        [root / "opt/supervice/bin/supervice", "--version"], capture_output=True, text=True, check=True
    )
    assert said.stdout == f"supervice {__version__}\n"


def test_the_sdist_has_what_a_build_takes_and_the_wheel_its_licence(made: Path) -> None:
    with tarfile.open(made / f"supervice-{__version__}.tar.gz") as tar:
        names = tar.getnames()
        about = tar.extractfile(f"supervice-{__version__}/PKG-INFO")
        assert about is not None
        text = about.read().decode()
    assert f"supervice-{__version__}/LICENSE" in names
    assert "License-Expression: Apache-2.0\n" in text
    assert "License-File: LICENSE\n" in text
    assert "Project-URL: Issues, " in text


def test_a_tree_that_is_not_clean_is_refused(clone: Path) -> None:
    (clone / "left-over").write_text("")
    try:
        command = [sys.executable, "-m", "tools.release", "build/third", "--arch", ARCHITECTURE]
        done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
    finally:
        (clone / "left-over").unlink()
    assert done.returncode == 1
    assert done.stderr == "release: the tree is not clean; commit these or take them away:\n  ?? left-over\n"
    assert not (clone / "build/third").exists()
