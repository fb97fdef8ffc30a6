"""Adds variables from files, and our own that `pass_environment` names. Knows nothing of processes.

`launcher` reads the files at each start, so a file that appears or changes later counts. Messages name files,
lines and variables, never values.
"""

from __future__ import annotations

import os

from supervice.fs.files import read_file
from supervice.fs.place import Place, Refused, is_trusted
from supervice.pid1.identity import Acting
from supervice.pid1.spawn import SpawnError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from supervice.models import ProgramConfig
    from supervice.pid1.identity import Identity

# The kernel accepts 128 KiB per variable (MAX_ARG_STRLEN); a far larger file is a mistake.
BIGGEST = 1024 * 1024
_WILD = "*?["


class Unusable(SpawnError):
    """A file that does not exist or holds what no environment can, in words. It may be corrected later."""


def passing(environ: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    """Returns the variables of `environ` that names and globs in `patterns` match."""
    passed = {}
    for pattern in patterns:
        if not any(c in pattern for c in _WILD):
            if pattern in environ:
                passed[pattern] = environ[pattern]
            continue
        from fnmatch import fnmatchcase

        passed.update({name: value for name, value in environ.items() if fnmatchcase(name, pattern)})
    return passed


def add_layers(
    env: dict[str, str],
    config: ProgramConfig,
    of_all: tuple[tuple[str, ...], Mapping[str, str]],
    reader: Identity | None,
) -> int:
    """Adds variables from files and the configuration to `env`; returns a fingerprint of the files' part.

    `of_all`: the env files and variables of all programs. `reader`: see `_text`. Unusable.
    """
    files, variables = of_all
    shared = from_files(files, reader)
    own = from_files(config.env_file, reader)
    secrets = from_secrets(config.secrets, reader)
    for layer in (shared, variables, own, config.environment, secrets):
        env.update(layer)
    return fingerprint({name: env[name] for name in {**shared, **own, **secrets}})


def parse(text: str) -> dict[str, str]:
    """Parses `KEY=VALUE` lines. ValueError with the number of a line that is none.

    It removes `export ` before the key, one pair of quotes around the value, and blanks outside of them. A
    line that begins with # is a comment. It expands nothing, and a backslash is a backslash.
    """
    found = {}
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = line.strip(" \t\r")
        if not line or line[0] == "#":
            continue
        key, equals, value = line.partition("=")
        key = key.rstrip(" \t")
        if key[:6] == "export" and key[6:7] in (" ", "\t"):
            key = key[7:].lstrip(" \t")
        if not equals or not key or " " in key or "\t" in key:
            raise ValueError(f"line {number} is not KEY=VALUE")
        if "\0" in line:
            raise ValueError(f"line {number} holds a NUL byte; remove it")
        value = value.lstrip(" \t")
        if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]:
            value = value[1:-1]
        found[key] = value
    return found


def from_files(paths: Iterable[str], reader: Identity | None = None) -> dict[str, str]:
    """Returns the variables of all env files; later ones win. Unusable. `reader`: see `_text`."""
    found: dict[str, str] = {}
    for path in paths:
        try:
            found.update(parse(_text(path, reader)))
        except (OSError, ValueError) as error:
            raise Unusable(f"env_file {path}: {_why(error)}") from None
    return found


def from_secrets(secrets: Mapping[str, str], reader: Identity | None = None) -> dict[str, str]:
    """Returns the contents of files, without one trailing newline each. Unusable. `reader`: see `_text`."""
    found = {}
    for name, path in secrets.items():
        try:
            text = _text(path, reader)
            if "\0" in text:
                raise ValueError("it holds a NUL byte; remove it")
        except (OSError, ValueError) as error:
            raise Unusable(f"secret {name}, {path}: {_why(error)}") from None
        found[name] = text.removesuffix("\n")
    return found


def fingerprint(values: Mapping[str, str]) -> int:
    """Returns a number that changes with the values; comparable within this process only."""
    return hash(frozenset(values.items()))


def _why(error: Exception) -> str:
    return str(error.strerror or error) if isinstance(error, OSError) else str(error)


def _text(path: str, reader: Identity | None) -> str:
    """Returns the content, any bytes, in the form of `os.environ`. Never blocks.

    `reader` is the program's user: a file in a directory that is neither root's nor ours is opened with the
    rights of that user, who could have put a link there to a file that only we may read.
    """
    if reader is not None and not is_trusted(reader.uid) and _is_foreign(path):
        with Acting(reader):
            return os.fsdecode(read_file(path, BIGGEST)[0])
    return os.fsdecode(read_file(path, BIGGEST)[0])


def _is_foreign(path: str) -> bool:
    try:
        with Place(path) as place:
            return not is_trusted(place.owner)
    except Refused:
        return True  # another user made a link on the way, perhaps the program's user itself
    except OSError:
        return False
