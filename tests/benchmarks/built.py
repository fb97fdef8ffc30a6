"""Peers in Go and Rust, which are built once from what their registries serve (tests/peer_builds.py).

They are measured in the rows that say what a language costs: start, memory, restart, stop.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.benchmarks.peer import Peer, Program
from tests.peer_builds import HORUST, PEBBLE

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
