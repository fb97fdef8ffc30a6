"""Makes a copy of a supervisord file that runs anywhere: commands are stubs, paths lie below one directory.

What decides how processes are named, started, kept and stopped stays as it is written. What the machine may lack
(users, directories, ports) is left out, made or replaced.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.ports import free_port

Stubs = Callable[[dict[str, str]], str]  # makes a command of the options of a program
LASTS = "sleep 1000"
PROGRAMS = ("program:", "eventlistener:", "fcgi-program:")
SERVERS = ("unix_http_server", "inet_http_server")
FOLDERS = ("directory", "childlogdir")
LOGS = ("logfile", "pidfile", "stdout_logfile", "stderr_logfile", "socket")
PATHS = (*FOLDERS, *LOGS, "files")
OPTION = re.compile(r"([^\s=:;#\[][^=:]*?)\s*[=:]\s*(.*)")
DEVICE = r"/dev/(?!null)|/proc/"
INTERFACE = """
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""


class Scene(NamedTuple):
    """A copy that is ready to be run."""

    config: Path
    socket: Path
    log: Path
    environment: dict[str, str]


class Line(NamedTuple):
    text: str
    section: str
    option: str  # empty: no option
    value: str
    continues: bool


def lines(text: str) -> Iterator[Line]:
    """The lines of a file, each with the section and the option that it belongs to."""
    section = option = ""
    depth = 0
    for line in text.splitlines():
        bare = line.strip()
        indent = len(line) - len(line.lstrip())
        if not bare or bare[0] in ";#":
            yield Line(line, section, "", "", False)
        elif option and indent > depth:
            yield Line(line, section, option, bare, True)
        elif header := re.match(r"\[([^]]+)\]", bare):
            section, option = header[1].strip(), ""
            yield Line(line, section, "", "", False)
        elif found := OPTION.match(bare):
            option, depth = found[1].lower(), indent
            yield Line(line, section, option, found[2], False)
        else:
            yield Line(line, section, "", "", False)


def rewrite(text: str, root: Path, stubs: Stubs | None = None) -> str:
    """The text with stubs for commands, paths below `root`, and without users that this machine lacks."""
    options: dict[str, dict[str, str]] = {}
    for line in lines(text):
        options.setdefault(line.section, {})[line.option] = _bare(line.value)
    kept = (_line(line, options[line.section], root, stubs or stub) for line in lines(text))
    return "\n".join(line for line in kept if line is not None) + "\n"


def _line(line: Line, options: dict[str, str], root: Path, stubs: Stubs) -> str | None:
    section, name = line.section, line.option
    is_program = section.startswith(PROGRAMS)
    if is_program and name == "command":
        return None if line.continues else f"command={stubs(options)}"
    if name in ("user", "socket_owner", "chown") and not _is_known(_bare(line.value), is_program):
        return None
    if section in SERVERS:
        replaced = {"file": f"file={root}/rpc.sock", "username": None, "password": None}
        if name == "port" and "$" not in line.value:
            return f"port=127.0.0.1:{free_port()}"
        return replaced.get(name, line.text)
    if section == "supervisord" and name == "loglevel":
        return None  # both say what they stop
    if section == "supervisord" and name == "logfile" and not re.match(DEVICE, line.value):
        return f"logfile={root}/daemon.log"
    if name == "socket" and line.value.startswith("tcp:"):
        return f"socket=tcp://127.0.0.1:{free_port()}"
    if name in PATHS:
        return line.text.replace(line.value, below(line.value, root), 1)
    return line.text


def stub(options: dict[str, str]) -> str:
    """What stands for a command: what is told to run once ends as it is expected to, the rest stays."""
    once = options.get("startsecs") == "0" and options.get("autorestart", "").lower() in (
        "false",
        "off",
        "no",
        "0",
    )
    code = options.get("exitcodes", "0").split(",")[0].strip()
    return f"sh -c 'exit {code}'" if once else LASTS


def failing(options: dict[str, str]) -> str:
    """What stands for a command that never comes up."""
    return "sh -c 'exit 3'"


def below(value: str, root: Path) -> str:
    """The absolute paths of a value, moved below `root`; devices stay."""
    value = re.sub(
        r"/proc/(?:1|self)/fd/([12])(?!\d)", lambda m: ("/dev/stdout", "/dev/stderr")[int(m[1]) - 1], value
    )
    return re.sub(r"(^|\s|//)/+(?!dev/)", rf"\g<1>{root}/", value)


def _bare(value: str) -> str:
    return re.split(r"\s[;#]", value)[0].strip()


def _is_known(value: str, is_program: bool) -> bool:
    """Whether the owner can stay: it is there and we may become it, or nothing can be meant by it (`%USER%`)."""
    name = value.partition(":")[0]
    if name.startswith("%") and not name.startswith("%("):
        return True
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return name == "root" or (is_program and os.geteuid() == 0)


def prepare(source: Path, expected: dict[str, Any], root: Path, stubs: Stubs = stub) -> Scene:
    """Copies the file (or the directory of a bundle) below `root`, and makes what it needs there."""
    here = root / "etc" / "here"
    if source.is_dir():
        shutil.copytree(source, here)
    else:
        here.mkdir(parents=True)
        shutil.copy(source, here / "supervisord.conf")
    environment = {name: below(value, root) for name, value in expected["env"].items()}
    for path in [path for path in here.rglob("*") if path.is_file()]:
        text = rewrite(path.read_text(), root, stubs)
        path.write_text(text)
        _make_folders(text, here, environment)
    main = here / "supervisord.conf"
    if expected["mode"] == "fragment":
        main = here / "main.conf"
        main.write_text(f"[supervisord]\n[include]\nfiles = {here}/supervisord.conf\n")
    text = main.read_text()
    sections = {line.section for line in lines(text)}
    if "unix_http_server" not in sections:
        text += f"\n[unix_http_server]\nfile={root}/rpc.sock\n"
    if "rpcinterface:supervisor" not in sections:
        text += INTERFACE
    main.write_text(text)
    for handler in expected.get("needs", {}).get("imports", []):
        module, _, function = handler.partition(":")
        (here / f"{module}.py").write_text(f"def {function}(event, response):\n    pass\n")
    return Scene(main, root / "rpc.sock", root / "daemon.log", environment)


def _make_folders(text: str, here: Path, environment: dict[str, str]) -> None:
    values = {f"ENV_{name}": value for name, value in environment.items()} | {"here": str(here)}
    for line in lines(text):
        if line.option not in (*FOLDERS, *LOGS) or "/dev/" in line.value:
            continue
        values["program_name"] = line.section.rpartition(":")[2]
        path = re.sub(r"%\((\w+)\)s", lambda m: values.get(m[1], "x"), _bare(line.value)).removeprefix(
            "unix://"
        )
        folder = here / path if line.option in FOLDERS else (here / path).parent
        if "%" not in path and "tcp:" not in path:
            folder.mkdir(parents=True, exist_ok=True)
