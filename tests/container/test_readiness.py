"""Readiness under PID 1, with the clients that programs really use: libsystemd, systemd-notify, PyPI's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.container.helpers import Box, eventually, exec_
from tests.container.images import build_image

DOCKERFILE = """\
ARG BASE
FROM ${BASE}
USER root
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends systemd python3-systemd >/dev/null
RUN python3 -m venv /opt/clients && /opt/clients/bin/pip install -q sdnotify sd-notify
"""
# libsystemd by its Python binding: ready, a status, pings at half of the time that it is told.
BINDING = """\
import os, sys, time
from systemd import daemon
time.sleep(0.3)
assert daemon.notify("READY=1\\nSTATUS=libsystemd")
assert os.environ["WATCHDOG_USEC"] == "2000000"
while True:
    daemon.notify("WATCHDOG=1")
    time.sleep(1)
"""
SDNOTIFY = """\
import time, sdnotify
time.sleep(0.3)
notifier = sdnotify.SystemdNotifier()
notifier.notify("READY=1")
notifier.notify("STATUS=sdnotify")
time.sleep(1000)
"""
SD_NOTIFY = """\
import time, sd_notify
time.sleep(0.3)
notify = sd_notify.Notifier()
assert notify.enabled()
notify.ready()
notify.status("sd-notify")
time.sleep(1000)
"""
CONFIG = """\
[supervice]
socket = {socket}
exit_when_idle = false

[program:shell]
command = sh -c 'sleep 0.3; systemd-notify --ready --status=shell; exec sleep 1000'
ready = notify

[program:nobody]
command = sh -c 'sleep 0.3; systemd-notify --ready --status=nobody; exec sleep 1000'
ready = notify
{user}

[program:binding]
command = /usr/bin/python3 /programs/binding.py
ready = notify
watchdog = 2
{user}

[program:sdnotify]
command = /opt/clients/bin/python /programs/sdnotify_client.py
ready = notify

[program:sd_notify]
command = /opt/clients/bin/python /programs/sd_notify_client.py
ready = notify

[program:last]
command = sleep 1000
startsecs = 0
depends_on = shell:ready, nobody:ready, binding:ready, sdnotify:ready, sd_notify:ready
"""
FILES = {
    "/programs/binding.py": BINDING,
    "/programs/sdnotify_client.py": SDNOTIFY,
    "/programs/sd_notify_client.py": SD_NOTIFY,
}
WORDS = {
    "shell": "shell",
    "nobody": "nobody",
    "binding": "libsystemd",
    "sdnotify": "sdnotify",
    "sd_notify": "sd-notify",
}


@pytest.fixture(scope="session")
def clients(image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Our image with the clients of the distribution and of PyPI."""
    context: Path = tmp_path_factory.mktemp("clients")
    (context / "Dockerfile").write_text(DOCKERFILE)
    return build_image(context, "supervice-test-notify:test", image)


def all_ready(box: Box) -> None:
    box.wait_state(timeout=40)
    rows = box.status()
    assert {name: rows[name]["status_text"] for name in WORDS} == WORDS
    assert all(row["ready"] for row in rows.values())
    assert all(row["restarts"] == 0 for row in rows.values())
    assert box.ctl("health", "--ready").code == 0


def test_real_clients_as_root(run: Callable[..., Box], clients: str) -> None:
    box = run(config=CONFIG.format(socket="/run/s.sock", user="user = nobody"), files=FILES, image=clients)
    all_ready(box)
    # the pings keep it alive longer than its watchdog allows without
    eventually(lambda: box.status()["binding"]["uptime"] > 4)
    assert box.status()["binding"]["restarts"] == 0
    assert box.status()["binding"]["healthy"] is True
    before = box.pid("binding")
    box.exec("sh", "-c", f"kill -STOP {before}", check=True)
    eventually(lambda: box.status()["binding"]["restarts"] == 1, 20)
    assert "no watchdog ping for 2 s" in box.logs()


def test_real_clients_without_rights_and_without_a_place_to_write(
    run: Callable[..., Box], clients: str
) -> None:
    box = run(
        config=CONFIG.format(socket="/tmp/s.sock", user=""),
        files=FILES,
        image=clients,
        user="12345:12345",
        read_only=True,
        tmpfs={"/tmp": ""},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        environment={"SUPERVICE_SOCKET": "/tmp/s.sock"},
    )
    all_ready(box)


def test_no_other_process_of_the_container_can_make_it_ready(run: Callable[..., Box], clients: str) -> None:
    config = (
        "[supervice]\n[program:a]\ncommand = sh -c 'echo $NOTIFY_SOCKET > /tmp/address; exec sleep 1000'\n"
        "ready = notify\n[program:b]\ncommand = sleep 1000\n"
    )
    box = run(config=config, image=clients)
    box.wait_state("b")
    address = str(eventually(lambda: box.exec("cat", "/tmp/address").output.strip()))
    for user in ("root", "nobody"):
        forged = ["env", f"NOTIFY_SOCKET={address}", "systemd-notify", "--ready", "--status=forged"]
        assert exec_(box.container, *forged, user=user).code == 0  # it waits until it has been dealt with
    row = box.status()["a"]
    assert (row["state"], row["status_text"], row["ready"]) == ("STARTING", "", False)


def test_without_any_place_to_write(run: Callable[..., Box], clients: str) -> None:
    """The address is an abstract one then; libsystemd knows that."""
    config = (
        "[supervice]\n[program:a]\ncommand = sh -c 'echo $NOTIFY_SOCKET; systemd-notify --ready; exec sleep 1000'\n"
        "ready = notify\n[program:b]\ncommand = sleep 1000\ndepends_on = a:ready\n"
    )
    box = run(config=config, image=clients, user="12345:12345", read_only=True, cap_drop=["ALL"])
    box.wait_log("b: running")
    assert "@" in box.logs()
