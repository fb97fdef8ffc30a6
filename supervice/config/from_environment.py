"""Reads settings of `[supervice]` from variables of the daemon's environment: SUPERVICE_HTTP=:9090.

The command line beats the environment, and the environment beats the files.
"""

from __future__ import annotations

from supervice.config.options import rows
from supervice.config.reader import Section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from supervice.config.context import Context

PREFIX = "SUPERVICE_"
# Other variables with this prefix: options of the command line, and what hooks and tests are told.
OF_COMMAND_LINE = frozenset(
    (
        "CONFIG", "CONFIGURATION", "NODAEMON", "GROUP", "SINGLE_CHILD", "SUBREAPER", "EXIT_CODE_OK",
        "REWRITE", "PARENT_DEATH_SIGNAL", "WARN_ON_REAP", "VERBOSE",
    )
)  # fmt: skip
OTHERS = OF_COMMAND_LINE | {"TURNS", "EVENT", "PROGRAM", "CODE", "REASON", "SECONDS"}


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
            section = Section("supervice", variable, 0, cwd)
            section.options[name] = (value.replace("%", "%%"), variable, 0)
            found.append(section)
    for variable, message in unknown(environ, ctx.guess):
        ctx.warning(variable, 0, "", message)
    return found


def unknown(environ: Mapping[str, str], guess: Callable[[str, list[str]], str]) -> Iterator[tuple[str, str]]:
    """Yields each variable that names no option, and a warning; `guess` is `problems.nearest`."""
    table = rows("supervice")
    for variable, value in environ.items():
        word = variable[len(PREFIX) :]
        if not variable.startswith(PREFIX) or not value or word in OTHERS or word.startswith("TEST_"):
            continue
        if (word.isupper() and word.lower() in table) or _is_injected(word):
            continue
        known = [*table, *sorted(option.lower() for option in OF_COMMAND_LINE)]
        near = guess(word.lower(), known).partition("'")[2].partition("'")[0]
        hint = f" (did you mean {PREFIX}{near.upper()}?)" if near else ""
        yield variable, f"no option has this name{hint}; unset it or correct it"


def _is_injected(word: str) -> bool:
    """Returns whether Kubernetes or Docker links set it, for a Service whose name begins with `supervice`."""
    parts = word.split("_")
    return "PORT" in parts or "SERVICE" in parts
