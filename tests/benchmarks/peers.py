"""One adapter a supervisor; those that are built from a registry are in built.py."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.built import GoSupervisord, Horust, Pebble, ProcessCompose
from tests.benchmarks.peer import KEEP, ROTATE_AT, Peer, Program, package

__all__ = ["ALL", "NAMES", "Peer", "Program"]


class Supervice(Peer):
    """This checkout, installed by pip."""

    name = "supervice"
    command = "supervice"
    reaps = True
    pause = "none the first time, then 1 s, doubled to 30 s"

    def head(self, folder: Path) -> str:
        return f"[supervice]\nsocket = {folder}/s.sock\nlogfile = {folder}/daemon.log\npidfile = none\nexit_when_idle = false\n"

    def section(self, folder: Path, program: Program) -> dict[str, object]:
        found: dict[str, object] = {
            "command": program.command,
            "startsecs": program.startsecs,
            "startretries": -1,
            "stderr_logfile": "NONE",
        }
        if program.hot:
            found |= {"backoff": 1, "backoff_factor": 1}
        if program.needs:
            found["depends_on"] = ", ".join(program.needs)
        return found | _output(folder, program, "NONE")

    def configure(self, folder: Path, programs: list[Program]) -> list[str]:
        return [
            self.path(self.command),
            "-c",
            _ini(self.head(folder), programs, lambda one: self.section(folder, one), folder),
        ]

    def status(self, folder: Path, programs: list[Program]) -> list[str]:
        return [self.path("supervicectl"), "-s", f"{folder}/s.sock", "status"]

    def health(self, folder: Path) -> list[str]:
        return [self.path("supervicectl"), "-s", f"{folder}/s.sock", "health"]


class SuperviceImage(Supervice):
    """The same started as in the image: python -IS, without site."""

    name = "supervice-image"
    variant_of = "supervice"

    def environment(self) -> dict[str, str]:
        lib = self.folder.parents[1] / "supervice" / "lib" if self.folder else None
        return {"LD_LIBRARY_PATH": str(lib)} if lib is not None and list(lib.glob("libpython*")) else {}


class SuperviceSingle(Supervice):
    """The same in single-command mode."""

    name = "supervice-single"
    init = True
    variant_of = "supervice"

    def configure(self, folder: Path, programs: list[Program]) -> list[str]:
        return [self.path(self.command), "-c", "none", "--", *programs[0].argv]

    def status(self, folder: Path, programs: list[Program]) -> list[str]:
        return []


class SuperviceStatic(Supervice):
    """The static bundle, of `make bundle`."""

    name = "supervice-static"
    variant_of = "supervice"

    def environment(self) -> dict[str, str]:
        return {}


class SuperviceStaticSingle(SuperviceSingle):
    """The bundle in single-command mode."""

    name = "supervice-static-single"

    def environment(self) -> dict[str, str]:
        return {}


class SuperviceBefore(Supervice):
    """The commit that `make bench BEFORE=` names, installed in the same way."""

    name = "supervice-before"
    variant_of = "supervice"


class SuperviceBeforeSingle(SuperviceSingle):
    """That commit in single-command mode."""

    name = "supervice-before-single"


class Upstream(Peer):
    """supervice 0.4.0 of PyPI, the older implementation with the same API."""

    name = "supervice-0.4.0"
    command = "supervice"
    reach = 100
    pause = "1 s, and a turn of 0.1 s"

    def version(self) -> str:
        return "0.4.0" if self.path(self.command) else ""

    def configure(self, folder: Path, programs: list[Program]) -> list[str]:
        head = f"[supervice]\nsocket = {folder}/s.sock\nlogfile = {folder}/daemon.log\npidfile = {folder}/d.pid\nloglevel = INFO\n"

        def section(program: Program) -> dict[str, object]:
            found: dict[str, object] = {
                "command": program.command,
                "autorestart": "true",
                "startretries": 100000,
            }
            return found | {"startsecs": program.startsecs} | _output(folder, program, "")

        return [self.path(self.command), "-c", _ini(head, programs, section, folder), "-n"]

    def status(self, folder: Path, programs: list[Program]) -> list[str]:
        return [self.path("supervicectl"), "-s", f"{folder}/s.sock", "status"]


class Supervisord(Peer):
    name = "supervisord"
    command = "supervisord"
    pause = "none of its own; its main loop waits up to 1 s"

    def configure(self, folder: Path, programs: list[Program]) -> list[str]:
        # Each child closes this many descriptors, so no more than it takes.
        minfds = max(1024, 8 * len(programs))
        head = (
            f"[supervisord]\nnodaemon = true\nsilent = true\nlogfile = {folder}/daemon.log\npidfile = {folder}/d.pid\n"
            f"minfds = {minfds}\nuser = root\n\n[unix_http_server]\nfile = {folder}/s.sock\n\n"
            "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\n"
            f"[supervisorctl]\nserverurl = unix://{folder}/s.sock\n"
        )

        def section(program: Program) -> dict[str, object]:
            found: dict[str, object] = {
                "command": program.command,
                "autorestart": "true",
                "startretries": 100000,
            }
            found |= {"startsecs": 0 if program.hot else program.startsecs, "stderr_logfile": "NONE"}
            return found | _output(folder, program, "NONE")

        return [self.path(self.command), "-c", _ini(head, programs, section, folder)]

    def status(self, folder: Path, programs: list[Program]) -> list[str]:
        return [self.path("supervisorctl"), "-c", f"{folder}/c.ini", "status"]


class Circus(Peer):
    name = "circus"
    command = "circusd"
    pause = "looks every 5 s"
    slow_copy = True

    def configure(self, folder: Path, programs: list[Program]) -> list[str]:
        text = f"[circus]\nendpoint = ipc://{folder}/e.sock\npubsub_endpoint = ipc://{folder}/p.sock\nstatsd = False\n"
        for program in programs:
            text += f"\n[watcher:{program.name}]\ncmd = {program.command}\ncopy_env = True\nmax_retry = -1\n"
            if program.output == "file":
                text += f"stdout_stream.class = FileStream\nstdout_stream.filename = {folder}/{program.name}.log\n"
                text += f"stdout_stream.max_bytes = {ROTATE_AT}\nstdout_stream.backup_count = {KEEP}\n"
            elif program.output == "stdout":
                text += "stdout_stream.class = StdoutStream\n"
        (folder / "c.ini").write_text(text)
        return [self.path(self.command), f"{folder}/c.ini"]

    def status(self, folder: Path, programs: list[Program]) -> list[str]:
        return [self.path("circusctl"), "--endpoint", f"ipc://{folder}/e.sock", "--timeout", "30", "status"]


class _Directories(Peer):
    """A directory a program. The child is the interpreter of its own run script, so there is no shell in between."""

    copies = False
    logger = ""

    def configure(self, folder: Path, programs: list[Program]) -> list[str]:
        for program in programs:
            service = folder / "services" / program.name
            service.mkdir(parents=True)
            direct = len(program.argv[0]) + len(program.command) < 200 and not program.argv[1].startswith("-")
            _script(
                service / "run",
                f"#!{program.command}\n" if direct else f"#!/bin/sh\nexec {program.command}\n",
            )
            if program.output == "file":
                target = folder / f"{program.name}.logs"
                target.mkdir()
                (service / "log").mkdir()
                _script(service / "log" / "run", f"#!/bin/sh\nexec {self.log_command(target)}\n")
        # runsvdir waits for a second when the directory was changed in this one.
        os.utime(folder / "services", (1, 1))
        return self.start(folder / "services")

    def start(self, services: Path) -> list[str]:
        raise NotImplementedError

    def log_command(self, target: Path) -> str:
        raise NotImplementedError

    def logs(self, folder: Path, name: str) -> list[Path]:
        target = folder / f"{name}.logs"
        return [*sorted(target.glob("@*")), *target.glob("current")]


class S6(_Directories):
    name = "s6"
    command = "s6-svscan"
    reaps = True
    slow_copy = True
    pause = "1 s, always"

    def version(self) -> str:
        return package("s6") if self.path(self.command) else ""

    def start(self, services: Path) -> list[str]:
        return [self.path(self.command), "-c", "2100", str(services)]

    def log_command(self, target: Path) -> str:
        return f"s6-log n{KEEP} s{ROTATE_AT} {target}"

    def status(self, folder: Path, programs: list[Program]) -> list[str]:
        return [
            "/bin/sh",
            "-c",
            'cd "$1" && for one in *; do s6-svstat "$one"; done',
            "sh",
            f"{folder}/services",
        ]


class Runit(_Directories):
    name = "runit"
    command = "runsvdir"
    stop_signal = 1  # the only one on which it tells its runsv
    slow_copy = True
    pause = "1 s when the run was shorter than that"

    def version(self) -> str:
        return package("runit") if self.path(self.command) else ""

    def start(self, services: Path) -> list[str]:
        return [self.path(self.command), str(services)]

    def log_command(self, target: Path) -> str:
        (target / "config").write_text(f"s{ROTATE_AT}\nn{KEEP}\n")
        return f"svlogd {target}"

    def status(self, folder: Path, programs: list[Program]) -> list[str]:
        return [self.path("sv"), "status", *(f"{folder}/services/{program.name}" for program in programs)]


class Pm2(Peer):
    name = "pm2"
    command = "pm2-runtime"
    pause = "none"

    def configure(self, folder: Path, programs: list[Program]) -> list[str]:
        import json

        apps = [
            {
                "name": program.name,
                "script": program.argv[0],
                "args": list(program.argv[1:]),
                "interpreter": "none",
                "exec_mode": "fork",
                "vizion": False,
                "pmx": False,
                "max_restarts": 10**9,
                "out_file": f"{folder}/{program.name}.log" if program.output == "file" else "/dev/null",
                "error_file": "/dev/null",
            }
            for program in programs
        ]
        (folder / "c.json").write_text(json.dumps({"apps": apps}))
        home = f"PM2_HOME={folder}/pm2"
        return [
            "/usr/bin/env",
            home,
            "PM2_KILL_SIGNAL=SIGTERM",
            self.path(self.command),
            "start",
            f"{folder}/c.json",
            "--no-auto-exit",
        ]

    def status(self, folder: Path, programs: list[Program]) -> list[str]:
        return ["/usr/bin/env", f"PM2_HOME={folder}/pm2", self.path("pm2"), "jlist"]


class Tini(Peer):
    name = "tini"
    command = "tini"
    init = True
    copies = False
    reaps = True

    def version(self) -> str:
        return package(self.name) if self.path(self.command) else ""

    def configure(self, folder: Path, programs: list[Program]) -> list[str]:
        return [self.path(self.command), "--", *programs[0].argv]


class DumbInit(Tini):
    name = "dumb-init"
    command = "dumb-init"


class BareCopy(Peer):
    """No supervisor: the floor of the rows about copying into a file."""

    name = "bare-copy"
    command = "python3"
    variant_of = "supervice"

    def version(self) -> str:
        return platform.python_version()

    def configure(self, folder: Path, programs: list[Program]) -> list[str]:
        script = str(Path(__file__).parent / "bare_copy.py")
        limits = (f"{folder}/p0.log", str(ROTATE_AT), str(KEEP))
        return [sys.executable, "-IS", script, *limits, *programs[0].argv]


ALL: tuple[type[Peer], ...] = (
    Supervice,
    SuperviceImage,
    SuperviceSingle,
    SuperviceStatic,
    SuperviceStaticSingle,
    SuperviceBefore,
    SuperviceBeforeSingle,
    Upstream,
    Supervisord,
    Circus,
    Pm2,
    GoSupervisord,
    Pebble,
    ProcessCompose,
    Horust,
    S6,
    Runit,
    Tini,
    DumbInit,
    BareCopy,
)
NAMES = tuple(one.name for one in ALL)


def _output(folder: Path, program: Program, nowhere: str) -> dict[str, object]:
    if program.output == "file":
        return {
            "stdout_logfile": f"{folder}/{program.name}.log",
            "stdout_logfile_maxbytes": ROTATE_AT,
            "stdout_logfile_backups": KEEP,
        }
    if program.output == "stdout":
        return {"stdout_logfile": "/dev/stdout", "stdout_logfile_maxbytes": 0}
    return {"stdout_logfile": nowhere} if nowhere else {}


def _ini(
    head: str, programs: list[Program], section: Callable[[Program], dict[str, object]], folder: Path
) -> str:
    parts = [head]
    for program in programs:
        options = "".join(f"{name} = {value}\n" for name, value in section(program).items())
        parts.append(f"[program:{program.name}]\n{options}")
    (folder / "c.ini").write_text("\n".join(parts))
    return str(folder / "c.ini")


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
