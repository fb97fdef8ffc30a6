"""Reads settings of `[supervice]` from variables of the daemon's environment: SUPERVICE_HTTP=:9090.

The command line beats the environment, and the environment beats the files.
"""

from __future__ import annotations

from supervice.config.options import rows
from supervice.config.reader import Section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervice.config.context import Context

PREFIX = "SUPERVICE_"
# Other variables with this prefix: options of the command line, and what hooks and tests are told.
OTHERS = frozenset(
    (
        "CONFIG", "CONFIGURATION", "NODAEMON", "GROUP", "SINGLE_CHILD", "SUBREAPER", "EXIT_CODE_OK",
        "REWRITE", "PARENT_DEATH_SIGNAL", "WARN_ON_REAP", "VERBOSE", "TURNS",
        "EVENT", "PROGRAM", "CODE", "REASON", "SECONDS",
    )
)  # fmt: skip
# Also options of the command line, which reports its own errors.
COMMAND_LINE = frozenset(("logfile", "loglevel", "socket", "shutdown_timeout"))


def sections(environ: Mapping[str, str], cwd: str, ctx: Context) -> list[Section]:
    """Returns one section for each variable that names an option; others get a warning."""
    table = rows("supervice")
    found = []
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or not value:
            continue
        word = variable[len(PREFIX) :]
        name = word.lower()
        if name in table and word.isupper():
            if name not in COMMAND_LINE:
                section = Section("supervice", variable, 0, cwd)
                section.options[name] = (value.replace("%", "%%"), variable, 0)
                found.append(section)
        elif word not in OTHERS and not word.startswith("TEST_") and not _is_injected(word):
            near = ctx.guess(name, table).partition("'")[2].partition("'")[0]
            hint = f" (did you mean {PREFIX}{near.upper()}?)" if near else ""
            message = f"no option of [supervice] has this name{hint}; unset it or correct it"
            ctx.warning(variable, 0, "", message)
    return found


def _is_injected(word: str) -> bool:
    """Returns whether Kubernetes or Docker links set it, for a Service whose name begins with `supervice`."""
    parts = word.split("_")
    return "PORT" in parts or "SERVICE" in parts
