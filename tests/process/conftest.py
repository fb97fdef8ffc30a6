"""A real daemon per test; nothing of it may be left when the test ends."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon
from tests.process.harness.descriptors import descriptors


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Makes daemons; they are stopped, and what is left of them is a failure."""
    made: list[Daemon] = []

    def make(text: str, *args: str, wait: bool = True, env: dict[str, str] | None = None) -> Daemon:
        directory = tmp_path / str(len(made))
        directory.mkdir()
        one = Daemon(directory, text, *args, env=env)
        made.append(one)
        if wait:
            eventually(lambda: one.ask("status"), message=f"the daemon answers: {one.text()}")
        return one

    yield make
    for one in made:
        if one.process.poll() is None:
            one.signal(signal.SIGTERM)
            try:
                one.wait(15)
            except subprocess.TimeoutExpired:
                one.process.kill()
                one.wait()
                raise AssertionError(f"the daemon did not stop: {one.text()}") from None


@pytest.fixture
def no_leak() -> Iterator[None]:
    before = len(descriptors())
    yield
    eventually(lambda: len(descriptors()) <= before, message="no descriptor is left open")
