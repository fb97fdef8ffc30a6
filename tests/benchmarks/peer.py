"""What an adapter is: how a supervisor is configured, started, asked and stopped. Nothing here measures."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROTATE_AT = 10_000_000
KEEP = 3


@dataclass(frozen=True)
class Program:
    name: str
    argv: tuple[str, ...]
    output: str = "none"  # none, file (rotated), stdout (the supervisor's)
    startsecs: int = 1
    hot: bool = False  # restart at the pace of one a second, without growing waits
    needs: tuple[str, ...] = ()  # the programs that must have started

    @property
    def command(self) -> str:
        return " ".join(self.argv)


class Peer:
    """Subclasses set the attributes and write the configuration into `folder`."""

    name = ""
    command = ""
    # Runs one command: no configuration, no restart, no queries.
    init = False
    # The most programs that it is asked to run: above that it takes minutes.
    reach = 1000
    stop_signal = 15
    # It reads and writes what programs say (otherwise they inherit its stdout).
    copies = True
    # Its process collects all orphans when it is PID 1 (otherwise none, or so slowly that it makes no sense to wait).
    reaps = False
    # Its copying is so slow that it gets a sixteenth of the bytes.
    slow_copy = False
    # What it needs before a restart, in words.
    pause = ""
    # It writes log files, so the memory of 100 programs that log can be taken.
    writes_files = True
    # The groups of rows that it is measured in; None: all that apply.
    groups: frozenset[str] | None = None
    # Not a peer to be compared, but another way to run one.
    variant_of = ""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def path(self, command: str) -> str:
        found = shutil.which(command, path=str(self.folder) if self.folder else None)
        return found or ""

    def environment(self) -> dict[str, str]:
        """What it needs to find its own copy of the interpreter."""
        lib = self.folder.parent / "lib" if self.folder else None
        return {"LD_LIBRARY_PATH": str(lib)} if lib is not None and list(lib.glob("libpython*")) else {}

    def version(self) -> str:
        """Empty when it is not there."""
        return says(self.path(self.command), "--version") if self.path(self.command) else ""

    def configure(self, folder: Path, programs: list[Program]) -> list[str]:
        """Writes what it needs and returns the command that starts it."""
        raise NotImplementedError

    def status(self, folder: Path, programs: list[Program]) -> list[str]:
        """The command with which a user asks for the state of everything; empty when there is none."""
        return []

    def logs(self, folder: Path, name: str) -> list[Path]:
        """The log files of a program, oldest first."""
        return [*sorted(folder.glob(f"{name}.log.*"), reverse=True), *folder.glob(f"{name}.log")]


def says(*argv: str) -> str:
    """The last word of what it prints."""
    try:
        done = subprocess.run(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, text=True, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    words = done.stdout.split()
    return words[-1] if words and done.returncode == 0 else ""


def package(name: str) -> str:
    return says("dpkg-query", "-W", "-f=${Version}", name) or "?"
