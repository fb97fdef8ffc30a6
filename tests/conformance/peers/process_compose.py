"""process-compose, a Go module. Its YAML takes JSON."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from tests.conformance.supervisor import Supervisor, script, shell
from tests.conformance.world import Cannot, Program
from tests.peer_builds import PROCESS_COMPOSE

FILE = "process-compose.json"
SOCKET = "pc.sock"
MIB = 1 << 20
# Every failure counts, and each second, after the one that the program has to start.
PROBE = {"initial_delay_seconds": 1, "period_seconds": 1, "timeout_seconds": 1, "failure_threshold": 1}
# Lines as the program wrote them, at once.
PLAIN = {
    "disable_json": True,
    "fields_order": ["message"],
    "no_metadata": True,
    "no_color": True,
    "flush_each_line": True,
}

# As Ctrl+L in its full-screen client says it; `project update` starts what has not changed again too.
RELOAD = """import socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
server.sendall(b"POST /project/configuration HTTP/1.0\\r\\n\\r\\n")
print(server.makefile().read())
"""


class ProcessCompose(Supervisor):
    name = "process-compose"
    program = "process-compose"
    build = PROCESS_COMPOSE
    times = True
    lacks = {"user": "programs run as its own user, or by sudo as root"}

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        told = {
            "is_strict": True,
            "disable_env_expansion": True,
            "processes": {program.name: _process(folder, program, programs) for program in programs},
        }
        (folder / FILE).write_text(json.dumps(told, indent=1))
        return [
            *self._told(folder, "daemon.log"),
            "up",
            "-t=false",
            "--ordered-shutdown",
            "-f",
            f"{folder}/{FILE}",
        ]

    def control(self, folder: Path, verb: str, name: str) -> list[str]:
        client = self._told(folder, "client.log")
        if verb == "reload":
            return [sys.executable, "-c", RELOAD, f"{folder}/{SOCKET}"]
        if verb == "status":
            return [*client, "process", "get", name] if name else [*client, "process", "list", "-o", "wide"]
        return [*client, "process", verb, *([name] if name else [])]

    def misspell(self, folder: Path) -> None:
        told = json.loads((folder / FILE).read_text())
        next(iter(told["processes"].values()))["restrat"] = True
        (folder / FILE).write_text(json.dumps(told))

    def _told(self, folder: Path, log: str) -> list[str]:
        return [self.path(), "-u", f"{folder}/{SOCKET}", "-L", f"{folder}/{log}"]


def _process(folder: Path, program: Program, programs: list[Program]) -> dict[str, object]:
    if program.log_max % MIB:
        raise Cannot("the size at which its log files are rotated is in whole MiB")
    one: dict[str, object] = {
        "command": shell(folder, program),
        "working_dir": str(folder),
        "availability": _availability(program),
    }
    if program.environment:
        one["environment"] = [f"{key}={value}" for key, value in program.environment]
    conditions = {
        program.needs: "process_started",
        program.needs_ready: "process_healthy",
        program.needs_done: "process_completed_successfully",
    }
    if needs := {name: {"condition": condition} for name, condition in conditions.items() if name}:
        one["depends_on"] = needs
    stop: dict[str, int] = {}
    if program.stop_wait:
        stop["timeout_seconds"] = program.stop_wait
    if program.stop_signal:
        stop["signal"] = signal.Signals[f"SIG{program.stop_signal}"].value
    if stop:
        one["shutdown"] = stop
    if program.log:
        rotation = {"max_size_mb": program.log_max // MIB, "max_backups": 2}
        one |= {"log_location": program.log, "log_configuration": {**PLAIN, "rotation": rotation}}
    if any(other.needs_ready == program.name for other in programs):
        ready = {"command": f"test -e ready-{program.name}"}
        one["readiness_probe"] = {
            **PROBE,
            "initial_delay_seconds": 0,
            "failure_threshold": 1000,
            "exec": ready,
        }
    elif program.check:
        check = {"command": script(folder, f"{program.name}-check", program.check)}
        one["readiness_probe"] = {**PROBE, "exec": check}
    if program.every:
        one["schedule"] = {"interval": f"{program.every}s"}
    return one


def _availability(program: Program) -> dict[str, object]:
    if program.main:
        return {"exit_on_end": True}
    if program.critical:
        return {"restart": "exit_on_failure"}
    found: dict[str, object] = {"restart": "always" if program.restart and not program.every else "no"}
    # It counts all restarts, however long each run was.
    if limit := program.flaps or max(0, program.tries - 1):
        found["max_restarts"] = limit
    return found
