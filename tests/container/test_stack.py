"""Redis, a migration, an application and nginx, each waiting for the one before; and what a probe costs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.container.helpers import Box, eventually

ASK = "import sys, urllib.request as r; print(r.urlopen('http://127.0.0.1' + sys.argv[1], timeout=5).status)"
STACK = """\
[supervice]
http = 127.0.0.1:9090
drain_delay = 1

; in the wrong order, on purpose: only depends_on counts
[program:nginx]
command = nginx
priority = 1
startsecs = 0.2
stopsignal = QUIT
depends_on = app:ready

[program:app]
command = gunicorn --bind 127.0.0.1:8000 app:application
directory = /srv/app
user = www-data
startsecs = 0.2
depends_on = migrate:completed
healthcheck_type = tcp
healthcheck_port = 8000
healthcheck_interval = 0.3
; It answers 503 when its database is away. Liveness does not ask for that: a restart of the application would not
; bring the database back.
readiness_type = script
readiness_command = /asks-app
readiness_interval = 0.3
readiness_retries = 1
readiness_start_period = 0

[program:migrate]
type = oneshot
command = /migrate
depends_on = db:healthy

[program:db]
command = /db
user = redis
directory = /tmp
startsecs = 0.2
healthcheck_type = script
healthcheck_command = /db-is-ready
healthcheck_interval = 0.2
healthcheck_start_period = 30
"""
SCRIPTS = {
    # Slow to come up, as a database with something to recover is; kept away while /tmp/hold is there.
    "/db": "while test -e /tmp/hold; do sleep 0.1; done; sleep 1\n"
    'exec redis-server --bind 127.0.0.1 --save "" --appendonly no',
    "/db-is-ready": 'test "$(redis-cli ping)" = PONG',
    # Fails when it comes too early, and is not tried again then.
    "/migrate": "redis-cli set greeting hello | grep -q OK && sleep 0.3",
    "/asks-app": f'exec python3 -c "{ASK}" :8000/ >/dev/null 2>&1',
}


@pytest.fixture
def stack(run: Callable[..., Box], build_example: Callable[[str], str]) -> Box:
    return run(
        config=STACK,
        image=build_example("web-stack"),
        files={"/setup": "".join(_install(path, text) for path, text in SCRIPTS.items())},
        entrypoint=["sh", "-c", ". /setup; exec supervice"],
    )


def _install(path: str, text: str) -> str:
    return f"cat >{path} <<'END'\n#!/bin/sh\n{text}\nEND\nchmod 755 {path}\n"


def first_times(box: Box) -> dict[tuple[str, str], str]:
    """When a process first came into a state, by the daemon's own account."""
    found: dict[tuple[str, str], str] = {}
    for event in json.loads(box.ctl("--json", "events").output)["events"]:
        found.setdefault((event["name"], event["type"].removeprefix("PROCESS_STATE_")), event["time"])
    return found


def probe(box: Box, path: str) -> int:
    """The status that an endpoint answers with."""
    code = (
        "import http.client as h, sys; c = h.HTTPConnection('127.0.0.1', 9090, timeout=5);"
        " c.request('GET', sys.argv[1]); print(c.getresponse().status)"
    )
    return int(box.exec("python3", "-c", code, path, check=True).output)


def boot(box: Box) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(box.ctl("boot", "--json").output)
    return said


