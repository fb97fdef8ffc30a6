"""A real daemon per test, asked over its real socket; nothing of it may be left when the test ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supervice.control.client import Client
from tests import procfs
from tests.eventually import eventually


class Daemon:
    """`supervice -c FILE` as a child of the test, with its output in files."""

    def __init__(self, directory: Path, text: str, *args: str, env: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.config = directory / "supervice.conf"
        self.socket = directory / "s.sock"
        if "[supervice]" not in text:
            text = f"[supervice]\nsocket = {self.socket}\n{text}"
        self.config.write_text(text)
        self.out = directory / "out"
        self.err = directory / "err"
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "supervice.cli", "-c", str(self.config), *args],
                cwd=directory,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def ask(self, command: str, *names: str, **more: Any) -> dict[str, Any]:
        request = {"command": command, **more}
        if len(names) == 1:
            request["name"] = names[0]
        elif names:
            request["names"] = list(names)
        with Client(str(self.socket)) as client:
            return client.ask(request, 60)

    def status(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.ask("status")["processes"]}

    def row(self, name: str) -> dict[str, Any]:
        return self.status()[name]

    def wait_state(self, name: str, *states: str, timeout: float = 15) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            row = self.row(name)
            return row if row["state"] in states else None

        found = eventually(there, timeout, message=f"{name} in {states}: {self.text()}")
        assert found is not None
        return found

    def text(self) -> str:
        return self.out.read_text() + self.err.read_text()

    def wait_text(self, text: str, timeout: float = 15) -> str:
        eventually(lambda: text in self.text(), timeout, message=f"{text!r} in the output")
        return self.text()

    def signal(self, signum: int) -> None:
        self.process.send_signal(signum)

    def wait(self, timeout: float = 20) -> int:
        return self.process.wait(timeout)

    def rewrite(self, text: str) -> None:
        self.config.write_text(f"[supervice]\nsocket = {self.socket}\n{text}")


def alive(pid: int) -> bool:
    """Whether there is such a process that is no zombie."""
    return procfs.state(pid) not in ("", "Z", "X")


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
