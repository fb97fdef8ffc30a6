"""Finds what a configuration needs and this machine lacks: binaries, directories, files of variables.

None of it is an error: it may exist where the configuration runs, and the daemon tries again. For servers
that would go into the background it reads their own configuration too.
"""

from __future__ import annotations

import os

from supervice.config import Problem
from supervice.config.background import server_problem
from supervice.config.build import section_of
from supervice.config.options import KIND, NAME, rows
from supervice.config.problems import WARNING, nearest, shown
from supervice.config.quoting import split_command
from supervice.config.shell_words import shell_problem
from supervice.fs.files import read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from supervice.config import Loaded
    from supervice.config.reader import Section
    from supervice.models import ProgramConfig

LONGEST = 250  # characters of a path in a message
# Where a server's own configuration keeps it in the foreground: globs, and the words without blanks.
_OWN = {
    "nginx": (("/etc/nginx/nginx.conf", "/usr/local/nginx/conf/nginx.conf"), "daemonoff;"),
    "openresty": (("/usr/local/openresty/nginx/conf/nginx.conf",), "daemonoff;"),
    "php-fpm": (
        (
            "/usr/local/etc/php-fpm.conf",
            "/usr/local/etc/php-fpm.d/*.conf",
            "/etc/php*/php-fpm.conf",
            "/etc/php*/php-fpm.d/*.conf",
            "/etc/php/*/fpm/php-fpm.conf",
            "/etc/php-fpm*",
            "/etc/php-fpm.d/*.conf",
        ),
        "daemonize=no",
    ),
}
BIGGEST = 1024 * 1024  # bytes of such a file


def missing(loaded: Loaded, environ: Mapping[str, str]) -> list[Problem]:
    """Returns a warning for each thing that does not exist here; `environ` is the daemon's environment."""
    assert loaded.reading is not None
    found: dict[tuple[str, int, str], Problem] = {}
    for section in loaded.reading.sections.values():
        if section.name == loaded.dialect:
            for path in loaded.config.env_file:
                _add(found, section, "env_file", _no_file(path))
    for config in loaded.processes:
        name = section_of(config)
        section = loaded.reading.sections[name]
        for option, message in _of_program(loaded, name, config, environ):
            _add(found, section, option, message)
    return list(found.values())


def _add(found: dict[tuple[str, int, str], Problem], section: Section, option: str, message: str) -> None:
    if message and option in section.options:
        _, file, line = section.options[option]
        text = f"[{shown(section.name)}] {option}: {message}"
        found.setdefault((file, line, text), Problem(file, line, WARNING, option, text))


def _of_program(
    loaded: Loaded, section: str, config: ProgramConfig, environ: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Returns options, and what is wrong with each."""
    layers = (config.environment, loaded.config.environment, environ)
    path = next((layer["PATH"] for layer in layers if "PATH" in layer), os.defpath)
    directory = config.directory
    if directory is not None:
        yield "directory", _no_directory(directory)
    for row in rows(section.partition(":")[0]).values():
        command = getattr(config, row[NAME], None) if row[KIND] == "command" else None
        if not command or shell_problem(command):
            continue  # said already
        try:
            argv = split_command(command)
        except ValueError:
            continue
        yield row[NAME], _no_program(argv[0], path, directory or os.getcwd())
        if row[NAME] == "command" and not _stays(argv):
            yield "command", shown(server_problem(argv, _written(loaded, section)), 400)
    for option in ("stdout_logfile", "stderr_logfile"):
        log = getattr(config, option)
        if log is not None and log.startswith("/") and not log.startswith(("/dev/", "/proc/")):
            yield option, _no_directory(os.path.dirname(log))
    for path in config.env_file:
        yield "env_file", _no_file(path)
    for name, path in config.secrets.items():
        message = _no_file(path)
        yield "secrets", f"{name}: {message}" if message else ""


def _written(loaded: Loaded, section: str) -> str:
    assert loaded.reading is not None
    return " ".join(loaded.reading.sections[section].options["command"][0].split("\n"))


def _no_file(path: str) -> str:
    if os.path.isfile(path):
        return "" if os.access(path, os.R_OK) else f"{_path(path)} cannot be read by the user of this check"
    if os.path.isdir(path):
        return f"{_path(path)} is a directory; name a file in it"
    return "" if os.path.exists(path) else f"{_path(path)} does not exist here"


def _no_directory(path: str) -> str:
    if os.path.isdir(path):
        return ""
    if os.path.lexists(path):
        return f"{_path(path)} is no directory; write another"
    return f"{_path(path)} does not exist here; create it in the image"


def _no_program(word: str, path: str, directory: str) -> str:
    if "/" in word:
        whole = os.path.normpath(os.path.join(directory, word))
        if os.path.isdir(whole):
            return f"{_path(word)} is a directory; name the program in it"
        if os.path.exists(whole):
            return "" if os.access(whole, os.X_OK) else f"{_path(word)} is not executable; chmod +x it"
        folder, _, name = whole.rpartition("/")
        return f"{_path(word)} does not exist here{_near(name, [folder])}"
    folders = [folder for folder in path.split(":") if folder]
    if any(os.access(os.path.join(directory, folder, word), os.X_OK) for folder in folders):
        return ""
    return f"{_path(word)} is in no directory of PATH here{_near(word, folders)}"


def _near(word: str, folders: list[str]) -> str:
    names: set[str] = set()
    for folder in folders:
        try:
            names.update(os.listdir(folder))
        except OSError:
            continue
    # Some name in PATH is always a little like gunicorn; most programs are missing, not misspelt.
    return nearest(word, sorted(names), 0.75) if len(names) < 20_000 else ""


def _path(path: str) -> str:
    return shown(path, LONGEST)


def _stays(argv: list[str]) -> bool:
    """Returns whether the server's own configuration keeps it in the foreground."""
    name = argv[0].rpartition("/")[2]
    patterns, marker = _OWN.get("php-fpm" if name.startswith("php-fpm") else name, ((), ""))
    if not marker:
        return False
    import glob

    given = [argv[at + 1] for at, word in enumerate(argv[:-1]) if word in ("-c", "-y", "--fpm-config")]
    for pattern in given or patterns:
        for path in glob.glob(pattern):
            try:
                data = read_file(path, BIGGEST, follow=True)[0]
            except OSError:
                continue
            if any(_says(line, marker) for line in data.decode(errors="replace").splitlines()):
                return True
    return False


def _says(line: str, marker: str) -> bool:
    return "".join(line.split()).startswith(marker)