def test_each_starts_when_the_one_before_is_there(stack: Box) -> None:
    assert probe_when_there(stack) == 503
    stack.wait_state("nginx", timeout=60)
    assert stack.exec("python3", "-c", ASK, "/", check=True).output == "200\n"
    at = first_times(stack)
    order = [("db", "RUNNING"), ("migrate", "STARTING"), ("migrate", "EXITED"), ("app", "STARTING")]
    order += [("app", "RUNNING"), ("nginx", "STARTING"), ("nginx", "RUNNING")]
    assert [at[one] for one in order] == sorted(at[one] for one in order)
    # RUNNING was not enough: Redis began to listen a second after its start.
    rows = {row["name"]: row for row in boot(stack)["processes"]}
    assert max(1, rows["db"]["up"]) < rows["db"]["healthy"] <= rows["migrate"]["began"]
    assert rows["migrate"]["began"] + 0.3 <= rows["migrate"]["completed"] <= rows["app"]["began"]
    assert boot(stack)["critical_chain"] == ["db", "migrate", "app", "nginx"]
    assert [probe(stack, path) for path in ("/livez", "/readyz", "/startupz")] == [200, 200, 200]
    assert stack.status()["migrate"]["restarts"] == 0
    assert stack.ctl("health", "--ready").code == 0
    assert stack.stop(timeout=30) == 0
    log = stack.logs()
    assert re.findall(r"(\w+): stopped", log.partition("shutting down")[2]) == ["nginx", "app", "db"]


def probe_when_there(box: Box) -> int:
    """The first answer of /readyz, while the stack comes up."""
    return eventually(lambda: probe(box, "/readyz"), 20, 0.05, "the probes answer")


def test_the_database_dies_and_comes_back(stack: Box) -> None:
    stack.wait_state("nginx", timeout=60)
    before = {name: row["pid"] for name, row in stack.status().items()}
    stack.exec("touch", "/tmp/hold", check=True)
    stack.exec("sh", "-c", f"kill -KILL {before['db']}", check=True)
    eventually(lambda: stack.pid("db") != before["db"], 20, 0.05)
    eventually(lambda: probe(stack, "/readyz") == 503, 20, 0.05, "the container is not ready")
    eventually(lambda: stack.status()["app"]["ready"] is False, 20, 0.05, "the application is not ready")
    assert stack.ctl("health", "--ready", "app", check=False).code == 1
    row = stack.status()
    assert [row[name]["pid"] for name in ("app", "nginx")] == [before["app"], before["nginx"]]
    assert [row[name]["state"] for name in ("app", "nginx")] == ["RUNNING", "RUNNING"]
    assert probe(stack, "/livez") == 200  # nothing that a new container would be good for

    stack.exec("rm", "/tmp/hold", check=True)
    assert stack.ctl("wait", "--for", "healthy", "db").code == 0
    assert stack.ctl("wait", "--for", "ready").code == 0
    eventually(lambda: probe(stack, "/readyz") == 200, 20, 0.05, "the container is ready again")
    row = stack.status()
    assert [row[name]["pid"] for name in ("app", "nginx")] == [before["app"], before["nginx"]]
    assert [row[name]["restarts"] for name in ("app", "nginx", "migrate")] == [0, 0, 0]
    assert stack.exec("python3", "-c", ASK, "/", check=True).output == "200\n"


COST = """\
import os, statistics, sys, time
commands = {"pass": ["python3", "-c", "pass"], "health": ["supervicectl", "health"]}
took = {name: [] for name in commands}
null = os.open("/dev/null", os.O_RDWR)
for _ in range(40):
    for name, words in commands.items():
        began = time.perf_counter()
        pid = os.posix_spawnp(words[0], words, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
        assert os.waitpid(pid, 0)[1] == 0, name
        took[name].append(time.perf_counter() - began)
best = {name: min(times) * 1000 for name, times in took.items()}
middle = {name: statistics.median(times) * 1000 for name, times in took.items()}
print(best["health"] / best["pass"], middle["health"] / middle["pass"], best, middle)
"""


@pytest.mark.long
def test_a_probe_costs_little_more_than_python_itself(
    run: Callable[..., Box], base: str, image_for: Callable[[str], str]
) -> None:
    config = "[supervice]\n" + "".join(
        f"[program:p{n}]\ncommand = sleep 1000\nstartsecs = 0\n" for n in range(10)
    )
    box = run(config=config, image=image_for(base), wait=True, files={"/cost.py": COST})
    said = box.exec("python3", "/cost.py", check=True).output
    print(said)
    assert float(said.split()[0]) <= 2.5, said
