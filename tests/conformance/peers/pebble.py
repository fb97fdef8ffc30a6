"""Pebble, a Go module. Its YAML takes JSON."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conformance.supervisor import Supervisor, script, shell
from tests.conformance.world import Program
from tests.peer_builds import PEBBLE

LAYER = "pebble/layers/001-all.yaml"


class Pebble(Supervisor):
    name = "Pebble"
    program = "pebble"
    build = PEBBLE
    lacks = {
        "needs_ready": "what is started after another program waits for its first second only",
        "needs_done": "what is started after another program waits for its first second only",
        "tries": "a program that fails is started again for ever",
        "flaps": "a program that fails is started again for ever",
        "stop_signal": "every program is stopped by TERM",
        "log": "it writes no log files",
        "every": "there are no schedules",
    }

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        services: dict[str, object] = {}
        checks: dict[str, object] = {}
        for program in programs:
            again = "restart" if program.restart else "ignore"
            one: dict[str, object] = {
                "override": "replace",
                "command": shell(folder, program),
                "startup": "enabled",
                "on-success": "shutdown" if program.main else again,
                "on-failure": "shutdown" if program.main or program.critical else again,
                "environment": dict(program.environment),
            }
            if program.needs:
                one |= {"after": [program.needs], "requires": [program.needs]}
            if program.stop_wait:
                one["kill-delay"] = f"{program.stop_wait}s"
            if program.user:
                one["user"] = program.user
            if program.check:
                one["on-check-failure"] = {program.name: "restart"}
                command = script(folder, f"{program.name}-check", program.check)
                checks[program.name] = {
                    "override": "replace",
                    "period": "1100ms",
                    "timeout": "1s",
                    "threshold": 1,
                }
                checks[program.name] |= {"exec": {"command": command}}  # type: ignore[operator]
            services[program.name] = one
        (folder / LAYER).parent.mkdir(parents=True, exist_ok=True)
        (folder / LAYER).write_text(json.dumps({"services": services, "checks": checks}, indent=1))
        return [self.path(), "run", "--verbose"]

    def surroundings(self, folder: Path) -> dict[str, str]:
        return {"PEBBLE": f"{folder}/pebble"}

    def control(self, folder: Path, verb: str, name: str) -> list[str]:
        if verb == "reload":
            layer = f"{folder}/{LAYER}"
            both = '"$1" add all --combine "$2" && exec "$1" replan'
            return ["/bin/sh", "-c", both, "sh", self.path(), layer]
        return [self.path(), {"status": "services"}.get(verb, verb), *([name] if name else [])]

    def misspell(self, folder: Path) -> None:
        told = json.loads((folder / LAYER).read_text())
        next(iter(told["services"].values()))["restrat"] = True
        (folder / LAYER).write_text(json.dumps(told))
