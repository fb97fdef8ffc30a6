"""Podman as root and as a user without rights, each with its own store of images, and containers in them."""

from __future__ import annotations

import os
import pwd
import resource
import shutil
import subprocess
from pathlib import Path

IMAGE = "localhost/supervice:podman"
# A user that `make podman` makes: its processes in containers have the ids from /etc/subuid.
USER = "supervice-podman"
# Neither systemd nor overlayfs has to be there.
OPTIONS = ["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--log-level=error"]
LIMITS = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}


class Store:
    """One user's podman; `trouble` says why it cannot run containers here."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.trouble = ""
        self._runtime: list[str] = []

    def command(self, *words: str) -> list[str]:
        podman = ["podman", *self._runtime, *OPTIONS, *words]
        if self.user == "root":
            return podman
        of = pwd.getpwnam(self.user)
        home = f"HOME={of.pw_dir}", f"XDG_RUNTIME_DIR={of.pw_dir}/run", f"PATH={os.environ['PATH']}"
        ids = [f"--reuid={of.pw_uid}", f"--regid={of.pw_gid}", "--clear-groups"]
        return ["setpriv", *ids, "env", "-i", "-C", of.pw_dir, *home, *podman]

    def ask(self, *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        line = self.command(*words)
        return subprocess.run(
            line, cwd="/", capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL
        )  # fmt: skip

    def take(self, archive: Path) -> None:
        """Loads the image, and finds the runtime that works here: crun refuses mixed cgroups, for one."""
        loaded = self.ask("load", "--quiet", "--input", str(archive), timeout=300)
        if loaded.returncode != 0:
            self.trouble = loaded.stderr
            return
        for runtime in filter(shutil.which, ("crun", "runc")):
            self._runtime = [f"--runtime={runtime}"]
            tried = self.ask("run", "--rm", *fitting(), "--entrypoint=supervice", IMAGE, "--", "true")
            if tried.returncode == 0:
                self.trouble = ""
                return
            self.trouble += f"{runtime}: {tried.stderr.strip()[-400:]}\n"


def fitting() -> list[str]:
    """Options without which podman asks for more than a machine without systemd has."""
    limits = [f"--ulimit={name}={':'.join(map(str, have))}" for name, have in _limits().items()]
    return ["--network=none", "--no-healthcheck", *limits]


def _limits() -> dict[str, tuple[int, int]]:
    """Podman asks for more than the limits of its caller, which takes a capability that not every machine has."""
    found = {}
    for name, number in LIMITS.items():
        hard = resource.getrlimit(number)[1]
        most = 1024 if hard == resource.RLIM_INFINITY else min(hard, 1024)
        found[name] = (most, most)
    return found


class Container:
    """A container that runs `supervice` with a configuration."""

    def __init__(self, store: Store, name: str, folder: Path) -> None:
        self.store = store
        self.name = name
        self.folder = folder

    def run(self, config: str, *options: str) -> None:
        file = self.folder / "supervice.conf"
        file.write_text(config)
        file.chmod(0o644)
        mount = f"--volume={file}:/etc/supervice/supervice.conf:ro"
        done = self.store.ask("run", "--detach", f"--name={self.name}", *fitting(), mount, *options, IMAGE)
        assert done.returncode == 0, done.stderr

    def ctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.store.ask("exec", self.name, "supervicectl", *words)

    def read(self, *words: str) -> str:
        done = self.store.ask("exec", self.name, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self) -> str:
        done = self.store.ask("logs", self.name)
        return done.stdout + done.stderr

    def stop(self, grace: int = 10) -> int:
        """Stops it; returns its exit code."""
        self.store.ask("stop", f"--time={grace}", self.name)
        return self.code()

    def code(self) -> int:
        return int(self.store.ask("wait", self.name).stdout)

    def remove(self) -> None:
        self.store.ask("rm", "--force", "--time=0", self.name)
