"""Supervisors that are no package of Debian's: each is built once, into a folder outside of the repository.

For the conformance page and the benchmarks. Builds have the lowest priority and two jobs at most. What a registry
does not serve is `Missing`, with the reason that its client gave.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("SUPERVICE_PEERS") or "/var/tmp/supervice-peers")
LIMIT = 3600  # seconds for one build: Horust takes a quarter of an hour on two busy cores
JOBS = "2"


class Missing(Exception):
    """It cannot be had here; the message says why."""


@dataclass(frozen=True)
class Build:
    """One supervisor of a registry."""

    name: str
    version: str
    tool: str  # go, cargo, npm, pip
    what: str  # what the tool calls it; for go its package
    bin: str = "bin"
    module: str = ""  # of go, where it is not the package

    @property
    def home(self) -> Path:
        return CACHE / f"{self.name}-{self.version}"

    def folder(self) -> Path:
        """Where its commands are, built or not."""
        return self.home / self.bin

    def there(self) -> bool:
        return (self.home / "done").exists()

    def get(self) -> Path:
        """Builds it unless it is there. `Missing`."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.there():
                self._build()
                (self.home / "done").touch()
        return self.folder()

    def _build(self) -> None:
        if self.tool != "pip" and shutil.which(self.tool) is None:
            raise Missing(f"there is no {self.tool} to build it with")
        if self.tool == "go":
            # By a module of our own: `go install` asks for the list of versions too, which not every proxy has.
            for file in ("go.mod", "go.sum"):
                (self.home / file).unlink(missing_ok=True)
            self._run("go", "mod", "init", "peer")
            module = self.module or self.what
            self._run("go", "mod", "edit", f"-require={module}@v{self.version}")
            self._run(
                "go",
                "build",
                "-mod=mod",
                "-p",
                JOBS,
                "-o",
                self.folder() / self.what.split("/")[-1],
                self.what,
            )
        elif self.tool == "cargo":
            what = f"{self.what}@{self.version}"
            self._run("cargo", "install", "--quiet", "-j", JOBS, "--locked", "--root", self.home, what)
            shutil.rmtree(self.home / "target", ignore_errors=True)
        elif self.tool == "npm":
            what = f"{self.what}@{self.version}"
            self._run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", self.home, what)
        else:
            # With a copy of the interpreter: what runs from it shares no memory with the one that measures.
            self._run(sys.executable, "-m", "venv", "--copies", self.home)
            python = self.home / "bin/python"
            self._run(python, "-m", "pip", "install", "--quiet", f"{self.what}=={self.version}")

    def _run(self, *command: object) -> None:
        environment = {**os.environ, "CARGO_TARGET_DIR": str(self.home / "target")}
        try:
            done = subprocess.run(
                ["nice", "-n", "19", *map(str, command)],
                cwd=self.home,
                env=environment,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                timeout=LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Missing(f"its build takes more than {LIMIT} s") from None
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["it says nothing"]
            raise Missing(f"{command[0]} fails: {lines[-1].strip()[:160]}")


PEBBLE = Build(
    "pebble", "1.32.1", "go", "github.com/canonical/pebble/cmd/pebble", module="github.com/canonical/pebble"
)
SUPERCRONIC = Build("supercronic", "0.2.48", "go", "github.com/aptible/supercronic")
# The proxy serves 1.103.0 too, which its checksum database does not know, and no later one that was tried.
PROCESS_COMPOSE = Build("process-compose", "1.87.0", "go", "github.com/f1bonacc1/process-compose")
GO_SUPERVISORD = Build("gosupervisord", "0.7.3", "go", "github.com/ochinchina/supervisord")
HORUST = Build("horust", "0.1.14", "cargo", "horust")
PM2 = Build("pm2", "7.0.4", "npm", "pm2", bin="node_modules/.bin")
CIRCUS = Build("circus", "0.19.0", "pip", "circus")
