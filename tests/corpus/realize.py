"""What supervisord's own parser makes of a file, as JSON. Run it by a Python that has supervisor 4.3.0:

    python -m venv sup && sup/bin/pip install supervisor==4.3.0 setuptools
    sup/bin/python tests/corpus/realize.py FILE [NAME=VALUE ...]

Users, groups and log directories that this machine lacks are granted, nothing is started. `expected.json` beside
each file of tests/corpus/stock was written so.
"""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Any

from supervisor import datatypes, options


def grant() -> None:
    """What is there in the image and not here. A user stays the name that is written."""
    options.name_to_uid = str
    options.gid_for_uid = lambda _uid: 12345
    datatypes.name_to_uid = datatypes.name_to_gid = lambda _name: 12345
    datatypes.os = options.os = _Paths(os)
    options.platform.node = lambda: "testhost"


class _Paths:
    """`os` where every directory exists."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.path = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name) if hasattr(self._real, name) else getattr(self._real.path, name)

    def isdir(self, _path: str) -> bool:
        return True


def realize(path: str, environ: dict[str, str]) -> dict[str, Any]:
    os.environ.clear()
    os.environ.update(environ)
    parser = options.ServerOptions()
    parser.stderr = io.StringIO()
    try:
        parser.realize(["-c", path, "-n"])
    except (SystemExit, ValueError) as error:
        return {"verdict": "reject", "error": parser.stderr.getvalue().split("\n")[0] or str(error)}
    groups = [_group(config) for config in parser.process_group_configs]
    names = ("logfile_maxbytes", "logfile_backups", "environment", "pidfile", "logfile", "minfds", "minprocs")
    section = parser.configroot.supervisord
    return {
        "verdict": "accept",
        "supervisord": {
            **{name: getattr(section, name) for name in names},
            "user": _user_of(path),
            "umask": f"{section.umask:03o}",
        },
        "servers": [_server(config) for config in parser.server_configs],
        "groups": groups,
    }


def _user_of(path: str) -> str | None:
    """As it is written: the parser has made a number of it."""
    with open(path, encoding="utf-8") as file:
        parser = options.UnhosedConfigParser()
        parser.read_file(file)
    return str(parser.get("supervisord", "user")) if parser.has_option("supervisord", "user") else None


def _server(config: dict[str, Any]) -> dict[str, Any]:
    return {name: config.get(name) for name in ("section", "username", "password")}


def _group(config: Any) -> dict[str, Any]:
    kind = {"EventListenerPoolConfig": "eventlistener", "FastCGIGroupConfig": "fcgi-program"}
    found = {
        "kind": kind.get(type(config).__name__, "program"),
        "name": config.name,
        "priority": config.priority,
        "processes": [_process(process) for process in config.process_configs],
    }
    if found["kind"] == "eventlistener":
        found["events"] = sorted(_event(event) for event in config.pool_events)
        found["buffer_size"] = config.buffer_size
    return found


def _event(event: Any) -> str:
    from supervisor import events

    return next(str(name) for name, value in vars(events.EventTypes).items() if value is event)


def _process(config: Any) -> dict[str, Any]:
    value = {
        name: getattr(config, name)
        for name in config.req_param_names
        if name not in ("uid", "stdout", "stderr")
    }
    from supervisor.datatypes import Automatic, RestartUnconditionally, RestartWhenExitUnexpected

    restart = {RestartUnconditionally: True, RestartWhenExitUnexpected: "unexpected"}
    value["autorestart"] = restart.get(config.autorestart, False)
    for stream in ("stdout", "stderr"):
        name = f"{stream}_logfile"
        value[name] = "AUTO" if value[name] is Automatic else value[name]
    value["umask"] = None if config.umask is None else f"{config.umask:03o}"
    value["stopsignal"] = options.signame(config.stopsignal)
    value["user"] = config.uid
    value["environment"] = dict(config.environment)
    value["exitcodes"] = list(config.exitcodes)
    return value


if __name__ == "__main__":
    grant()
    wanted = dict(word.split("=", 1) for word in sys.argv[2:])
    here = os.path.dirname(os.path.abspath(sys.argv[1]))
    found = realize(os.path.abspath(sys.argv[1]), wanted)
    text = json.dumps(
        {"file": os.path.basename(sys.argv[1]), "mode": "main", "env": wanted, **found},
        indent=1,
        sort_keys=True,
    )
    print(text.replace(here, "/HERE"))
