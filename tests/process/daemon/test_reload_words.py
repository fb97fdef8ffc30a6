"""What a reload says: what changed and why, what would change, and each error once on a line of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable

from tests.process.harness.daemon import Daemon

TEXT = """\
[program:a]
command = sleep 1000
[program:b]
command = sleep 1000
[program:c]
command = sleep 1000
"""
CHANGED = """\
drain_delay = 0.1
http = 127.0.0.1:1
[program:a]
command = sleep 2000
environment = X=1
[program:b]
command = sleep 1000
priority = 5
[program:d]
command = sleep 1000 && true
autostart = false
"""


def ctl(one: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "supervice.cli.ctl", "-s", str(one.socket), *words],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_reload_names_the_options_that_changed(daemon: Callable[..., Daemon]) -> None:
    one = daemon(TEXT)
    for name in "abc":
        one.wait_state(name, "RUNNING")
    one.rewrite(CHANGED)
    dry = ctl(one, "reload", "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "")
    warning = (
        f"warning: {one.config}:12: [program:d] command: no shell reads it, so && is passed on as written; "
    )
    assert dry.stdout.splitlines()[:-1] == [
        "Would add: d",
        "Would stop and remove: c",
        "Would restart: a (command, environment)",
        "Would adjust: b (priority)",
        "Would set: drain_delay",
        "Restart the container to apply: http",
    ]
    assert dry.stdout.splitlines()[-1].startswith(warning)
    assert set(one.status()) == {"a", "b", "c"}
    done = ctl(one, "reload")
    assert done.stdout == dry.stdout.replace("Would add", "Added").replace(
        "Would stop and remove", "Removed"
    ).replace("Would restart", "Changed").replace("Would adjust", "Adjusted").replace("Would set", "Settings")
    text = one.wait_text(
        "reloaded: added d; removed c; changed a (command, environment); adjusted b (priority)"
    )
    assert "; settings drain_delay\n" in text
    assert "WARNING restart the container to apply: http\n" in text
    assert one.ask("reload", dry_run=True)["warnings"] == []


def test_errors_are_said_once_each_on_a_line(daemon: Callable[..., Daemon]) -> None:
    one = daemon(TEXT)
    one.rewrite("x = 1\n[program:a]\ncommand = sleep 1000\ny = 2\n")
    done = ctl(one, "reload")
    problems = [
        f"{one.config}:3: [supervice]: unknown option 'x'; remove it",
        f"{one.config}:6: [program:a]: unknown option 'y'; remove it",
    ]
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        *problems,
        "supervicectl: nothing was reloaded: the configuration has 2 errors",
    ]
    one.signal(signal.SIGHUP)
    text = one.wait_text("ERROR nothing was reloaded: the configuration has 2 errors\n")
    for problem in problems:
        assert text.count(f" ERROR {problem}\n") == 1


def test_errors_in_json_logs_are_records_of_their_own(daemon: Callable[..., Daemon]) -> None:
    one = daemon(f"log_format = json\n{TEXT}")
    one.rewrite("x = 1\nlog_format = json\n[program:a]\ncommand = sleep 1000\ny = 2\n")
    one.signal(signal.SIGHUP)
    one.wait_text("the configuration has 2 errors")
    records = [json.loads(line) for line in one.text().splitlines()]
    errors = [record["message"] for record in records if record.get("level") == "ERROR"]
    assert len(errors) == 3
    assert errors[0].endswith("unknown option 'x'; remove it")
    assert not any("\n" in message for message in errors)
