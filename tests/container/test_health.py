"""Programs that die or fall sick, and what is done about it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime

import pytest

from tests.container.helpers import Box, eventually, programs

TCP = "healthcheck_type = tcp\nhealthcheck_port = 4711"
SCRIPT = """\
healthcheck_type = script
healthcheck_command = sh -c '! test -e /tmp/sick || (echo ouch; exit 1)'"""
CHECKS = {"tcp": TCP, "script": SCRIPT}
# Two restarts, after about 0.3 s and about 0.6 s.
SERVER = """\
[supervice]

[program:server]
command = python3 /programs/server.py 4711
startsecs = 0.2
startretries = 2
backoff = 0.3
{check}
healthcheck_interval = 0.1
healthcheck_timeout = 2
healthcheck_retries = 2
healthcheck_start_period = {start_period}

[program:witness]
command = sleep 1000
startsecs = 0
"""


def moments(log: str, pattern: str) -> list[float]:
    """When the lines of our own log that match were written, in seconds."""
    stamps = re.findall(rf"^(\S+)Z \w+ .*{pattern}", log, re.M)
    return [datetime.fromisoformat(stamp).timestamp() for stamp in stamps]


@pytest.mark.parametrize("kind", CHECKS)
def test_a_sick_program_is_restarted_with_back_off_and_given_up_in_the_end(
    run: Callable[..., Box], kind: str
) -> None:
    config = SERVER.format(check=CHECKS[kind], start_period=0)
    box = run(config=config, files=programs("server.py"))
    box.wait_state("server", "witness")
    eventually(lambda: box.status()["server"]["healthy"] is True)
    first = box.status()["server"]["pid"]
    witness = box.pid("witness")

    box.exec("touch", "/tmp/sick", check=True)
    box.wait_log("server: 2 health checks failed in a row")
    if kind == "script":
        assert "ouch" in box.logs()  # what the check said is part of the reason
    box.wait_state("server", state="FATAL")
    row = box.status()["server"]
    assert row["restarts"] == 2
    assert "still unhealthy after 2 restarts" in row["reason"]
    log = box.logs()
    assert log.count("; state UNHEALTHY") == 3
    # From each end to the next RUNNING: the wait (± 10 %), that doubles, and startsecs.
    up = moments(log, "server: running")
    ends = moments(log, "retry ")
    waits = [float(wait) for wait in re.findall(r"retry \d of 2 in ([\d.]+) s", log)]
    assert len(up) == 3
    assert 0.27 <= waits[0] <= 0.33
    assert 0.54 <= waits[1] <= 0.66
    for end, wait, begin in zip(ends, waits, up[1:], strict=True):
        assert begin - end >= wait + 0.2 - 0.01  # what is told is rounded
    # The container is not ready, but nothing that a restart of all of it would be good for.
    assert box.ctl("health", "--ready", check=False).code == 1
    assert box.ctl("health", "--live").code == 0
    assert box.pid("witness") == witness

    box.exec("rm", "/tmp/sick", check=True)
    box.ctl("start", "server")
    eventually(lambda: box.status()["server"]["healthy"] is True)
    assert box.pid("server") != first
    assert box.ctl("health", "--ready").code == 0
    assert box.stop() == 0


def test_failures_in_the_start_period_do_not_count(run: Callable[..., Box]) -> None:
    config = SERVER.format(check=TCP, start_period=600)
    box = run(config=config, files={**programs("server.py"), "/tmp/sick": ""})
    log = box.wait_log("health check failed in its start period")
    eventually(lambda: box.logs().count("health check failed in its start period") > 5)
    assert "UNHEALTHY" not in log
    assert box.status()["server"]["restarts"] == 0
    # The first pass ends the period.
    box.exec("rm", "/tmp/sick", check=True)
    eventually(lambda: box.status()["server"]["healthy"] is True)
    box.exec("touch", "/tmp/sick", check=True)
    box.wait_log("; state UNHEALTHY")


def test_a_script_that_hangs_is_killed_with_its_children(run: Callable[..., Box]) -> None:
    config = """\
