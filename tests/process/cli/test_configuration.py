"""`supervicectl config` and `env`: what the daemon runs with, what the file says now, and what stays hidden."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.process.harness.daemon import Daemon

CONFIGURATION = """\
drain_delay = 1
environment = TOP=hunter2
[program:a]
command = sleep %(ENV_LONG)s%(process_num)d
numprocs = 2
environment = DB_PASSWORD=hunter2,X=1,URL=postgres://u:hunter2@h/db
secrets = PIN={directory}/pin
env_file = {directory}/file.env
[program:b]
command = sleep 1000
[group:g]
programs = b
"""


def run(one: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket), *words],
        capture_output=True,
        text=True,
        timeout=60,
    )


def said(one: Daemon, *words: str) -> str:
    done = run(one, *words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def squeezed(one: Daemon, *words: str) -> list[str]:
    return [" ".join(line.split()) for line in said(one, *words).splitlines()]


@pytest.fixture
def one(daemon: Callable[..., Daemon], tmp_path: Path) -> Daemon:
    (tmp_path / "pin").write_text("hunter2\n")
    (tmp_path / "file.env").write_text("FROM_FILE=yes\nAPI_TOKEN=hunter2\n")
    text = CONFIGURATION.format(directory=tmp_path)
    made = daemon(text, "-e", "debug", env={"LONG": "100", "SUPERVICE_LOG_FORMAT": "prefix"})
    made.wait_state("b", "RUNNING")
    return made


def test_each_value_has_its_origin(one: Daemon) -> None:
    lines = squeezed(one, "config")
    assert lines[0] == f"{one.config}: what the daemon runs now"
    assert {
        f"drain_delay = 1 [{one.config}:3]",
        f"environment = TOP=*** [{one.config}:4]",
        "loglevel = debug [command line]",
        "log_format = prefix [SUPERVICE_LOG_FORMAT]",
        "log_overflow = block [default]",
        "processes: a:00, a:01",
        f"command = sleep %(ENV_LONG)s%(process_num)d [{one.config}:6]",
        f"command = sleep 1000 [{one.config}:12]",
        "startretries = 3 [default]",
    } <= set(lines)
    assert "hunter2" not in "\n".join(lines)
    named = squeezed(one, "config", "b")
    assert named[2] == "[program:b]"
    assert not any("drain_delay" in line or "[program:a]" in line for line in named)


def test_a_value_that_the_file_has_changed_since_is_the_old_one(one: Daemon) -> None:
    text = one.config.read_text()
    one.config.write_text(
        text.replace("sleep 1000", "sleep 2000").replace("drain_delay = 1", "drain_delay = 2")
    )
    lines = squeezed(one, "config")
    assert "command = sleep 1000 [changed in the file since; a reload applies that]" in lines
    assert "drain_delay = 1 [changed in the file since; a reload applies that]" in lines
    one.config.write_text("nonsense\n")
    lines = squeezed(one, "config", "a:00")
    assert lines[0].endswith("; the file has errors or cannot be read (supervice check says which)")
    assert "numprocs" not in " ".join(lines)
    assert "startretries = 3 [the file cannot be read]" in lines


def test_configuration_for_machines(one: Daemon) -> None:
    reply: dict[str, Any] = json.loads(said(one, "--json", "config"))
    assert (reply["file"], reply["dialect"]) == (str(one.config), "supervice")
    assert reply["settings"]["loglevel"] == {"value": "debug", "origin": "command line"}
    a, b = reply["programs"]
    assert (a["name"], a["processes"], b["group"]) == ("a", ["a:00", "a:01"], "g")
    assert a["options"]["environment"]["value"] == {"DB_PASSWORD": "***", "X": "***", "URL": "***"}
    assert b["options"]["command"] == {"value": "sleep 1000", "origin": f"{one.config}:12"}


def test_the_environment_of_a_program(one: Daemon) -> None:
    lines = said(one, "env", "a:01").splitlines()
    assert {
        "DB_PASSWORD=***", "PIN=***", "API_TOKEN=***", "URL=postgres://u:***@h/db", "X=1", "FROM_FILE=yes",
        "LONG=100", "SUPERVISOR_PROCESS_NAME=01", f"SUPERVICE_SOCKET={one.socket}",
    } <= set(lines)  # fmt: skip
    assert lines == sorted(lines, key=lambda line: line.partition("=")[0])
    shown = said(one, "env", "a:01", "--show-secrets").splitlines()
    assert {"DB_PASSWORD=hunter2", "PIN=hunter2", "API_TOKEN=hunter2"} <= set(shown)
    reply = json.loads(said(one, "--json", "env", "a:01"))
    assert reply["masked"] == ["API_TOKEN", "DB_PASSWORD", "PIN", "URL"]
    assert reply["environment"]["PIN"] == "***"


def test_what_the_program_runs_with_is_what_is_shown(one: Daemon) -> None:
    row = one.row("a:00")
    real = Path(f"/proc/{row['pid']}/environ").read_bytes().split(b"\0")
    shown = said(one, "env", "a:00", "--show-secrets").splitlines()
    assert sorted(os.fsdecode(item) for item in real if item) == sorted(shown)


def test_what_cannot_be_shown_is_said(one: Daemon, tmp_path: Path) -> None:
    done = run(one, "env", "all")
    assert (done.returncode, done.stderr) == (
        2,
        "supervicectl: env takes one process; name one of a:00, a:01, b\n",
    )
    done = run(one, "config", "nope")
    assert (done.returncode, done.stdout) == (1, "")
    (tmp_path / "pin").unlink()
    done = run(one, "env", "a:00")
    assert (done.returncode, done.stderr) == (
        1,
        f"supervicectl: a:00: secret PIN, {tmp_path}/pin: No such file or directory\n",
    )


def test_a_check_without_a_file_takes_that_of_the_daemon(one: Daemon, tmp_path: Path) -> None:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("SUPERVICE_CONFIG")}
    environ["SUPERVICE_SOCKET"] = str(one.socket)
    words = [sys.executable, "-m", "supervice.cli", "check"]
    done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"OK: 3 processes in {one.config}, which the running daemon has\n"


def test_thousands_of_programs_hold_up_nothing(daemon: Callable[..., Daemon]) -> None:
    """The guard of long turns looks on."""
    text = "".join(f"[program:p{n}]\ncommand = sleep {n}\nautostart = false\n" for n in range(1500))
    many = daemon(f"exit_when_idle = false\n{text}")
    reply = many.ask("config", "all")
    assert len(reply["programs"]) == 1500
    assert reply["programs"][7]["options"]["command"] == "sleep 7"
    assert len(json.loads(said(many, "--json", "config"))["programs"]) == 1500
