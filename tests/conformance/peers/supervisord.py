"""supervisord, of PyPI."""

from __future__ import annotations

import os
from pathlib import Path

from tests.conformance.supervisor import Supervisor, shell
from tests.conformance.world import Program


class Supervisord(Supervisor):
    name = "supervisord"
    program = "supervisord"
    lacks = {
        "main": "no program decides about its end; it takes an event listener that kills it",
        "needs_ready": "nothing waits for another program to be ready",
        "needs_done": "nothing waits for another program to have ended",
        "flaps": "a program that was up is started again for ever",
        "check": "there are no health checks; it takes an event listener",
        "named": "lines have no names; it takes an event listener",
        "every": "there are no schedules",
    }

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        text = f"[supervisord]\nnodaemon = true\nsilent = true\nlogfile = {folder}/daemon.log\npidfile = {folder}/p\n"
        if os.geteuid() == 0 and not (folder / "unprivileged").exists():
            text += "user = root\n"
        text += (
            f"\n[unix_http_server]\nfile = {folder}/s.sock\n\n[rpcinterface:supervisor]\n"
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n"
            f"\n[supervisorctl]\nserverurl = unix://{folder}/s.sock\n"
        )
        ordered = any(program.needs for program in programs)
        for number, program in enumerate(programs):
            text += f"\n[program:{program.name}]\ncommand = {shell(folder, program)}\n"
            text += f"autorestart = {str(program.restart).lower()}\n"
            text += "stopasgroup = true\nkillasgroup = true\n"
            if ordered:
                text += f"priority = {number}\n"
            if program.tries:
                text += f"startsecs = 3\nstartretries = {program.tries - 1}\n"
            else:
                text += "startsecs = 0\nstartretries = 100000\n"
            if program.log:
                text += (
                    f"stdout_logfile = {folder / program.log}\nstdout_logfile_maxbytes = {program.log_max}\n"
                )
                text += "stdout_logfile_backups = 2\n"
            else:
                text += "stdout_logfile = /dev/fd/1\nstdout_logfile_maxbytes = 0\n"
            text += "stderr_logfile = /dev/fd/2\nstderr_logfile_maxbytes = 0\n"
            if program.stop_wait:
                text += f"stopwaitsecs = {program.stop_wait}\n"
            if program.stop_signal:
                text += f"stopsignal = {program.stop_signal}\n"
            if program.user:
                text += f"user = {program.user}\n"
            if program.environment:
                pairs = (f'{key}="{_quoted(value)}"' for key, value in program.environment)
                text += f"environment = {','.join(pairs)}\n"
        (folder / "c.conf").write_text(text)
        return [self.path(), "-c", str(folder / "c.conf")]

    def control(self, folder: Path, verb: str, name: str) -> list[str]:
        verb = {"reload": "update"}.get(verb, verb)
        return [self.find("supervisorctl"), "-c", f"{folder}/c.conf", verb, *([name] if name else [])]

    def misspell(self, folder: Path) -> None:
        with (folder / "c.conf").open("a") as file:
            file.write("restrat = true\n")


def _quoted(value: str) -> str:
    """As its parser, which is shlex behind Python's % formatting, needs it."""
    return value.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
