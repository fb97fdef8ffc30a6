"""A daemon of root's beside a stranger, uid 12345, who owns the directory that its paths lead through.

The daemon has a mount namespace of its own: its /tmp, /run and /dev/shm are directories of the stage, so that
tests neither meet each other nor a daemon of this machine.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervice.control.client import Client
from tests import procfs
from tests.eventually import eventually
from tests.paths import ROOT

STRANGER = 12345
OTHER = 54321
SECRET = "what only root may read\n"

# argv: the stage, the checkout, then the command. The descriptors and the pid stay as they are. A checkout
# below /tmp is still to be found there.
ENTER = """
case $2 in
/tmp/*) mkdir -p "$1$2" && mount --bind "$2" "$1$2" || exit 99;;
esac
mount --rbind "$1/tmp" /tmp && mount --bind "$1/run" /run && mount --bind "$1/shm" /dev/shm || exit 99
shift 2
exec "$@"
"""


class Stage:
    """`data` is the stranger's, `data/sub` too; `private` is root's alone and holds `victim`."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="hostile-", dir="/var/tmp"))
        self.root.chmod(0o755)
        for name, mode in (("tmp", 0o1777), ("run", 0o755), ("shm", 0o1777), ("private", 0o700)):
            (self.root / name).mkdir()
            (self.root / name).chmod(mode)
        self.tmp, self.private = self.root / "tmp", self.root / "private"
        self.data = self.root / "data"
        self.sub = self.data / "sub"
        for directory in (self.data, self.sub):
            directory.mkdir(mode=0o755)
            os.chown(directory, STRANGER, STRANGER)
        self.victim = self.private / "victim"
        self.victim.write_text(SECRET)
        self.victim.chmod(0o600)
        self.config = self.root / "supervice.conf"
        self.daemon: subprocess.Popen[bytes] | None = None
        self._helpers: list[int] = []

    # -- the daemon --------------------------------------------------------------------------------------

    def start(self, text: str, **env: str) -> subprocess.Popen[bytes]:
        self.config.write_text(text)
        environ = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
        out = (self.root / "out").open("ab")
        with out:
            self.daemon = subprocess.Popen(
                [
                    *("unshare", "--mount", "sh", "-c", ENTER, "sh", str(self.root), str(ROOT)),
                    *(sys.executable, "-m", "supervice.cli", "-c", str(self.config)),
                ],
                cwd=self.root,
                env={**environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        return self.daemon

    @property
    def text(self) -> str:
        return (self.root / "out").read_text(errors="replace")

    def said(self, text: str, timeout: float = 15) -> str:
        eventually(lambda: text in self.text, timeout, message=f"{text!r} in {self.text}")
        return self.text

    def said_more(self, text: str, often: int) -> None:
        """Waits until it was said more often."""
        eventually(lambda: self.text.count(text) > often, 15, message=f"{text!r} in {self.text}")

    def stop(self, timeout: float = 15) -> int:
        """TERM, and the exit code."""
        assert self.daemon is not None
        self.daemon.terminate()
        try:
            return self.daemon.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon does not end: {self.text}") from None

    def kill(self) -> None:
        """SIGKILL to the daemon, and to its programs, which would run on."""
        assert self.daemon is not None
        self.daemon.send_signal(signal.SIGSTOP)  # or it starts another one after they were counted
        eventually(lambda: procfs.state(self.daemon.pid if self.daemon else 0) in ("T", "Z", ""), 10)
        left = procfs.descendants(self.daemon.pid)
        self.daemon.kill()
        self.daemon.wait()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def run(self, *argv: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
        """A command in the mount namespace of the daemon, as `docker exec` runs one."""
        assert self.daemon is not None
        environ = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
        return subprocess.run(
            ["nsenter", f"--mount=/proc/{self.daemon.pid}/ns/mnt", f"--wd={self.root}", *argv],
            env=environ,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def sockets(self) -> list[Path]:
        moved = (
            self.sub / "moved-s.sock",
            self.data / "moved" / "s.sock",
        )  # which works on under its new name
        return [
            self.sub / "s.sock",
            *moved,
            *(self.root / name / "supervice.sock" for name in ("tmp", "run", "shm")),
        ]

    def ask(self, command: str, **more: Any) -> dict[str, Any]:
        """Asks the daemon wherever it listens."""
        problem: Exception | None = None
        for path in self.sockets():
            try:
                with Client(str(path), 0.5) as client:
                    return client.ask({"command": command, **more}, 15)
            except Exception as error:
                problem = error
        raise problem or AssertionError("nowhere")

    def answers(self, timeout: float = 15) -> dict[str, dict[str, Any]]:
        reply = eventually(lambda: self.ask("status"), timeout, message=f"the daemon answers: {self.text}")
        return {row["name"]: row for row in reply["processes"]}

    # -- the stranger ------------------------------------------------------------------------------------

    def helper(self, do: Callable[[], object], uid: int = STRANGER) -> int:
        """A process of the stranger's that does something and then stays until the test ends; its pid."""
        ready, done = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(ready)
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
                kept = do()
                os.write(done, b"1")
                while kept is not self:
                    signal.pause()
            finally:
                os._exit(1)
        os.close(done)
        self._helpers.append(pid)
        try:
            assert os.read(ready, 1) == b"1", "the stranger's process failed"
        finally:
            os.close(ready)
        return pid

    def give(self, path: Path, uid: int = STRANGER) -> Path:
        os.chown(path, uid, uid, follow_symlinks=False)
        return path

    def close(self) -> None:
        for pid in self._helpers:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        if self.daemon is not None and self.daemon.poll() is None:
            self.kill()
        shutil.rmtree(self.root)


def held(path: Path) -> int:
    """Opens a FIFO or a file and locks it, as who wants to be in the way does."""
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def seen(path: Path) -> dict[str, tuple[object, ...]]:
    """Everything below `path`, to be compared: kind, mode, owner, inode and content."""
    found: dict[str, tuple[object, ...]] = {}
    for one in [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]:
        status = os.lstat(one)
        content: object = None
        if stat.S_ISREG(status.st_mode):
            content = one.read_bytes()
        elif stat.S_ISLNK(status.st_mode):
            content = os.readlink(one)
        found[str(one)] = (status.st_mode, status.st_uid, status.st_gid, status.st_ino, content)
    return found
