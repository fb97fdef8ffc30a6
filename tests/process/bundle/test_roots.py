"""The bundle in a root with nothing else in it: no /tmp, /run, /etc/passwd, /proc, /dev, no library, no shell."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.process.harness.bundle import bundle_folder

pytestmark = [
    pytest.mark.timeout(1600),
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="takes root and unshare"),
]

CHROOT = shutil.which("chroot") or "/usr/sbin/chroot"
SUPERVICE = "/opt/supervice/bin/supervice"
PROGRAM = '/opt/supervice/lib/python -c "import time; time.sleep(1000)"'
CONFIG = f"[supervice]\n[program:one]\ncommand = {PROGRAM}\nstartsecs = 0\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(bundle_folder(), tmp_path / "root/opt/supervice", symlinks=True)
    (tmp_path / "root/etc/supervice").mkdir(parents=True)
    (tmp_path / "root/etc/supervice/supervice.conf").write_text(CONFIG)
    return tmp_path / "root"


def enter(root: Path, *command: str) -> list[str]:
    return ["unshare", "--pid", "--fork", "--kill-child", CHROOT, str(root), *command]


class Running:
    """The daemon as PID 1 of a namespace, with its log in a file."""

    def __init__(self, root: Path, *command: str) -> None:
        self.log = root.parent / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                enter(root, *command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={}
            )

    def wait_log(self, text: str) -> None:
        eventually(lambda: text in self.log.read_text(), 20, message=f"{text!r} in the log")

    def stop(self) -> int:
        """TERM to PID 1, which is the child of unshare; its exit code."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        os.kill(int(children), signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture
def running(root: Path) -> Iterator[Running]:
    os.mkdir(root / "dev")
    os.mknod(root / "dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    one = Running(root, SUPERVICE)
    yield one
    one.process.kill()
    one.process.wait()


def test_a_single_command_takes_nothing(root: Path) -> None:
    code = "import os; os._exit(os.getpid() + 5)"
    done = subprocess.run(
        enter(root, SUPERVICE, "-c", "none", "--", "/opt/supervice/lib/python", "-c", code),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, env={}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


def test_programs_take_dev_null(root: Path) -> None:
    """Without it the log says so in one line."""
    one = Running(root, SUPERVICE)
    one.wait_log("one: /dev/null: No such file or directory")
    assert one.stop() == 0
    assert "Traceback" not in one.log.read_text()


def test_a_daemon_without_a_place_for_its_socket(running: Running) -> None:
    running.wait_log("one: running")
    assert "running without a control socket: no directory for it can be written" in running.log.read_text()
    assert running.stop() == 0


@pytest.mark.parametrize("folder", ["tmp", "run", "dev/shm"])
def test_one_place_is_enough(root: Path, folder: str) -> None:
    os.mkdir(root / "dev")
    os.mknod(root / "dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (root / folder).mkdir()
    one = Running(root, SUPERVICE)
    try:
        one.wait_log("one: running")
        ctl = [CHROOT, str(root), "/opt/supervice/bin/supervicectl"]

        def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*ctl, *arguments], capture_output=True, text=True, timeout=30, env={}, check=False
            )

        said = eventually(
            lambda: (said := ask("-s", f"/{folder}/supervice.sock", "health")).returncode == 0 and said
        )
        assert said.stdout.startswith("healthy\n")
        assert "RUNNING" in ask("-s", f"/{folder}/supervice.sock", "status").stdout
        assert one.stop() == 0
    finally:
        one.process.kill()
        one.process.wait()
