"""How each supervisor is told the same: an adapter writes its configuration and returns the command."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conformance.world import Cannot, Program
from tests.paths import ROOT

BIN = Path(sys.executable).parent
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")
BUNDLE = ROOT / "build/bundle" / ARCHITECTURE / "opt/supervice/bin"


class Supervisor:
    name = ""
    program = ""
    package = ""  # of Debian; empty: in the virtual environment
    single = False  # runs one command
    stop_signal = 15  # what an image of it has as STOPSIGNAL

    def path(self) -> str:
        """Its program; empty when it is not here."""
        return shutil.which(self.program, path=f"{BIN}:{os.environ['PATH']}:/usr/sbin") or ""

    def version(self) -> str:
        if not self.package:
            return subprocess.run(
                [self.path(), "--version"], capture_output=True, text=True, check=False
            ).stdout.split()[-1]
        command = ["dpkg-query", "-W", "-f=${Version}", self.package]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout or "?"

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        raise NotImplementedError


def shell(folder: Path, program: Program) -> str:
    """The command of a program, for configurations that split words as a shell does not."""
    if program.command:
        return program.command
    path = folder / f"{program.name}.sh"
    path.write_text(f"cd {folder}\n{program.script}\n")
    return f"/bin/sh {path}"


class Supervice(Supervisor):
    """The bundle, as images have it."""

    name = "supervice"
    program = "supervice"

    def path(self) -> str:
        return shutil.which(self.program, path=str(BUNDLE)) or ""

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        text = f"[supervice]\nsocket = {folder}/s.sock\npidfile = none\nlogfile = {folder}/daemon.log\n"
        for program in programs:
            text += f"\n[program:{program.name}]\ncommand = {shell(folder, program)}\n"
            text += f"autorestart = {str(program.restart).lower()}\nstartsecs = 0\nmain = {str(program.main).lower()}\n"
            if program.restart:
                text += "startretries = -1\n"
            if program.needs:
                text += f"depends_on = {program.needs}\n"
            if program.needs_ready:
                text += f"depends_on = {program.needs_ready}:ready\n"
            if any(other.needs_ready == program.name for other in programs):
                text += f"ready = file:{folder}/ready-{program.name}\n"
        (folder / "c.conf").write_text(text)
        return [self.path(), "-c", str(folder / "c.conf")]


class SuperviceByPip(Supervice):
    name = "supervice by pip"

    def path(self) -> str:
        return Supervisor.path(self)


class Supervisord(Supervisor):
    name = "supervisord"
    program = "supervisord"

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        if any(program.main for program in programs):
            raise Cannot("no program decides about its end; it takes an event listener that kills it")
        if any(program.needs_ready for program in programs):
            raise Cannot("nothing waits for another program to be ready")
        text = f"[supervisord]\nnodaemon = true\nsilent = true\nuser = root\nlogfile = {folder}/daemon.log\npidfile = {folder}/p\n"
        for number, program in enumerate(programs):
            text += f"\n[program:{program.name}]\ncommand = {shell(folder, program)}\npriority = {number}\nstartsecs = 0\n"
            text += f"autorestart = {str(program.restart).lower()}\nstartretries = 100000\n"
            text += "stdout_logfile = /dev/fd/1\nstdout_logfile_maxbytes = 0\n"
        (folder / "c.conf").write_text(text)
        return [self.path(), "-c", str(folder / "c.conf")]


class _Folders(Supervisor):
    """A folder a program, with a script that runs it and one that is run at its end."""

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        if any(program.needs or program.needs_ready for program in programs):
            raise Cannot(f"{self.program} alone starts and stops all at once")
        if any(program.main for program in programs):
            raise Cannot("it takes a script of one's own at the end of the program")
        for program in programs:
            place = folder / "services" / program.name
            place.mkdir(parents=True)
            _script(place / "run", f"#!/bin/sh\nexec {shell(folder, program)}\n")
            if not program.restart:
                _script(place / "finish", self.once(place))
        return self.scan(folder / "services")

    def once(self, place: Path) -> str:
        raise NotImplementedError

    def scan(self, services: Path) -> list[str]:
        raise NotImplementedError


class S6(_Folders):
    name = "s6"
    program = "s6-svscan"
    package = "s6"

    def once(self, place: Path) -> str:
        return "#!/bin/sh\nexit 125\n"  # s6-supervise takes it for "do not start it again"

    def scan(self, services: Path) -> list[str]:
        return [self.path(), str(services)]


class Runit(_Folders):
    name = "runit"
    stop_signal = 1  # the only one on which runsvdir tells its programs to stop
    program = "runsvdir"
    package = "runit"

    def once(self, place: Path) -> str:
        return f"#!/bin/sh\nexec sv once {place}\n"

    def scan(self, services: Path) -> list[str]:
        return [self.path(), str(services)]


class _Init(Supervisor):
    single = True
    options: tuple[str, ...] = ()

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        (program,) = programs
        return [self.path(), *self.options, "--", *shell(folder, program).split()]


class SuperviceSingle(_Init):
    name = "supervice -- COMMAND"
    program = "supervice"
    options = ("-c", "none")

    def path(self) -> str:
        return Supervice().path() or super().path()


class Tini(_Init):
    name = "tini"
    program = "tini"
    package = "tini"


class DumbInit(_Init):
    name = "dumb-init"
    program = "dumb-init"
    package = "dumb-init"


class Catatonit(_Init):
    name = "catatonit"
    program = "catatonit"
    package = "catatonit"


SUPERVISORS: tuple[Supervisor, ...] = (
    Supervice(), SuperviceByPip(), Supervisord(), S6(), Runit(), SuperviceSingle(), Tini(), DumbInit(), Catatonit(),
)  # fmt: skip


def available(install: bool) -> tuple[list[Supervisor], dict[str, str]]:
    """Those that are here, installed first if that is wanted and possible; why the others are not."""
    have, missing = [], {}
    for one in SUPERVISORS:
        if not one.path() and install and one.package and os.geteuid() == 0 and shutil.which("apt-get"):
            command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", one.package]
            subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if one.path():
            have.append(one)
        else:
            missing[one.name] = f"there is no {one.program} here"
    return have, missing


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
