"""Files from public images beside what supervisord's own parser makes of them.

The files are other people's and are not in this repository: SUPERVICE_CORPUS names their directory
(`NN-name.conf` or `NN-name-bundle/`, each with a `NN-name.expected.json`).
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from supervice.config import Loaded, load
from supervice.models import ProgramConfig

CORPUS = os.environ.get("SUPERVICE_CORPUS", "")
CASES = sorted(Path(CORPUS).glob("*.expected.json")) if CORPUS else []
pytestmark = pytest.mark.skipif(
    not CASES, reason="SUPERVICE_CORPUS names no directory with expected.json files"
)


def read(case: Path, expected: dict[str, Any], tmp_path: Path) -> Loaded:
    source = case.parent / expected["file"]
    if source.is_dir():
        target = tmp_path / "here"
        shutil.copytree(source, target)
        main = target / "supervisord.conf"
    else:
        target = tmp_path / "here"
        target.mkdir()
        main = target / source.name
        shutil.copy(source, main)
        if expected["mode"] == "fragment":
            piece, main = main, target / "main.conf"
            main.write_text(f"[supervisord]\n[include]\nfiles = {piece}\n")
    return load(str(main), environ=expected["env"], resolve=False)


def ours(config: ProgramConfig, environment: dict[str, str], here: str) -> dict[str, Any]:
    text = {
        "command": config.command,
        "directory": config.directory,
        "environment": {**environment, **config.environment},
    }
    value = json.loads(json.dumps(text).replace(here, "/HERE"))
    value |= {
        name: getattr(config, name)
        for name in [
            "autorestart",
            "autostart",
            "priority",
            "redirect_stderr",
            "startretries",
            "startsecs",
            "stopwaitsecs",
            "umask",
            "user",
            "stdout_logfile_backups",
            "stdout_logfile_maxbytes",
            "stderr_logfile_backups",
            "stderr_logfile_maxbytes",
        ]
    }
    value["name"] = config.process_name or config.name
    if value["umask"] is not None:
        value["umask"] = f"{value['umask']:o}"
    value["exitcodes"] = list(config.exitcodes)
    value["stopsignal"] = "SIG" + config.stopsignal
    for name in ("stdout_logfile", "stderr_logfile"):
        path = getattr(config, name)
        value[name] = path.replace(here, "/HERE") if path else path
    return value


DEVICES = {
    "stdout": {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/1/fd/1"},
    "stderr": {"/dev/stderr", "/dev/fd/2", "/proc/self/fd/2", "/proc/1/fd/2"},
}


def theirs(process: dict[str, Any], user: str | None) -> dict[str, Any]:
    """What the real parser has, with our deliberate differences applied."""
    value = dict(process)
    if value["user"] is None and user not in (None, "root"):
        value["user"] = user  # the daemon does not switch, its programs do
    if value["umask"] is not None:
        value["umask"] = f"{int(value['umask'], 8):o}"
    for stream in ("stdout", "stderr"):
        name = f"{stream}_logfile"
        path = value[name]
        if path in ("AUTO", *DEVICES[stream]) or value.pop(f"{stream}_syslog"):
            value[name] = None  # the container's stdout or stderr
        elif path is None:
            value[name] = None if stream == "stderr" and value["redirect_stderr"] else "NONE"
        else:
            other = "stderr" if stream == "stdout" else "stdout"
            value[name] = f"/dev/{other}" if path in DEVICES[other] else path
    return value


def compare(
    config: ProgramConfig, process: dict[str, Any], environment: dict[str, str], here: str, user: str | None
) -> list[str]:
    mine, real = ours(config, environment, here), theirs(process, user)
    found = [f"{k}: ours {mine[k]!r}, supervisord {real[k]!r}" for k in mine if mine[k] != real[k]]
    # Deliberate: the whole group unless the file says otherwise.
    found += [f"{k} is lost" for k in ("stopasgroup", "killasgroup") if real[k] and not getattr(config, k)]
    return found


@pytest.mark.parametrize("case", CASES, ids=[case.name.split(".")[0] for case in CASES])
def test_what_supervisord_accepts_means_the_same(case: Path, tmp_path: Path) -> None:
    expected = json.loads(case.read_text())
    loaded = read(case, expected, tmp_path)
    assert loaded.dialect == "supervisord"
    if expected["verdict"] == "reject":
        # A bare % is the one thing that supervisord refuses and we explain instead.
        assert loaded.errors or any("bare %" in problem.message for problem in loaded.problems)
        return
    assert [str(problem) for problem in loaded.errors] == []
    here = str(tmp_path / "here")
    programs = {(c.group or c.program or c.name, c.process_name or c.name): c for c in loaded.processes}
    differences = []
    for group in expected["groups"]:
        for process in group["processes"]:
            label = f"{group['name']}:{process['name']}"
            config = programs.pop((group["name"], process["name"]))
            if group["kind"] == "eventlistener":
                listener = config.listener
                assert listener is not None
                if sorted(listener.events) != sorted(group["events"]):
                    differences.append(f"{label} events")
                if listener.buffer_size != group["buffer_size"]:
                    differences.append(f"{label} buffer_size")
                process["priority"] = group["priority"]
            else:
                order = config.priority if config.group_priority is None else config.group_priority
                if order != group["priority"]:
                    differences.append(f"{label} group priority {order}, {group['priority']}")
            found = compare(config, process, loaded.config.environment, here, expected["supervisord"]["user"])
            differences += [f"{label} {difference}" for difference in found]
    differences += [f"{name} is not in supervisord" for name in programs]
    differences += supervisor(loaded, expected, here)
    assert differences == []


def supervisor(loaded: Loaded, expected: dict[str, Any], here: str) -> list[str]:
    real = expected["supervisord"]
    config = loaded.config
    pairs = [
        ("logfile_maxbytes", config.log_maxbytes, real["logfile_maxbytes"]),
        ("logfile_backups", config.log_backups, real["logfile_backups"]),
        ("environment", config.environment, real["environment"]),
    ]
    if "pidfile" in loaded.given:
        pairs.append(("pidfile", config.pidfile.replace(here, "/HERE"), real["pidfile"]))
    if "logfile" in loaded.given and config.logfile:
        pairs.append(("logfile", config.logfile.replace(here, "/HERE"), real["logfile"]))
    servers = [(s.section, s.username, s.password) for s in loaded.servers]
    wanted = [(s["section"], s["username"], s["password"]) for s in expected["servers"]]
    pairs.append(("servers", sorted(map(str, servers)), sorted(map(str, wanted))))
    return [
        f"{name}: ours {mine!r}, supervisord {theirs!r}" for name, mine, theirs in pairs if mine != theirs
    ]
