"""Horust, a crate: a TOML file a program."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conformance.supervisor import Supervisor, script, shell
from tests.conformance.world import Cannot, Program
from tests.peer_builds import HORUST


class Horust(Supervisor):
    name = "Horust"
    program = "horust"
    build = HORUST
    lacks = {
        "needs_done": "nothing waits for another program to have ended",
        "flaps": "a program that was up is started again for ever",
        "named": "programs write to its stdout themselves",
        "every": "there are no schedules",
    }

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        services = folder / "services"
        services.mkdir(exist_ok=True)
        for program in programs:
            text = f'command = "{shell(folder, program)}"\nworking-directory = "{folder}"\n'
            needs = [name for name in (program.needs, program.needs_ready) if name]
            if needs:
                text += f"start-after = {json.dumps([f'{name}.toml' for name in needs])}\n"
            after = [
                f"{other.name}.toml" for other in programs if program.name in (other.needs, other.needs_ready)
            ]
            if after:
                text += f"shutdown-after = {json.dumps(after)}\n"
            if program.user:
                text += f'user = "{program.user}"\n'
            if program.log:
                text += f'stdout = "{folder / program.log}"\n'
                if program.log_max:
                    text += f'stdout-rotate-size = "{program.log_max} B"\n'
            if program.tries:  # what it counts are the starts after the first, and only with "never"
                text += f'[restart]\nstrategy = "never"\nattempts = {program.tries - 1}\n'
            else:
                text += f'[restart]\nstrategy = "{"always" if program.restart else "never"}"\n'
            text += "[environment]\nkeep-env = true\n"
            if program.environment:
                # Every $ of the file is one of the container's variables, unless it is doubled.
                pairs = (
                    f"{key} = {json.dumps(value.replace('$', '$$'))}" for key, value in program.environment
                )
                text += f"additional = {{ {', '.join(pairs)} }}\n"
            text += f'[termination]\nsignal = "{program.stop_signal or "TERM"}"\n'
            if program.stop_wait:
                text += f'wait = "{program.stop_wait}s"\n'
            if program.main or program.critical:
                text += '[failure]\nsuccessful-exit-code = [0]\nstrategy = "shutdown"\n'
            if any(other.needs_ready == program.name for other in programs):
                text += f'[healthiness]\nfile-path = "{folder}/ready-{program.name}"\nmax-failed = 1000\n'
            elif program.check:
                command = script(folder, f"{program.name}-check", program.check)
                text += f'[healthiness]\ncommand = "{command}"\nmax-failed = 1\n'
            (services / f"{program.name}.toml").write_text(text)
        (folder / "uds").mkdir(exist_ok=True)
        config = ["--config-path", f"{folder}/none.toml", "--uds-folder-path", f"{folder}/uds"]
        return [self.path(), "--services-path", str(services), *config]

    def control(self, folder: Path, verb: str, name: str) -> list[str]:
        if verb == "reload":
            raise Cannot("it reads its configuration once")
        raise Cannot(f"its horustctl is no part of the crate, so there is no {verb}")

    def misspell(self, folder: Path) -> None:
        path = next((folder / "services").glob("*.toml"))
        path.write_text("restrat = true\n" + path.read_text())
