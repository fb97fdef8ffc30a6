"""gosupervisord (ochinchina/supervisord), a Go module: supervisord's configuration, mostly."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.supervisor import Supervisor, shell
from tests.conformance.world import Cannot, Program
from tests.peer_builds import GO_SUPERVISORD


class GoSupervisord(Supervisor):
    name = "gosupervisord"
    program = "supervisord"
    build = GO_SUPERVISORD
    times = True
    lacks = {
        "main": "no program decides about its end",
        "needs_ready": "nothing waits for another program to be ready",
        "needs_done": "nothing waits for another program to have ended",
        "flaps": "a program that was up is started again for ever",
        "check": "there are no health checks",
        "named": "lines have no names",
    }

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        text = f"[supervisord]\nlogfile = {folder}/daemon.log\npidfile = {folder}/p\n"
        text += f"\n[unix_http_server]\nfile = {folder}/s.sock\n"
        text += f"\n[supervisorctl]\nserverurl = unix://{folder}/s.sock\n"
        for program in programs:
            text += f"\n[program:{program.name}]\ncommand = {shell(folder, program)}\n"
            text += "stopasgroup = true\nkillasgroup = true\n"
            # Without it there is no signal before SIGKILL.
            text += f"stopsignal = {program.stop_signal or 'TERM'}\n"
            # What is given up is so with "false" only. With 0 seconds it never starts a program again.
            again = program.restart and not program.tries and not program.every
            text += f"autorestart = {str(again).lower()}\nstartsecs = {3 if program.tries else 1}\n"
            text += f"startretries = {program.tries or (100000 if again else 1)}\nrestartpause = 1\n"
            if program.every:
                text += f"autostart = false\ncron = */{program.every} * * * * *\n"
            if program.needs:
                text += f"depends_on = {program.needs}\n"
            if program.log:
                text += (
                    f"stdout_logfile = {folder / program.log}\nstdout_logfile_maxbytes = {program.log_max}\n"
                )
                text += "stdout_logfile_backups = 2\n"
            else:
                text += "stdout_logfile = /dev/stdout\n"
            text += "stderr_logfile = /dev/stderr\n"
            if program.stop_wait:
                text += f"stopwaitsecs = {program.stop_wait}\n"
            if program.user:
                text += f"user = {program.user}\n"
            if program.environment:
                pairs = (f"{key}={_escaped(value)}" for key, value in program.environment)
                text += f"environment = {','.join(pairs)}\n"
        (folder / "c.conf").write_text(text)
        return [self.path(), "-c", str(folder / "c.conf")]

    def control(self, folder: Path, verb: str, name: str) -> list[str]:
        command = [self.path(), "-c", f"{folder}/c.conf", "ctl"]
        return [*command, verb, *([name] if name else [])]

    def misspell(self, folder: Path) -> None:
        with (folder / "c.conf").open("a") as file:
            file.write("restrat = true\n")


def _escaped(value: str) -> str:
    """Without quotes, in which no quote can be said; a comma would end it."""
    if "," in value:
        raise Cannot("a value with a comma cannot have quotes too")
    return "".join(f"\\{one}" if one in "\\;#" else one for one in value)
