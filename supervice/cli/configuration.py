"""`supervicectl config` and `env`: shows what the daemon runs with, and where each value comes from.

The values are the daemon's. Their origins come from the file as it reads now: where the file differs from
what the daemon runs with, the output says so instead. The client reads the file, because the daemon keeps no
text.
"""

from __future__ import annotations

import os
import sys

from supervice.cli.check_running import environment_of
from supervice.cli.explain import program_options, programs, supervisor_options, table_of
from supervice.cli.replies import fetch, names_of
from supervice.cli.terminal import DONE, FAILED, USAGE, complain, write
from supervice.config import load
from supervice.config.effective import plain, program_values, supervisor_values
from supervice.config.options import KIND, NAME
from supervice.control.protocol import INVALID_REQUEST
from supervice.lean.json import dumps
from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervice.config import Loaded

    Reply = dict[str, Any]
    Origins = dict[str, tuple[Any, Any, str]]  # option: the file's value, how it is shown, its origin

COMMAND_LINE = "command line"
CHANGED = "changed in the file since; a reload applies that"
UNKNOWN = "the file cannot be read"
_SETTING_OF = {"socket_path": "socket"}  # names of overrides that are no options


def show_configuration(
    names: tuple[str, ...], socket: str | None, timeout: float | None, as_json: bool
) -> int:
    """Writes the settings and the programs, or the named programs; returns the exit code."""
    reply, code = fetch({"command": "config", **names_of(names or ("all",))}, socket, timeout)
    if reply is None:
        return code
    if reply.get("status") != "ok":
        return _refused(reply)
    loaded = _file(reply)
    answer: Reply = {
        "status": "ok",
        **{key: reply.get(key) for key in ("file", "files", "directory", "dialect")},
    }
    if not names:
        answer["settings"] = _settings(reply, loaded)
    answer["programs"] = _programs(reply, loaded)
    if as_json:
        write(dumps(answer) + "\n")
        return DONE
    write("".join(f"{line}\n" for line in _lines(answer, loaded)))
    return DONE


def show_environment(
    name: str, socket: str | None, timeout: float | None, as_json: bool, *, secrets: bool
) -> int:
    """Writes NAME=VALUE lines; returns the exit code."""
    reply, code = fetch({"command": "env", "name": name, "secrets": secrets}, socket, timeout)
    if reply is None:
        return code
    if reply.get("status") != "ok":
        return _refused(reply)
    if as_json:
        write(dumps(reply) + "\n")
        return DONE
    for variable, value in reply["environment"].items():
        write(f"{variable}={value if secrets and not sys.stdout.isatty() else clean(value)}\n")
    if reply["masked"] and sys.stdout.isatty():
        complain(f"{len(reply['masked'])} values are masked; --show-secrets shows them")
    return DONE


def _refused(reply: Reply) -> int:
    complain(str(reply.get("message") or reply.get("code") or "failed"))
    return USAGE if reply.get("code") == INVALID_REQUEST else FAILED


def _file(reply: Reply) -> Loaded | None:
    """Returns the daemon's file as it reads now, with the daemon's variables; None when it cannot be used."""
    path = reply.get("file")
    if not isinstance(path, str):
        return None
    environ = environment_of(reply.get("pid"))
    try:
        loaded = load(
            path,
            daemon_defaults=True,
            trace=True,
            cwd=reply.get("directory"),
            environ=os.environ if environ is None else environ,
        )
    except OSError:
        return None
    return None if loaded.errors else loaded


def _settings(reply: Reply, loaded: Loaded | None) -> Reply:
    origins: Origins = {}
    if loaded is not None and loaded.dialect == reply["dialect"]:
        shown = {name: (value, origin) for name, _, value, origin in supervisor_options(loaded)}
        for row, value in supervisor_values(loaded.config, loaded.dialect):
            origins[row[NAME]] = (plain(row[KIND], value), *shown[row[NAME]])
    given = {_SETTING_OF.get(name, name) for name in reply.get("overrides", ())}
    found = _options(reply["settings"], origins, loaded is not None)
    for name in given & found.keys():
        found[name]["origin"] = COMMAND_LINE
    return found


def _programs(reply: Reply, loaded: Loaded | None) -> list[Reply]:
    """Returns one row per program, with the options of its first process."""
    found: dict[str, Reply] = {}
    of_file: dict[str, Origins] = {}
    if loaded is not None:
        stock = loaded.dialect == "supervisord"
        for template, processes in programs(loaded):
            shown = {name: (value, origin) for name, _, value, origin in program_options(loaded, template)}
            for process in processes:
                of_file[process.name] = {
                    row[NAME]: (plain(row[KIND], value), *shown[row[NAME]])
                    for row, value in program_values(process, stock)
                }
    for row in reply["programs"]:
        known = found.get(row["program"])
        if known is not None:
            known["processes"].append(row["name"])
            continue
        options = row.get("options")
        found[row["program"]] = {
            "name": row["program"],
            "section": row.get("section"),
            "group": row.get("group"),
            "processes": [row["name"]],
            "options": {}
            if options is None
            else _options(options, of_file.get(row["name"], {}), loaded is not None),
        }
    return list(found.values())


def _options(values: Reply, origins: Origins, readable: bool) -> Reply:
    found: Reply = {}
    for name, value in values.items():
        of_file, shown, origin = origins.get(name, (None, None, ""))
        if not origin or of_file != value:
            found[name] = {"value": value, "origin": CHANGED if readable else UNKNOWN}
        else:
            found[name] = {"value": shown, "origin": origin}
    return found


def _lines(answer: Reply, loaded: Loaded | None) -> list[str]:
    path = answer["file"]
    lines = [f"{clean(path)}: what the daemon runs now" if path else "the daemon was started without a file"]
    if path and loaded is None:
        lines[0] += "; the file has errors or cannot be read (supervice check says which)"
    if "settings" in answer:
        lines += ["", f"[{answer['dialect']}]", *table_of(answer["settings"])]
    for program in answer["programs"]:
        lines += ["", f"[{clean(program['section'] or program['name'])}]"]
        if program["processes"] != [program["name"]]:
            lines.append(f"  processes: {', '.join(map(clean, program['processes']))}")
        if not program["options"]:
            lines.append("  (the command that the daemon was started with)")
        lines += table_of(program["options"])
    return lines
