"""Finds where the control socket is: for the daemon that makes it, and for the client that looks for it.

Reads files and the environment, connects to nothing. It must stay cheap: it runs before every `supervicectl`.
"""

from __future__ import annotations

import os

from supervice.net.peer import mount_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME = "supervice.sock"
BIGGEST = 16 * 1024 * 1024  # bytes of a configuration, as its reader has it

# Where the daemon looks for its configuration when it is given none (SPEC 1.1), `$SUPERVICE_CONFIG` first.
CONFIG_PATHS = (
    "supervice.conf",
    "supervisord.conf",
    "/etc/supervice/supervice.conf",
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
)


def default_paths(environ: Mapping[str, str]) -> list[str]:
    """Returns the places that a daemon without a `socket` setting may have taken, in order."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    directories = ["/tmp", "/run", runtime if os.path.isabs(runtime) else "", "/dev/shm"]
    return [os.path.join(directory, NAME) for directory in directories if directory]


def all_defaults(environ: Mapping[str, str]) -> list[str]:
    """Returns the default places, then the same names with our mark, for when all of those are taken."""
    paths = default_paths(environ)
    return [*paths, *map(marked, paths)]


def writable_paths(environ: Mapping[str, str]) -> list[str]:
    """Returns the default places in a writable directory, in order: the daemon takes the first free one."""
    return [path for path in all_defaults(environ) if os.access(os.path.dirname(path), os.W_OK | os.X_OK)]


def marked(path: str) -> str:
    """Returns the name to use when another container holds the default one: with the mark of our container.

    Containers of a pod may share `/dev/shm` and `/tmp`, but never a mount namespace, whose number is the
    mark.
    """
    return f"{path.removesuffix('.sock')}-{mount_namespace()}.sock"


def told_path(explicit: str | None, environ: Mapping[str, str]) -> str | None:
    """Returns the path given with -s or in `$SUPERVICE_SOCKET`."""
    told = explicit or environ.get("SUPERVICE_SOCKET")
    return told if told and told != "none" else None


def socket_candidates(
    explicit: str | None, environ: Mapping[str, str], proc_cmdline: str = "/proc/1/cmdline"
) -> Iterator[str]:
    """Yields where the daemon may be listening, the likeliest first.

    `explicit` (-s) and `$SUPERVICE_SOCKET` exclude all other places: no other daemon must get the command.
    """
    told = told_path(explicit, environ)
    if told is not None:
        yield told
        return
    init = init_options(proc_cmdline)
    config = init.get("config") or environ.get("SUPERVICE_CONFIG")
    if config == "none":
        configs = []
    elif config:
        configs = [config]
    else:
        configs = [path for path in CONFIG_PATHS if os.path.isfile(path)][:1]
    found = [init.get("socket"), *(configured_socket(path, environ) for path in configs)]
    seen = set()
    for path in [*found, *all_defaults(environ)]:
        if path and path != "none" and path not in seen:
            seen.add(path)
            yield path
    # Last, so that only who finds no daemon reads more files.
    for config in configs:
        for path in included(config, environ):
            socket = configured_socket(path, environ)
            if socket and socket != "none" and socket not in seen:
                seen.add(socket)
                yield socket


def init_options(proc_cmdline: str) -> dict[str, str]:
    """Returns `config` and `socket` from the command line of PID 1, if it is supervice and readable."""
    try:
        with open(proc_cmdline, "rb") as file:
            words = [os.fsdecode(word) for word in file.read(65536).split(b"\0")]
    except OSError:
        return {}
    # [python, [-I, …]] /path/to/supervice [options] [--] [command]
    start = next((i for i, word in enumerate(words[:6]) if os.path.basename(word) == "supervice"), None)
    if start is None:
        return {}
    names = {"-c": "config", "--configuration": "config", "-s": "socket", "--socket": "socket"}
    flags = ("-n", "--nodaemon", "-g", "--group", "--single-child", "--subreaper", "--warn-on-reap", "-v")
    found: dict[str, str] = {}
    rest = iter(words[start + 1 :])
    for word in rest:
        key, equals, value = word.partition("=")
        if not word.startswith("-") or word in ("-", "--"):
            break
        if word in flags:
            continue
        if key.startswith("--") and equals:
            pass
        elif not key.startswith("--") and len(word) > 2:
            key, value = word[:2], word[2:]
        else:
            value = next(rest, "")
        if key in names and value:
            found[names[key]] = value
    return found


def configured_socket(path: str, environ: Mapping[str, str]) -> str | None:
    """Returns `socket` of the `[supervice]` section in the file `path`, or None.

    A glance, not a parse: a value that it does not understand counts as not set; the default paths come next.
    """
    value = _glance(path, "supervice", "socket")
    if value is None:
        return None
    return _path(value, _directory(path), environ)


def included(path: str, environ: Mapping[str, str]) -> list[str]:
    """Returns the files that `path` includes, as far as a glance tells; not those that these include."""
    value = _expand(_glance(path, "include", "files") or "", _directory(path), environ)
    if not value:
        return []
    import glob

    wanted = [os.path.join(_directory(path), pattern) for pattern in value.split()]
    return [file for pattern in wanted for file in sorted(glob.glob(pattern))]


def _directory(path: str) -> str:
    return os.path.dirname(os.path.abspath(path))


def _glance(path: str, section: str, option: str) -> str | None:
    """Returns the option's last value without comments, its lines joined; None when there is none."""
    from supervice.fs.files import read_file

    try:
        lines = read_file(path, BIGGEST, follow=True)[0].decode("utf-8-sig", "replace").splitlines()
    except OSError:
        return None
    inside = goes_on = False
    value: str | None = None
    for line in lines:
        if line.startswith("["):
            inside = line[1:].partition("]")[0].strip() == section
        elif goes_on and line[:1].isspace():
            value = f"{value} {_uncommented(line)}"
            continue
        elif inside and line.startswith(option):
            cut = min((i for i in (line.find("="), line.find(":")) if i > 0), default=-1)
            if cut > 0 and line[:cut].strip() == option:
                value, goes_on = _uncommented(line[cut + 1 :]), True
                continue
        goes_on = False
    return value


def _uncommented(text: str) -> str:
    for mark in (" ;", "\t;", " #", "\t#"):
        text = text.partition(mark)[0]
    return text.strip()


def _path(value: str, here: str, environ: Mapping[str, str]) -> str | None:
    """Returns the path that the value says; None for a value that a glance does not understand."""
    path = _expand(value, here, environ)
    return os.path.abspath(path) if path and path != "none" else path or None


def _expand(value: str, here: str, environ: Mapping[str, str]) -> str | None:
    """Returns the value with `%(here)s`, `%(ENV_X)s` and `%(ENV_X:-default)s` expanded.

    None for any other name.
    """
    before, start, rest = value.partition("%(")
    out = before.replace("%%", "%")
    while start:
        name, end, rest = rest.partition(")s")
        variable, _, default = name.partition(":-")
        if not end:
            return None
        if name == "here":
            out += here
        elif variable.startswith("ENV_") and (variable[4:] in environ or ":-" in name):
            out += environ.get(variable[4:], default)
        else:
            return None
        before, start, rest = rest.partition("%(")
        out += before.replace("%%", "%")
    return out
