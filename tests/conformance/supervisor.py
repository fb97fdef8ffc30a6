"""What an adapter is: how one supervisor is told what to run, and asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conformance.world import Cannot, Program
from tests.peer_builds import Build

BIN = Path(sys.executable).parent
# What programs of scenarios are made of: every other process in the namespace is the supervisor's.
OF_PROGRAMS = ("sh", "dash", "bash", "sleep", "setsid", "sed", "cat")


class Supervisor:
    name = ""
    program = ""
    package = ""  # of Debian; empty: in the virtual environment, or
    build: Build | None = None
    single = False  # runs one command
    times = False  # runs programs at times
    stop_signal = 15  # what an image of it has as STOPSIGNAL
    # What it cannot be told, by the field of Program that would say it, and what it lacks.
    lacks: dict[str, str] = {}

    def path(self) -> str:
        """Its program; empty when it is not here."""
        return self.find(self.program)

    def find(self, program: str) -> str:
        if self.build is not None:
            return (shutil.which(program, path=str(self.build.folder())) or "") if self.build.there() else ""
        return shutil.which(program, path=f"{BIN}:{os.environ['PATH']}:/usr/sbin") or ""

    def version(self) -> str:
        if self.build is not None:
            return self.build.version
        if not self.package:
            return subprocess.run(
                [self.path(), "--version"], capture_output=True, text=True, check=False
            ).stdout.split()[-1]
        command = ["dpkg-query", "-W", "-f=${Version}", self.package]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout or "?"

    def tell(self, folder: Path, programs: list[Program]) -> list[str]:
        """Writes the configuration; the command that starts it. `Cannot`."""
        for field, why in self.lacks.items():
            if any(getattr(program, field) for program in programs):
                raise Cannot(why)
        if any(program.critical for program in programs) and "main" in self.lacks:
            raise Cannot(self.lacks["main"])
        return self.command(folder, programs)

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        raise NotImplementedError

    def surroundings(self, folder: Path) -> dict[str, str]:
        """Variables that it takes for its own purposes."""
        return {}

    def control(self, folder: Path, verb: str, name: str) -> list[str]:
        """The command with which an operator says start, stop, restart, status or reload. `Cannot`."""
        raise Cannot(f"there is no command to {verb} anything")

    def misspell(self, folder: Path) -> None:
        """Adds an option `restrat` to the first program of a configuration that was written. `Cannot`."""
        raise Cannot("there is no configuration that could have a misspelt option")

    def own(self, executable: str) -> bool:
        return executable != "" and executable not in OF_PROGRAMS


def shell(folder: Path, program: Program) -> str:
    """The command of a program, for configurations that split words as a shell does not."""
    if program.command:
        return program.command
    path = folder / f"{program.name}.sh"
    path.write_text(f"cd {folder}\n{program.script}\n")
    return f"/bin/sh {path}"


def script(folder: Path, name: str, text: str) -> str:
    """A script beside the program's, such as that of its health check; the command that runs it."""
    path = folder / f"{name}.sh"
    path.write_text(f"cd {folder}\n{text}\n")
    return f"/bin/sh {path}"


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
