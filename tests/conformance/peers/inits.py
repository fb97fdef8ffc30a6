"""Inits: one command, without a configuration."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.supervisor import Supervisor, shell
from tests.conformance.world import Program


class Init(Supervisor):
    single = True
    options: tuple[str, ...] = ()
    lacks = {
        "stop_signal": "the signal that it gets is the signal that it passes on",
        "stop_wait": "nothing follows the stop signal",
    }

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        (program,) = programs
        return [self.path(), *self.arguments(program), "--", *shell(folder, program).split()]

    def arguments(self, program: Program) -> tuple[str, ...]:
        return self.options


class Tini(Init):
    name = "tini"
    program = "tini"
    package = "tini"


class DumbInit(Init):
    name = "dumb-init"
    program = "dumb-init"
    package = "dumb-init"
    lacks = {"stop_wait": "nothing follows the stop signal"}

    def arguments(self, program: Program) -> tuple[str, ...]:
        return ("--rewrite", "15:3") if program.stop_signal == "QUIT" else ()


class Catatonit(Init):
    name = "catatonit"
    program = "catatonit"
    package = "catatonit"
