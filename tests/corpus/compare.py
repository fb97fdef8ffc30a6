"""Compares what supervice makes of supervisord files with what supervisord's own parser makes of them.

    python -m tests.corpus.compare                        # tests/corpus/stock
    python -m tests.corpus.compare DIRECTORY              # any with NAME.expected.json beside NAME.conf
    python -m tests.corpus.compare --supervisor sup/bin/python FILE.conf [NAME=VALUE ...]

The last form asks a real supervisor 4.3.0 (see realize.py) about a file of yours. Prints every difference that
is not one of the deliberate ones in docs/migrating-from-supervisord.md; exit code 1 when there is one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from supervice.config import Loaded, load
from supervice.models import ProgramConfig

STOCK = Path(__file__).parent / "stock"
SAME = (
    "autorestart", "autostart", "priority", "redirect_stderr", "startretries", "startsecs", "stopwaitsecs",
    "umask", "user", "stdout_logfile_backups", "stdout_logfile_maxbytes", "stderr_logfile_backups",
    "stderr_logfile_maxbytes",
)  # fmt: skip
DEVICES = {
    "stdout": {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/1/fd/1"},
    "stderr": {"/dev/stderr", "/dev/fd/2", "/proc/self/fd/2", "/proc/1/fd/2"},
}


def read(folder: Path, expected: dict[str, Any], tmp_path: Path) -> tuple[Loaded, str]:
    """What supervice makes of the file, and the directory that /HERE stands for."""
    source = folder / expected["file"]
    target = tmp_path / "here"
    if source.is_dir():
        shutil.copytree(source, target)
        main = target / "supervisord.conf"
    else:
        target.mkdir()
        main = target / source.name
        shutil.copy(source, main)
        if expected["mode"] == "fragment":
            piece, main = main, target / "main.conf"
            main.write_text(f"[supervisord]\n[include]\nfiles = {piece}\n")
    return load(str(main), environ=expected["env"], resolve=False), str(target)


def _ours(config: ProgramConfig, environment: dict[str, str], here: str) -> dict[str, Any]:
    text = {
        "command": config.command,
        "directory": config.directory,
        "environment": {**environment, **config.environment},
    }
    value: dict[str, Any] = json.loads(json.dumps(text).replace(here, "/HERE"))
    if isinstance(value["command"], str):
        value["command"] = value["command"].replace(f"//{os.uname().nodename}:", "//testhost:")
    value |= {name: getattr(config, name) for name in SAME}
    value["name"] = config.process_name or config.name
    if value["umask"] is not None:
        value["umask"] = f"{value['umask']:o}"
    value["exitcodes"] = list(config.exitcodes)
    value["stopsignal"] = "SIG" + config.stopsignal
    for name in ("stdout_logfile", "stderr_logfile"):
        path = getattr(config, name)
        value[name] = path.replace(here, "/HERE") if path else path
    return value


def _theirs(process: dict[str, Any], user: str | None) -> dict[str, Any]:
    """What the real parser has, with our deliberate differences applied."""
    value = dict(process)
    if value["user"] is None and user not in (None, "root"):
        value["user"] = user  # the daemon does not switch, its programs do
    if value["umask"] is not None:
        value["umask"] = f"{int(value['umask'], 8):o}"
    for name in ("startsecs", "stopwaitsecs", "startretries"):
        value[name] = max(0, value[name])  # a negative number does there what 0 does
    for stream in ("stdout", "stderr"):
        name = f"{stream}_logfile"
        path = value[name]
        if path in ("AUTO", *DEVICES[stream]) or value.pop(f"{stream}_syslog"):
            value[name] = None  # the container's stdout or stderr
        elif not path:
            value[name] = None if stream == "stderr" and value["redirect_stderr"] else "NONE"
        else:
            other = "stderr" if stream == "stdout" else "stdout"
            value[name] = f"/dev/{other}" if path in DEVICES[other] else path
    return value


def _process(
    config: ProgramConfig, process: dict[str, Any], environment: dict[str, str], here: str, user: str | None
) -> list[str]:
    mine, real = _ours(config, environment, here), _theirs(process, user)
    found = [f"{k}: ours {mine[k]!r}, supervisord {real[k]!r}" for k in mine if mine[k] != real[k]]
    # Deliberate: the whole group unless the file says otherwise.
    found += [f"{k} is lost" for k in ("stopasgroup", "killasgroup") if real[k] and not getattr(config, k)]
    return found


def differences(folder: Path, expected: dict[str, Any], tmp_path: Path) -> list[str]:
    """What is not the same, and no deliberate difference. Empty: the file means the same."""
    return compare(*read(folder, expected, tmp_path), expected)


def compare(loaded: Loaded, here: str, expected: dict[str, Any]) -> list[str]:
    if loaded.dialect != "supervisord":
        return [f"read in {loaded.dialect}'s dialect"]
    if expected["verdict"] == "reject":
        # A bare % is the one thing that supervisord refuses and we explain instead.
        explained = loaded.errors or any("bare %" in problem.message for problem in loaded.problems)
        return [] if explained else [f"accepted; supervisord: {expected['error']}"]
    if loaded.errors:
        return [f"refused: {problem}" for problem in loaded.errors]
    listeners = {listener.name: listener for listener in loaded.listeners}
    programs = {
        (c.group or c.program or c.name, c.process_name or c.name): c for c in loaded.processes + loaded.fcgi
    }
    found = []
    for group in expected["groups"]:
        for process in group["processes"]:
            label = f"{group['name']}:{process['name']}"
            if group["kind"] == "eventlistener":
                listener = listeners[group["name"]]
                [config] = [c for c in listener.processes if (c.process_name or c.name) == process["name"]]
                if sorted(listener.events) != sorted(group["events"]):
                    found.append(f"{label} events")
                if listener.buffer_size != group["buffer_size"]:
                    found.append(f"{label} buffer_size")
                process["priority"] = group["priority"]
            else:
                one = programs.pop((group["name"], process["name"]), None)
                if one is None:
                    found.append(f"{label} is missing")
                    continue
                config = one
                order = config.priority if config.group_priority is None else config.group_priority
                if order != group["priority"]:
                    found.append(f"{label} group priority {order}, {group['priority']}")
            user = expected["supervisord"]["user"]
            found += [
                f"{label} {d}" for d in _process(config, process, loaded.config.environment, here, user)
            ]
    found += [f"{name} is not in supervisord" for name in programs]
    return found + _supervisor(loaded, expected, here)


def _supervisor(loaded: Loaded, expected: dict[str, Any], here: str) -> list[str]:
    real = expected["supervisord"]
    config = loaded.config
    pairs = [
        ("logfile_maxbytes", config.log_maxbytes, real["logfile_maxbytes"]),
        ("logfile_backups", config.log_backups, real["logfile_backups"]),
        ("environment", config.environment, real["environment"]),
    ]
    if "pidfile" in loaded.given:
        pairs.append(("pidfile", config.pidfile.replace(here, "/HERE"), real["pidfile"]))
    if "logfile" in loaded.given and config.logfile and not real.get("silent"):
        pairs.append(("logfile", config.logfile.replace(here, "/HERE"), real["logfile"]))
    for name in ("minfds", "minprocs"):
        if name in loaded.given:
            pairs.append((name, getattr(config, name), real[name]))
    servers = [(s.section, s.username, s.password) for s in loaded.servers]
    wanted = [(s["section"], s["username"], s["password"]) for s in expected["servers"]]
    pairs.append(("servers", sorted(map(str, servers)), sorted(map(str, wanted))))
    return [
        f"{name}: ours {mine!r}, supervisord {theirs!r}" for name, mine, theirs in pairs if mine != theirs
    ]


def cases(*folders: Path) -> list[Path]:
    return [case for folder in folders for case in sorted(folder.glob("*.expected.json"))]


def main(words: list[str]) -> int:
    if words[:1] == ["--supervisor"]:
        path = Path(words[2]).resolve()
        realize = Path(__file__).with_name("realize.py")
        done = subprocess.run(
            [words[1], str(realize), str(path), *words[3:]], capture_output=True, text=True, check=True
        )
        expected = json.loads(done.stdout)
        loaded = load(str(path), environ=expected["env"], resolve=False)  # where it is, with what it includes
        todo = [(path.name, expected, compare(loaded, str(path.parent), expected))]
    else:
        todo = []
        for case in cases(*([Path(word) for word in words] or [STOCK])):
            expected = json.loads(case.read_text())
            with tempfile.TemporaryDirectory() as scratch:
                found = differences(case.parent, expected, Path(scratch))
            todo.append((case.name.removesuffix(".expected.json"), expected, found))
    for name, expected, found in todo:
        print(f"{name}: {'differs' if found else 'the same'}, supervisord would {expected['verdict']} it")
        for line in found:
            print(f"    {line}")
    wrong = sum(1 for _, _, found in todo if found)
    print(f"{len(todo)} files, {wrong} with differences")
    return 1 if wrong or not todo else 0


if __name__ == "__main__":
    os.environ.pop("SUPERVICE_CONFIG", None)
    sys.exit(main(sys.argv[1:]))
