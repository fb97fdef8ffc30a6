"""The copy of a supervisord file that tests/corpus/run.py runs: see tests/corpus/stubs.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.stubs import LASTS, failing, lines, rewrite, stub

FILE = """\
[unix_http_server]
file = /run/s.sock ; (the path)
username = x
[supervisord]
logfile = /var/log/s.log
loglevel = error
[program:a]
command = one
    --two
; command = three
user = there-is-no-such-user
directory = /srv/a
stdout_logfile = /proc/1/fd/1
priority = 3
[program:b]
command = four
startsecs = 0
autorestart = false
exitcodes = 2,0
user = root
stderr_logfile = /dev/stderr
"""


def test_commands_are_stubs_and_paths_lie_below_the_root() -> None:
    assert rewrite(FILE, Path("/R")).splitlines() == [
        "[unix_http_server]",
        "file=/R/rpc.sock",
        "[supervisord]",
        "logfile=/R/daemon.log",
        "[program:a]",
        f"command={LASTS}",
        "; command = three",
        "directory = /R/srv/a",
        "stdout_logfile = /dev/stdout",
        "priority = 3",
        "[program:b]",
        "command=sh -c 'exit 2'",
        "startsecs = 0",
        "autorestart = false",
        "exitcodes = 2,0",
        "user = root",
        "stderr_logfile = /dev/stderr",
    ]


def test_every_command_can_fail() -> None:
    assert rewrite(FILE, Path("/R"), failing).count("command=sh -c 'exit 3'") == 2


@pytest.mark.parametrize(
    ("options", "command"),
    [
        ({}, LASTS),
        ({"startsecs": "0"}, LASTS),
        ({"startsecs": "0", "autorestart": "true"}, LASTS),
        ({"startsecs": "0", "autorestart": "False"}, "sh -c 'exit 0'"),
    ],
)
def test_only_what_runs_once_ends(options: dict[str, str], command: str) -> None:
    assert stub(options) == command


def test_an_option_as_deep_as_the_one_before_is_one_of_its_own() -> None:
    found = [
        (line.option, line.continues) for line in lines("[program:a]\n  command = x\n  user = y\n    z\n")
    ]
    assert found == [("", False), ("command", False), ("user", False), ("user", True)]
