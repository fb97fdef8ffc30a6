"""A real daemon per test; nothing of it may be left when the test ends. And no turn of a loop that is too long."""

from __future__ import annotations

import gc
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervice.lean.loop import GUARD
from tests.eventually import eventually
from tests.process.harness.daemon import Daemon
from tests.process.harness.descriptors import descriptors
from tests.process.harness.loop_thread import LoopThread
from tests.process.harness.turning import is_measured


@pytest.fixture(autouse=True)
def turns(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Fails a test in which a turn of a loop, here or in a daemon, took more than 100 ms of its own.

    A test that makes one on purpose empties the file.
    """
    file = tmp_path_factory.mktemp("turns") / "turns"
    file.touch()
    file.chmod(0o666)
    if not is_measured():
        monkeypatch.setenv(GUARD, str(file))
    # What pytest itself keeps takes the collector 0.4 s, which would be in the turn of a loop in a thread.
    gc.disable()
    yield file
    gc.enable()
    long_turns = file.read_text()
    assert not long_turns, f"turns of the event loop that took too long:\n{long_turns}"


@pytest.fixture(autouse=True)
def loops() -> Iterator[None]:
    """Ends the loops in threads that a failed test has left: beside them no other test could run one."""
    yield
    for one in list(LoopThread.alive):
        one.stop()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Makes daemons; they are stopped, and what is left of them is a failure."""
    made: list[Daemon] = []

    def make(
        text: str,
        *args: str,
        wait: bool = True,
        env: dict[str, str] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> Daemon:
        directory = tmp_path / str(len(made))
        directory.mkdir()
        one = Daemon(directory, text, *args, env=env, prefix=prefix)
        made.append(one)
        if wait:
            try:
                # One that has little to do may have ended before it could be asked.
                eventually(lambda: one.process.poll() is not None or one.ask("status"), 20)
            except AssertionError as error:
                raise AssertionError(f"the daemon does not answer ({error}); it says: {one.text()}") from None
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
