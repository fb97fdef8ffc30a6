"""circus, of PyPI."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.supervisor import Supervisor, shell
from tests.conformance.world import Program
from tests.peer_builds import CIRCUS


class Circus(Supervisor):
    name = "circus"
    program = "circusd"
    build = CIRCUS
    lacks = {
        "main": "no program decides about its end",
        "needs_ready": "nothing waits for another program to be ready",
        "needs_done": "nothing waits for another program to have ended",
        "check": "there are no health checks but in hooks of one's own",
        "every": "there are no schedules",
        "named": "it names the process by its pid only",
    }

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        text = f"[circus]\nendpoint = ipc://{folder}/e.sock\npubsub_endpoint = ipc://{folder}/p.sock\nstatsd = False\n"
        text += f"logoutput = {folder}/daemon.log\n"
        for number, program in enumerate(programs):
            text += f"\n[watcher:{program.name}]\ncmd = {shell(folder, program)}\ncopy_env = True\nstop_children = True\n"
            text += f"respawn = {program.restart}\npriority = {1000 - number}\n"
            text += f"max_retry = {program.tries or -1}\n"
            if program.log:
                text += f"stdout_stream.class = FileStream\nstdout_stream.filename = {folder / program.log}\n"
                text += f"stdout_stream.max_bytes = {program.log_max}\nstdout_stream.backup_count = 2\n"
            else:
                text += "stdout_stream.class = StdoutStream\n"
            text += "stderr_stream.class = StdoutStream\n"
            if program.stop_wait:
                text += f"graceful_timeout = {program.stop_wait}\n"
            if program.stop_signal:
                text += f"stop_signal = {program.stop_signal}\n"
            if program.user:
                text += f"uid = {program.user}\n"
            if program.environment:
                text += f"\n[env:{program.name}]\n"
                text += "".join(f"{key} = {value}\n" for key, value in program.environment)
        if any(program.flaps for program in programs):
            limit = max(program.flaps for program in programs)
            text += f"\n[plugin:flapping]\nuse = circus.plugins.flapping.Flapping\nattempts = {limit}\nwindow = 60\n"
            text += "max_retry = 0\n"
        (folder / "c.ini").write_text(text)
        return [self.path(), f"{folder}/c.ini"]

    def control(self, folder: Path, verb: str, name: str) -> list[str]:
        verb = {"reload": "reloadconfig"}.get(verb, verb)
        waiting = ["--waiting"] if verb in ("stop", "start", "restart") else []
        command = [self.find("circusctl"), "--endpoint", f"ipc://{folder}/e.sock", "--timeout", "9", verb]
        return [*command, *([name] if name else []), *waiting]

    def misspell(self, folder: Path) -> None:
        with (folder / "c.ini").open("a") as file:
            file.write("restrat = true\n")
