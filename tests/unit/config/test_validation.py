"""Configurations that were built in Python: what a file could not say is an error with program and field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supervice.config import load
from supervice.config.validation import problems_of, problems_of_program
from supervice.models import HealthCheckConfig, HealthCheckType, Limits, ProgramConfig, SupervisorConfig
from tests.paths import ROOT


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"command": ""}, "command = '': "),
        ({"command": "a 'b"}, 'command = "a \'b": cannot be split'),
        ({"command": None}, "command = None: there is none; write PROGRAM ARGUMENTS"),
        ({"command": ["a"]}, "command = ['a']: not a text; write command line"),
        ({"numprocs": 0}, ""),
        ({"autostart": "yes"}, "autostart = 'yes': not a bool; write True or False"),
        ({"autorestart": "sometimes"}, "autorestart = 'sometimes': "),
        ({"autorestart": "unexpected"}, ""),
        ({"startsecs": "1"}, "startsecs = '1': not a number; write time"),
        ({"startsecs": 0.5}, ""),
        ({"stopwaitsecs": -1}, "stopwaitsecs = -1: "),
        ({"startretries": -2}, "startretries = -2: "),
        ({"stopsignal": "SIGFOO"}, "stopsignal = 'SIGFOO': not a signal"),
        ({"stopsignal": "TERM:10 KILL"}, ""),
        ({"exitcodes": 0}, "exitcodes = 0: not a tuple; write (VALUE, ...)"),
        ({"environment": {"PASSWORD": 1}}, "environment: not a dict of texts"),
        ({"directory": 3}, "directory = 3: not a text; write path"),
        ({"type": "cron"}, "type = 'cron': "),
        ({"ready": "tcp:"}, "ready = 'tcp:': "),
        ({"healthcheck": "tcp"}, "healthcheck = 'tcp': not a check; write HealthCheckConfig(...)"),
        (
            {"healthcheck": HealthCheckConfig(HealthCheckType.TCP)},
            "healthcheck.port = None: a check of type TCP needs it; write a port",
        ),
        ({"readiness": HealthCheckConfig(HealthCheckType.TCP, port=70000)}, "readiness.port = 70000: "),
        ({"healthcheck": HealthCheckConfig("tcp")}, "healthcheck.type = 'tcp': not a type"),  # type: ignore[arg-type]
        ({"name": "a b"}, "name = 'a b': not a name; write letters, digits, - and _"),
        ({"name": ""}, "name = '': not a name"),
    ],
)
def test_a_field_that_cannot_work(changes: dict[str, Any], problem: str) -> None:
    values: dict[str, Any] = {"name": "web", "command": "sleep 1", **changes}
    found = problems_of_program(ProgramConfig(**values))
    if not problem:
        assert found == []
        return
    (line,) = found
    assert line.startswith(problem if "name" in changes else f"web: {problem}")
    assert "PASSWORD" not in line


def test_the_defaults_are_no_problem() -> None:
    assert problems_of(SupervisorConfig(programs=[ProgramConfig("a", "x")])) == []
    assert problems_of(SupervisorConfig(socket_path="none", pidfile="none", logfile="")) == []
    assert problems_of(SupervisorConfig(shutdown_timeout=-1))[0].startswith(
        "SupervisorConfig: shutdown_timeout = -1"
    )


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.conf")), ids=lambda path: path.name)
def test_whatever_a_file_says_can_be_built_in_python_too(path: Path) -> None:
    loaded = load(str(path), environ={"PATH": "/bin", "WEB_CONCURRENCY": "2"})
    if not [problem for problem in loaded.errors if problem.option != "user"]:
        assert problems_of(loaded.config) == []


def test_what_is_shown_of_a_configuration_is_what_was_set() -> None:
    assert repr(ProgramConfig("a", "x")) == "ProgramConfig(name='a', command='x')"
    one = ProgramConfig("a", "x", numprocs=2, limits=Limits(nice=1), healthcheck=HealthCheckConfig(port=1))
    assert repr(one).startswith(
        "ProgramConfig(name='a', command='x', numprocs=2, healthcheck=HealthCheckConfig(port=1)"
    )
    assert repr(SupervisorConfig(loglevel="DEBUG")) == "SupervisorConfig(loglevel='DEBUG')"
