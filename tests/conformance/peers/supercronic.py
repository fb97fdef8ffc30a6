"""supercronic, a Go module: a crontab for containers."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.supervisor import Supervisor, shell
from tests.conformance.world import Program
from tests.peer_builds import SUPERCRONIC


class Supercronic(Supervisor):
    name = "supercronic"
    program = "supercronic"
    build = SUPERCRONIC
    single = False
    times = True

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        lines = [f"*/{program.every} * * * * * * {shell(folder, program)}\n" for program in programs]
        (folder / "crontab").write_text("".join(lines))
        return [self.path(), "-passthrough-logs", f"{folder}/crontab"]