[supervice]
[program:app]
command = sleep 1000
startsecs = 0
startretries = 100
healthcheck_type = script
healthcheck_command = sh -c "sleep 4711 & sleep 4711"
healthcheck_interval = 0.1
healthcheck_timeout = 0.3
healthcheck_retries = 1
healthcheck_start_period = 0
"""
    box = run(config=config)
    box.wait_log("; state UNHEALTHY")
    box.ctl("stop", "app")
    left = "grep -l 471[1] /proc/[0-9]*/cmdline"
    eventually(lambda: box.exec("sh", "-c", left).output == "", message="no child of a check is left")
    assert box.zombies() == []


@pytest.mark.long
def test_a_program_that_is_killed_is_replaced_at_once(
    run: Callable[..., Box], image_for: Callable[[str], str], base: str
) -> None:
    config = """\
[supervice]
[program:app]
command = sleep 1000
startsecs = 0
[program:other]
command = sleep 1000
startsecs = 0
"""
    box = run(config=config, image=image_for(base), wait=["app", "other"])
    pid, other = box.pid("app"), box.pid("other")
    box.exec("sh", "-c", f"kill -KILL {pid}", check=True)
    eventually(lambda: box.state("app") == "RUNNING" and box.pid("app") != pid)
    row = box.status()["app"]
    assert row["restarts"] == 1
    assert box.exec("cat", f"/proc/{row['pid']}/comm").output == "sleep\n"
    assert box.pid("other") == other
    died, back = moments(box.logs(), "app: ended, killed by SIGKILL"), moments(box.logs(), "app: running")
    assert back[-1] - died[-1] < 0.9, "the second of a first retry"
    assert box.zombies() == []


def docker_health(box: Box) -> str:
    box.container.reload()
    return str(box.container.attrs["State"]["Health"]["Status"])


OFTEN = {"interval": 300_000_000, "retries": 2}


@pytest.mark.long
def test_docker_sees_that_the_container_is_healthy(
    run: Callable[..., Box], image_for: Callable[[str], str], base: str
) -> None:
    """The HEALTHCHECK of the image, only more often."""
    config = "[supervice]\n[program:app]\ncommand = sleep 1000\n"
    box = run(config=config, image=image_for(base), healthcheck=OFTEN)
    eventually(lambda: docker_health(box) == "healthy", 20, 0.05, "healthy")
    output = box.container.attrs["State"]["Health"]["Log"][-1]["Output"]
    assert "app" in output


def test_docker_sees_that_a_program_has_failed(run: Callable[..., Box]) -> None:
    """A HEALTHCHECK that asks for readiness: each program does its work, or has done it."""
    config = SERVER.format(check=TCP, start_period=0).replace("startretries = 2", "startretries = 0")
    check = {"test": ["CMD", "supervicectl", "health", "--ready"], **OFTEN}
    box = run(config=config, files=programs("server.py"), healthcheck=check)
    eventually(lambda: docker_health(box) == "healthy", 20, 0.05, "healthy")
    box.exec("touch", "/tmp/sick", check=True)
    eventually(lambda: docker_health(box) == "unhealthy", 20, 0.05, "unhealthy")
    output = box.container.attrs["State"]["Health"]["Log"][-1]["Output"]
    assert "still unhealthy after 0 restarts" in output  # the reason, where `docker inspect` shows it
    box.exec("rm", "/tmp/sick", check=True)
    box.ctl("start", "server")
    eventually(lambda: docker_health(box) == "healthy", 20, 0.05, "healthy again")


def test_a_stop_wins_over_every_restart(run: Callable[..., Box]) -> None:
    """Stopped in its back-off and stopped right after its death: it stays stopped."""
    config = """\
[supervice]
[program:crasher]
command = sh -c "sleep 0.05; exit 1"
startsecs = 0
backoff = 0.3
backoff_factor = 1
startretries = 1000
[program:witness]
command = sleep 1000
startsecs = 0
"""
    box = run(config=config, wait=["witness"])
    for _ in range(3):
        box.ctl("start", "crasher", check=False)
        box.ctl("stop", "crasher")
        restarts = box.status()["crasher"]["restarts"]
        until = time.monotonic() + 0.5  # longer than its back-off
        while time.monotonic() < until:
            assert box.state("crasher") == "STOPPED"
        assert box.status()["crasher"]["restarts"] == restarts
