"""supervice, as the bundle, by pip, and with one command."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

from tests.conformance.peers.inits import Init
from tests.conformance.supervisor import Supervisor, script, shell
from tests.conformance.world import Program
from tests.paths import ROOT

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")
BUNDLE = ROOT / "build/bundle" / ARCHITECTURE / "opt/supervice/bin"


class Supervice(Supervisor):
    """The bundle, as images have it."""

    name = "supervice"
    program = "supervice"
    times = True

    def path(self) -> str:
        return shutil.which(self.program, path=str(BUNDLE)) or ""

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        text = f"[supervice]\nsocket = {folder}/s.sock\npidfile = none\nlogfile = {folder}/daemon.log\n"
        for program in programs:
            options = self.options(folder, program)
            if any(other.needs_ready == program.name for other in programs):
                options["ready"] = f"file:{folder}/ready-{program.name}"
            if any(other.needs_done == program.name for other in programs):
                options["type"] = "oneshot"
                options.pop("autorestart", None)
            text += f"\n[program:{program.name}]\n"
            text += "".join(f"{key} = {value}\n" for key, value in options.items())
        (folder / "c.conf").write_text(text)
        return [self.path(), "-c", str(folder / "c.conf")]

    def options(self, folder: Path, program: Program) -> dict[str, object]:
        found: dict[str, object] = {"command": shell(folder, program)}
        if program.every:
            return found | {"schedule": f"every {program.every}s"}
        found |= {
            "startsecs": 0,
            "autorestart": str(program.restart).lower(),
            "main": str(program.main).lower(),
            "critical": str(program.critical).lower(),
        }
        if program.tries:
            found |= {"startretries": program.tries - 1, "startsecs": 1}
        elif program.restart:
            found["startretries"] = -1
        if program.flaps:
            found["restart_limit"] = f"{program.flaps}/60s"
        needs = [
            *([program.needs] if program.needs else []),
            *([f"{program.needs_ready}:ready"] if program.needs_ready else []),
            *([f"{program.needs_done}:completed"] if program.needs_done else []),
        ]
        if needs:
            found["depends_on"] = ", ".join(needs)
        if program.stop_wait:
            found["stopwaitsecs"] = program.stop_wait
        if program.stop_signal:
            found["stopsignal"] = program.stop_signal
        if program.environment:
            path = folder / f"{program.name}.env"
            path.touch(0o600)
            path.write_text("".join(f"{key}='{value}'\n" for key, value in program.environment))
            found["env_file"] = path
        if program.user:
            found["user"] = program.user
        if program.log:
            found |= {"stdout_logfile": folder / program.log, "stdout_logfile_maxbytes": program.log_max}
            found["stdout_logfile_backups"] = 2
        if program.named:
            found["log_format"] = "prefix"
        if program.check:
            found |= {"healthcheck_type": "script", "healthcheck_interval": 1, "healthcheck_timeout": 1}
            found |= {"healthcheck_retries": 1, "healthcheck_start_period": 0}
            found["healthcheck_command"] = script(folder, f"{program.name}-check", program.check)
        return found

    def control(self, folder: Path, verb: str, name: str) -> list[str]:
        command = str(Path(self.path()).with_name("supervicectl"))
        return [command, "-s", f"{folder}/s.sock", verb, *([name] if name else [])]

    def misspell(self, folder: Path) -> None:
        with (folder / "c.conf").open("a") as file:
            file.write("restrat = true\n")


class SuperviceByPip(Supervice):
    name = "supervice by pip"

    def path(self) -> str:
        return Supervisor.path(self)


class SuperviceSingle(Init):
    name = "supervice -- COMMAND"
    program = "supervice"
    lacks: dict[str, str] = {}

    def path(self) -> str:
        return Supervice().path() or super().path()

    def arguments(self, program: Program) -> tuple[str, ...]:
        wait = ("--shutdown-timeout", str(program.stop_wait)) if program.stop_wait else ()
        other = ("--rewrite", f"TERM:{program.stop_signal}") if program.stop_signal else ()
        return ("-c", "none", *wait, *other)
