"""Peers in Go and Rust, which are built once from what their registries serve (tests/peer_builds.py).

All are measured in the rows that say what a language costs: start, memory, restart, stop; those that write log files and
answer questions by a command of their own in these rows too.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.benchmarks.peer import KEEP, ROTATE_AT, Peer, Program
from tests.peer_builds import GO_SUPERVISORD, HORUST, PEBBLE, PROCESS_COMPOSE

GROUPS = frozenset({"start", "memory", "restart", "orphans", "stop"})


class Pebble(Peer):
    """In Go."""

    name = "pebble"
    command = "pebble"
    pause = "0.5 s, doubled to 30 s"
    writes_files = False
    reach = 100
    reaps = True
    groups = GROUPS

    def version(self) -> str:
        return PEBBLE.version if self.path(self.command) else ""

    def configure(self, folder: Path, programs: list[Program]) -> list[str]:
        services = {
            program.name: {
                "override": "replace",
                "command": program.command,
                "startup": "enabled",
                "kill-delay": "10s",
            }
            for program in programs
        }
        layer = folder / "pebble/layers/001-all.yaml"
        layer.parent.mkdir(parents=True)
        layer.write_text(json.dumps({"services": services}))  # YAML takes JSON
        return ["/usr/bin/env", f"PEBBLE={folder}/pebble", self.path(self.command), "run"]

    def status(self, folder: Path, programs: list[Program]) -> list[str]:
        return ["/usr/bin/env", f"PEBBLE={folder}/pebble", self.path(self.command), "services"]


class ProcessCompose(Peer):
    """In Go. What it says on stdout has the names of programs in front, so that row is not its job."""

    name = "process-compose"
    command = "process-compose"
    pause = "1 s"
    reach = 100
    slow_copy = True
    groups = frozenset({"start", "memory", "restart", "stop", "idle", "status", "file", "small"})

    def version(self) -> str:
        return PROCESS_COMPOSE.version if self.path(self.command) else ""

    def configure(self, folder: Path, programs: list[Program]) -> list[str]:
        processes = {}
        for program in programs:
            one: dict[str, object] = {"entrypoint": program.argv, "availability": {"restart": "always"}}
            if program.output == "file":
                one["log_location"] = f"{folder}/{program.name}.log"
                one["log_configuration"] = {
                    "disable_json": True,
                    "fields_order": ["message"],
                    "no_metadata": True,
                    "no_color": True,
                    "flush_each_line": True,
                    "rotation": {"max_size_mb": ROTATE_AT // 1_000_000, "max_backups": KEEP},
                }
            processes[program.name] = one
        file = folder / "process-compose.yaml"
        file.write_text(json.dumps({"processes": processes}))  # YAML takes JSON
        return [*self._told(folder, "daemon"), "up", "-t=false", "-f", str(file)]

    def status(self, folder: Path, programs: list[Program]) -> list[str]:
        return [*self._told(folder, "client"), "process", "list", "-o", "wide"]

    def logs(self, folder: Path, name: str) -> list[Path]:
        return [*sorted(folder.glob(f"{name}-*.log")), *folder.glob(f"{name}.log")]

    def _told(self, folder: Path, log: str) -> list[str]:
        return [self.path(self.command), "-u", f"{folder}/pc.sock", "-L", f"{folder}/{log}"]


class GoSupervisord(Peer):
    """In Go, with supervisord's configuration."""

    name = "gosupervisord"
    command = "supervisord"
    pause = "none, but at least 5 s after a run of less than 2 s"
    reach = 100
    reaps = True
    groups = GROUPS | {"idle", "status", "file", "small", "stdout"}

    def version(self) -> str:
        return GO_SUPERVISORD.version if self.path(self.command) else ""

    def configure(self, folder: Path, programs: list[Program]) -> list[str]:
        text = f"[supervisord]\nlogfile = {folder}/daemon\npidfile = {folder}/pid\n"
        text += f"[unix_http_server]\nfile = {folder}/s.sock\n"
        text += f"[supervisorctl]\nserverurl = unix://{folder}/s.sock\n"
        for program in programs:
            text += f"[program:{program.name}]\ncommand = {program.command}\nautorestart = true\n"
            text += "stopsignal = TERM\nstderr_logfile = /dev/null\n"
            if program.output == "file":
                text += f"stdout_logfile = {folder}/{program.name}.log\n"
                text += f"stdout_logfile_maxbytes = {ROTATE_AT}\nstdout_logfile_backups = {KEEP}\n"
            else:
                text += f"stdout_logfile = /dev/{'stdout' if program.output == 'stdout' else 'null'}\n"
        (folder / "c.conf").write_text(text)
        return [self.path(self.command), "-c", f"{folder}/c.conf"]

    def status(self, folder: Path, programs: list[Program]) -> list[str]:
        return [self.path(self.command), "-c", f"{folder}/c.conf", "ctl", "status"]


class Horust(Peer):
    """In Rust."""

    name = "horust"
    command = "horust"
    pause = "none, but it looks every 0.3 s"
    reach = 100
    copies = False
    groups = GROUPS

    def version(self) -> str:
        return HORUST.version if self.path(self.command) else ""

    def configure(self, folder: Path, programs: list[Program]) -> list[str]:
        (folder / "services").mkdir()
        (folder / "uds").mkdir()
        for program in programs:
            text = f"command = {json.dumps(program.command)}\n"
            if program.output == "file":
                text += f'stdout = "{folder}/{program.name}.log"\n'
            text += '[restart]\nstrategy = "always"\n[termination]\nsignal = "TERM"\nwait = "10s"\n'
            (folder / "services" / f"{program.name}.toml").write_text(text)
        options = ["--config-path", f"{folder}/none.toml", "--uds-folder-path", f"{folder}/uds"]
        return [self.path(self.command), "--services-path", f"{folder}/services", *options]
