"""Fixtures of the podman ring: the image in the store of root and of a user, and containers."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.container.images import BASES, last_word
from tests.paths import ROOT
from tests.podman.store import IMAGE, USER, Container, Store


@pytest.fixture(scope="session")
def archive() -> Iterator[Path]:
    """The image, built by the engine of the container ring, in a file that every user may read."""
    if os.geteuid() != 0 or shutil.which("podman") is None:
        pytest.skip("takes root and podman")
    os.environ.setdefault("IMAGE_BUILDER", BASES[0])
    last_word([str(ROOT / "docker/image.sh"), IMAGE, BASES[0], "--quiet"])
    with tempfile.TemporaryDirectory(prefix="supervice-podman-") as name:
        file = Path(name) / "image.tar"
        subprocess.run(["docker", "save", "--output", str(file), IMAGE], check=True)
        file.parent.chmod(0o755)
        file.chmod(0o644)
        yield file


@pytest.fixture(scope="session", params=["root", USER], ids=["as root", "rootless"])
def store(request: pytest.FixtureRequest, archive: Path) -> Iterator[Store]:
    made = Store(request.param)
    made.take(archive)
    if made.trouble:
        pytest.skip(f"podman runs no container here: {made.trouble}")
    yield made
    made.ask("system", "migrate")  # ends the process that holds the user's namespace


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the user of `rootless` may enter too."""
    with tempfile.TemporaryDirectory(prefix="supervice-podman-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
def run(store: Store, folder: Path) -> Iterator[Callable[..., Container]]:
    """`run(CONFIG, OPTION…)` is a container with that configuration; it is gone after the test."""
    started: list[Container] = []

    def start(config: str, *options: str) -> Container:
        started.append(Container(store, f"supervice-{uuid.uuid4().hex}", folder))
        started[-1].run(config, *options)
        return started[-1]

    yield start
    for one in started:
        one.remove()
