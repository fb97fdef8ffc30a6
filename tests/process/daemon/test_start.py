"""What the log says first: who runs what, and what to do where there is nothing to run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from supervice import __version__
from tests.process.harness.daemon import Daemon


def test_the_first_line_says_what_runs_here(daemon: Callable[..., Daemon]) -> None:
    one = daemon("[program:a]\ncommand = sleep 1000\n[program:b]\ncommand = sleep 1000\nnumprocs = 2\n")
    first = one.wait_text("a: running").splitlines()[0]
    assert first.endswith(
        f" INFO supervice {__version__}: {one.config}, 2 programs (3 processes), control socket {one.socket}"
    )


def test_warnings_of_the_configuration_are_said_once(daemon: Callable[..., Daemon]) -> None:
    text = "[program:a]\ncommand = sleep 1000 $X\nautostart = false\n[program:b]\ncommand = sleep 1000\n"
    one = daemon(text)
    one.wait_text("b: running")
    assert one.ask("reload")["status"] == "ok"
    one.wait_text("reloaded: nothing changed")
    (line,) = re.findall(r"WARNING .*", one.text())
    assert line.startswith(
        f"WARNING {one.config}:4: [program:a] command: no shell reads it, so $X is passed on"
    )


def test_without_programs_it_says_where_to_put_some(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    one = daemon("")
    one.wait_text(
        "WARNING no programs configured; write [program:NAME] and command = PROGRAM ARGUMENTS "
        f"into {one.config}, then run: supervicectl reload"
    )
    folder = tmp_path / "conf.d"
    folder.mkdir()
    two = daemon(f"[include]\nfiles = {folder}/*.conf\n")
    two.wait_text(f"into a file {folder}/*.conf, then run: supervicectl reload")
    (folder / "web.conf").write_text("[program:web]\ncommand = sleep 1000\n")
    assert two.ask("reload")["added"] == ["web"]
    two.wait_text("web: running")


def test_the_foreground_command_is_counted_apart(daemon: Callable[..., Daemon]) -> None:
    one = daemon("[program:a]\ncommand = sleep 1000\n", "--", "sleep", "1000")
    first = one.wait_text("a: running").splitlines()[0]
    assert f"{one.config}, 1 program and the command sleep, control socket" in first


def test_what_cannot_start_says_what_is_wrong_and_what_follows(daemon: Callable[..., Daemon]) -> None:
    one = daemon(
        "[program:a]\ncommand = sleep 1000\ndirectory = /srv/nope\n"
        "[program:b]\ncommand = sleep 1000\ndepends_on = c:completed\n"
        "[program:c]\ncommand = sh -c 'exit 3'\ntype = oneshot\n"
    )
    one.wait_text("WARNING a: directory /srv/nope does not exist; retry 1 of 3 in ")
    one.wait_text(
        "WARNING b: not started: needs c:completed, but c is FATAL: gave up after 1 failed start: exit code 3"
    )
