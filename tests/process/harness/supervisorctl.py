"""supervisorctl as it comes from PyPI, and the two daemons that it may talk to."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.eventually import eventually
from tests.paths import PROGRAMS

CTL = [sys.executable, "-c", "from supervisor.supervisorctl import main; main()"]
SUPERVISORD = [sys.executable, "-c", "from supervisor.supervisord import main; main()", "-n"]
SUPERVICE = [sys.executable, "-m", "supervice.cli"]

HEAD = """\
[unix_http_server]
file={dir}/s.sock
[supervisord]
logfile={dir}/main.log
pidfile={dir}/main.pid
childlogdir={dir}
[supervisorctl]
serverurl=unix://{dir}/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""


class Forks:
    """supervisorctl in forks of one process that has imported it (tests/programs/ctl_forks.py)."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="supervice-ctl-"))
        self._socket = str(self._folder / "s")
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAMS / "ctl_forks.py"), self._socket], stdin=subprocess.DEVNULL
        )

    def run(self, argv: list[str], cwd: Path, stdin: str, timeout: float) -> tuple[str, int]:
        with eventually(self._connect, 30) as sock:
            sock.settimeout(timeout)
            sock.sendall(json.dumps({"argv": argv, "cwd": str(cwd), "stdin": stdin}).encode() + b"\n")
            data = b""
            while part := sock.recv(65536):
                data += part
        text, _, code = data.rpartition(b"\0")
        return text.decode(), int(code)

    def _connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(self._socket)
        except OSError:
            sock.close()
            raise
        return sock

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder)


@cache
def forks() -> Forks:
    """Started with the first question; the session ends it."""
    return Forks()


class Stock:
    """A daemon on a stock supervisord file: ours, or supervisord itself."""

    def __init__(self, directory: Path, text: str, daemon: list[str], head: str = HEAD) -> None:
        directory.mkdir()
        self.directory = directory
        self.config = directory / "supervisord.conf"
        self.head = head
        self.write(text)
        self.socket = directory / "s.sock"
        with (directory / "out").open("ab") as out:
            self.process = subprocess.Popen(
                [*daemon, "-c", str(self.config)],
                cwd=directory,
                env={**os.environ, "SUPERVICE_SOCKET": str(directory / "own.sock")},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def write(self, text: str) -> None:
        self.config.write_text((self.head + text).replace("{dir}", str(self.directory)))

    def text(self) -> str:
        return (self.directory / "out").read_text()

    def command(self, *words: str) -> list[str]:
        """How a supervisorctl of its own is started."""
        return [*CTL, "-c", str(self.config), *words]

    def ctl(self, *words: str, stdin: str = "", timeout: float = 60) -> tuple[str, int]:
        """What it printed, and its exit code."""
        return forks().run(["-c", str(self.config), *words], self.directory, stdin, timeout)

    def wait(self) -> None:
        eventually(
            lambda: self.ctl("pid")[1] == 0 and self.ctl("pid")[0].strip().isdigit(), 20, message=self.text()
        )

    def wait_status(self, pattern: str) -> str:
        def there() -> str | None:
            out = self.ctl("status")[0]
            return out if re.search(pattern, out) else None

        found = eventually(there, 20, message=f"{pattern} in the status: {self.text()}")
        assert found is not None
        return found

    def tell_to_stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        self.tell_to_stop()
        self.wait_stopped()

    def wait_stopped(self) -> None:
        if self.process.poll() is None:
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"the daemon did not stop: {self.text()}") from None


def comparable(text: str, directory: Path) -> str:
    """Without what differs from one run to the next."""
    text = text.replace(str(directory), "DIR")
    text = re.sub(r"pid \d+, uptime [\d:]+", "pid N, uptime T", text)
    text = re.sub(r"[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M", "WHEN", text)
    return re.sub(r"line: \d+", "line: N", text)
