"""A real daemon, asked over its real socket."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from signal import SIGTERM
from typing import Any

from supervice.control.client import Client
from tests import procfs
from tests.eventually import eventually


def surroundings() -> dict[str, str]:
    """Our environment, without what is meant for the tests: a daemon takes SUPERVICE_* for options of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SUPERVICE_TEST_")}


class Daemon:
    """`supervice -c FILE` as a child of the test, with its output in files; `prefix` is a command that runs it."""

    def __init__(
        self,
        directory: Path,
        text: str,
        *args: str,
        env: dict[str, str] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> None:
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
                [*prefix, sys.executable, "-m", "supervice.cli", "-c", str(self.config), *args],
                cwd=directory,
                env={**surroundings(), **(env or {})},
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

    def force(self, signum: int = SIGTERM, timeout: float = 15) -> int:
        """Sends a stop signal until it has ended: the same one, soon after the first, is taken for that."""

        def ended() -> bool:
            if self.process.poll() is None:
                self.signal(signum)
            return self.process.poll() is not None

        eventually(ended, timeout, message="the end by force")
        return self.wait()

    def wait(self, timeout: float = 20) -> int:
        return self.process.wait(timeout)

    def rewrite(self, text: str) -> None:
        self.config.write_text(f"[supervice]\nsocket = {self.socket}\n{text}")


def alive(pid: int) -> bool:
    """Whether there is such a process that is no zombie."""
    return procfs.state(pid) not in ("", "Z", "X")
