"""Turns configuration files into values.

It reads files and nothing else, never prints, and never raises because of a file's content.

`parse_config` is the documented Python API; the daemon, `check` and reload use `load`, which also returns the
warnings and one `ProgramConfig` for each process.
"""

from __future__ import annotations

import os

from supervice.config.build import Builder, container_defaults
from supervice.config.context import Context
from supervice.config.problems import ERROR, STRICT, ConfigValidationError, Problem, nearest
from supervice.config.reader import Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal, NoReturn

    from supervice.config.supervisord_sections import Server
    from supervice.models import ProgramConfig, SupervisorConfig

__all__ = [
    "ConfigValidationError",
    "Loaded",
    "Problem",
    "check_dependencies",
    "instances",
    "load",
    "parse_config",
]


class Loaded:
    """A configuration that was read; when `errors` is not empty, only `problems` is meaningful."""

    __slots__ = (
        "config",
        "dialect",
        "files",
        "given",
        "patterns",
        "problems",
        "processes",
        "reading",
        "servers",
        "variables",
    )

    def __init__(self, builder: Builder, problems: list[Problem], reading: Reading) -> None:
        self.config: SupervisorConfig = builder.config
        self.problems = problems  # by file and line
        self.given = builder.given  # the names of the `[supervice]` options that the file sets
        # One for each process, with numprocs = 1. Where `program` and `process_name` are None, both are
        # `name`, and `config.programs` has the same object.
        self.processes: list[ProgramConfig] = builder.processes
        self.servers: list[Server] = builder.servers
        self.files = reading.files  # all files that were read
        self.patterns = reading.patterns  # paths and globs of what is included
        self.reading: Reading | None = None  # the text of each value and its place; only with `trace`
        # The `[supervice]` options that a variable of the daemon's environment sets, and its name.
        self.variables = {name: one.file for one in builder.from_environment for name in one.options}
        stock = builder.ctx.stock
        self.dialect: Literal["supervice", "supervisord"] = "supervisord" if stock else "supervice"

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity == ERROR]


def load(
    path: str,
    *,
    environ: Mapping[str, str] | None = None,
    daemon_defaults: bool = False,
    cwd: str | None = None,
    resolve: bool = True,
    trace: bool = False,
    settled: bool = False,
) -> Loaded:
    """Reads `path` and what it includes; FileNotFoundError when it does not exist.

    Everything else that is wrong is in `problems`. Relative paths begin in `cwd`, by default the current
    directory; with `resolve=False` they stay as written. `trace` keeps the text of the options and their
    places, which a daemon does not need. With `settled` each file is read until two reads agree: it may be
    being written right now.
    """
    if environ is None:
        environ = os.environ
    if cwd is None:
        cwd = os.getcwd()
    reading = Reading(environ, cwd, settled=settled)
    reading.read(os.fspath(path))
    ctx = Context(reading.stock, environ, cwd if resolve else None)
    builder = Builder(ctx, reading)
    if daemon_defaults and any(name.startswith("SUPERVICE_") for name in environ):
        from supervice.config.from_environment import sections

        builder.from_environment = sections(environ, cwd, ctx)
    builder.build()
    if daemon_defaults:
        container_defaults(builder.config, builder.given)
    problems = ctx.problems
    for problem in reading.problems:
        if problem.severity != STRICT:
            problems.append(problem)
        elif not ctx.stock:
            problems.append(Problem(problem.file, problem.line, ERROR, problem.option, problem.message))
    order = {name: number for number, name in enumerate(reading.names)}
    problems.sort(key=lambda problem: (order.get(problem.file, -1), problem.line))
    loaded = Loaded(builder, problems, reading)
    if trace:
        loaded.reading = reading
    return loaded


def parse_config(path: str) -> SupervisorConfig:
    """Returns the validated configuration in `path`.

    Raises FileNotFoundError, or ConfigValidationError with every error of all files in `problems`.
    """
    loaded = load(path, resolve=False)
    errors = loaded.errors
    if errors:
        raise ConfigValidationError(errors)
    return loaded.config


def check_dependencies(programs: list[ProgramConfig]) -> None:
    """Raises ConfigValidationError when `depends_on` of programs built in Python cannot work."""
    if not any(program.depends_on for program in programs):
        return
    from supervice.lifecycle.graph import is_unchecked, problems

    found = problems(
        {program.name: program.depends_on for program in programs},
        unchecked={p.name for p in programs if is_unchecked(p)},
        not_oneshot={p.name for p in programs if p.type != "oneshot"},
        guess=nearest,
    )
    if found:
        raise ConfigValidationError("\n".join(f"{fault.program}: {fault.message}" for fault in found))


def refuse_program(program: ProgramConfig, error: Exception) -> NoReturn:
    """Raises ConfigValidationError with what is wrong with a program built in Python; else `error`."""
    from supervice.config.validation import problems_of_program

    found = problems_of_program(program)
    if not found:
        raise error
    raise ConfigValidationError("\n".join(found)) from None


def check_config(config: SupervisorConfig) -> None:
    """Raises ConfigValidationError when a configuration built in Python cannot work."""
    from supervice.config.validation import problems_of

    found = problems_of(config)
    if found:
        raise ConfigValidationError("\n".join(found))
    check_dependencies(config.programs)


def instances(program: ProgramConfig) -> list[ProgramConfig]:
    """Returns one configuration for each process of a program built in Python.

    Expands `%(process_num)s` (two digits), `%(process_num)d` and `%(process_num)02d` in texts, and leaves
    every other percent sign alone. (For a file, see `Loaded.processes`.)
    """
    if program.program is not None:
        return [program]
    from supervice.config.numprocs import expanded

    return expanded(program)
