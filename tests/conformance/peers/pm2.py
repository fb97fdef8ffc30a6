"""pm2, of npm: pm2-runtime, which is what its images run."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conformance.supervisor import Supervisor, shell
from tests.conformance.world import Program
from tests.peer_builds import PM2


class Pm2(Supervisor):
    name = "pm2"
    program = "pm2-runtime"
    build = PM2
    times = True
    lacks = {
        "main": "no program decides about its end",
        "needs": "nothing waits for another program",
        "needs_ready": "nothing waits for another program to be ready",
        "needs_done": "nothing waits for another program to have ended",
        "check": "there are no health checks",
        "log_max": "it takes a module to rotate logs",
    }

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        apps = []
        for program in programs:
            words = shell(folder, program).split()
            app: dict[str, object] = {
                "name": program.name,
                "script": words[0],
                "args": words[1:],
                "interpreter": "none",
                "exec_mode": "fork",
                "vizion": False,
                "pmx": False,
                "autorestart": program.restart,
                "max_restarts": program.tries or 10**9,
                "out_file": str(folder / program.log) if program.log else "/dev/null",
                "error_file": "/dev/null",
                "env": dict(program.environment),
            }
            if program.stop_wait:
                app["kill_timeout"] = 1000 * program.stop_wait
            if program.user:
                app["uid"] = program.user
            if program.flaps:
                app |= {"max_restarts": program.flaps, "min_uptime": 60000}
            if program.every:
                app |= {"cron_restart": f"*/{program.every} * * * * *", "autorestart": False}
            apps.append(app)
        (folder / "c.json").write_text(json.dumps({"apps": apps}))
        # SIGINT is its default, and for all programs alike.
        stop = next((program.stop_signal for program in programs if program.stop_signal), "TERM")
        (folder / "pm2-stop").write_text(f"SIG{stop}")
        named = ["--formatted"] if any(program.named for program in programs) else []
        return [self.path(), "start", f"{folder}/c.json", *named]

    def surroundings(self, folder: Path) -> dict[str, str]:
        told = folder / "pm2-stop"
        stop = told.read_text() if told.exists() else "SIGTERM"
        return {"PM2_HOME": f"{folder}/pm2", "PM2_KILL_SIGNAL": stop}

    def control(self, folder: Path, verb: str, name: str) -> list[str]:
        if verb == "reload":
            return [self.find("pm2"), "start", f"{folder}/c.json"]
        return [self.find("pm2"), verb, *([name] if name else [])]

    def misspell(self, folder: Path) -> None:
        told = json.loads((folder / "c.json").read_text())
        told["apps"][0]["restrat"] = True
        (folder / "c.json").write_text(json.dumps(told))
