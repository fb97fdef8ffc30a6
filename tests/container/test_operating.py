"""`exec`, `top` and what processes use, in a container as people run it."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.container.helpers import Box, eventually, programs
from tests.process.harness.terminal import on_terminal, read_until

MIB = 1024 * 1024
CONFIG = """\
[supervice]

[program:web]
command = python3 -c "x = b'x' * (30 << 20); import time; time.sleep(1000)"
startsecs = 0
user = nobody
environment = SHOWN="a b",EMPTY=""
directory = /usr
umask = 027
rlimit_nofile = 64:128

[program:off]
command = sleep 1000
autostart = false
"""

ROLLING = """\
[supervice]

[program:web]
command = python3 -S /programs/http_answers.py 0.3
numprocs = 3
listen = tcp:127.0.0.1:80
ready = log:serving
user = nobody
"""


def interactive(box: Box, *words: str) -> list[str]:
    return ["docker", "exec", "-it", box.id, "supervicectl", *words]


def test_exec_has_what_the_program_has(run: Callable[..., Box]) -> None:
    box = run(config=CONFIG, wait=["web"])
    pid = box.pid("web")
    real = set(box.exec("cat", f"/proc/{pid}/environ", user="nobody", check=True).output.split("\0"))
    ours = set(box.ctl("exec", "web", "--", "cat", "/proc/self/environ").output.split("\0"))
    assert {line for line in ours ^ real if not re.match(r"(TERM|COLORTERM|COLUMNS|LINES)=", line)} == set()
    pattern = r"^(?:Uid|Gid|Cap\w+|NoNewPrivs|Umask):.*$"
    facts = [
        re.findall(pattern, box.exec("cat", f"/proc/{pid}/status", check=True).output, re.M),
        re.findall(pattern, box.ctl("exec", "web", "cat", "/proc/self/status").output, re.M),
    ]
    assert facts[0] == facts[1]
    assert box.ctl("exec", "off", "--", "sh", "-c", "exit 7", check=False).code == 7
    assert box.ctl("exec", "web", "--", "nosuch", check=False).code == 127
    assert box.ctl("exec", "web", "--", "id", user="nobody", check=False).code == 4
    with on_terminal(interactive(box, "exec", "web", "--", "sh", "-c", "tty; stty size; id -un")) as (
        client,
        fd,
    ):
        text = read_until(fd, "nobody")
        assert "/dev/pts/" in text
        assert "31 77" in text
        assert os.waitstatus_to_exitcode(os.waitpid(client, 0)[1]) == 0


def test_top_through_docker_exec(run: Callable[..., Box]) -> None:
    box = run(config=CONFIG, wait=["web"])
    with on_terminal(interactive(box, "top", "-d", "200ms", "-s", "name"), 24, 80) as (client, fd):
        text = read_until(fd, "q quit")
        assert "2 processes, 1 running" in text
        assert "~" in text  # Docker's root is not shown what another user's process shares
        os.write(fd, b"q")
        assert os.waitstatus_to_exitcode(os.waitpid(client, 0)[1]) == 0
    with on_terminal(interactive(box, "top"), 24, 80) as (client, fd):
        read_until(fd, "q quit")
    # the terminal is gone, the container is not
    os.kill(client, signal.SIGKILL)
    os.waitpid(client, 0)
    assert box.state("web") == "RUNNING"


def test_what_processes_use_fits_the_container(run: Callable[..., Box]) -> None:
    box = run(config=CONFIG, wait=["web"], mem_limit="200m")

    def asked() -> tuple[dict[str, Any], dict[str, Any]]:
        reply: dict[str, Any] = json.loads(box.ctl("--json", "status").output)
        return reply, next(row for row in reply["processes"] if row["name"] == "web")["resources"]

    eventually(lambda: asked()[1]["memory"] > 30 * MIB, message="its memory is there")
    reply, web = asked()
    assert web["memory"] < 60 * MIB
    assert web["memory_estimated"] is True
    assert web["processes"] == 1
    assert reply["container"]["limit"] == 200 * MIB
    assert web["memory"] <= reply["container"]["memory"] < 200 * MIB
    assert reply["container"]["oom_kills"] == 0
    assert "container: " in box.ctl("-o", "wide", "status").output


@pytest.mark.parametrize("limit", ["25%", "25MB"])
def test_a_memory_limit_as_a_size_and_as_a_share(run: Callable[..., Box], limit: str, tmp_path: Path) -> None:
    box = run(config=f"{CONFIG}\n[program:big]\ncommand = python3 -c \"x = b'x' * (60 << 20); import time;"
              f' time.sleep(1000)"\nmemory_limit = {limit}\nbackoff = 1\n', mem_limit="200m")  # fmt: skip
    eventually(lambda: "of memory, above its limit of " in box.logs(), 30)
    size = "50 MiB" if "%" in limit else "25 MiB"
    assert f"above its limit of {size}" in box.logs()
    eventually(lambda: box.status()["big"]["restarts"] >= 1, 30)


def test_a_rolling_restart_under_load_refuses_none(run: Callable[..., Box]) -> None:
    """One after the other, each only when the one before is ready."""
    names = [f"web:{number:02}" for number in range(3)]
    box = run(config=ROLLING, files={**programs("http_answers.py", "load.py")}, wait=names)
    before = {str(box.pid(name)) for name in names}
    seen = len(json.loads(box.ctl("--json", "events").output)["events"])
    restart = ["supervicectl", "restart", "--rolling", "web:*"]
    ran = box.exec("python3", "/programs/load.py", "http", "80", *restart, check=True)
    result: dict[str, Any] = json.loads(ran.output.splitlines()[-1])
    assert result["failures"] == {}
    after = {str(box.pid(name)) for name in names}
    assert before.isdisjoint(after)
    assert before | after == set(result["answers"])
    away: set[str] = set()
    for event in json.loads(box.ctl("--json", "events").output)["events"][seen:]:
        state = event["type"].removeprefix("PROCESS_STATE_")
        if state == "STOPPING":
            away.add(event["name"])
        elif state == "RUNNING":
            away.discard(event["name"])
        assert len(away) <= 1, f"{away} are away at once"
