"""supervisorctl in an image of ours, with a stock supervisord.conf as Debian's package has it."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable

import pytest

from tests.container.helpers import Box, eventually

DOCKERFILE = """\
ARG BASE
FROM ${BASE}
USER root
RUN python3 -m venv /opt/supervisor \\
 && /opt/supervisor/bin/pip install --quiet --no-cache-dir --disable-pip-version-check supervisor==4.3.0 \\
 && ln -s /opt/supervisor/bin/supervisorctl /usr/local/bin/
"""

PASSWORD = "{SHA}" + hashlib.sha1(b"secret").hexdigest()
# What Debian's package installs, with a password for the internet socket.
STOCK = f"""\
[unix_http_server]
file=/var/run/supervisor.sock
chmod=0700

[inet_http_server]
port=127.0.0.1:9001
username=admin
password={PASSWORD}

[supervisord]
logfile=/var/log/supervisord.log
pidfile=/var/run/supervisord.pid
childlogdir=/var/log

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix:///var/run/supervisor.sock

[include]
files = /etc/supervisor/conf.d/*.conf
"""
PROGRAMS = """\
[program:web]
command=sh -c 'echo serving; exec sleep 1000'
startsecs=0
[program:worker]
command=sleep 1000
startsecs=0
numprocs=2
process_name=%(program_name)s_%(process_num)02d
"""
MAIN = "/etc/supervisor/supervisord.conf"


@pytest.fixture(scope="session")
def with_client(image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of our image with supervisor's client in it."""
    context = tmp_path_factory.mktemp("supervisorctl")
    (context / "Dockerfile").write_text(DOCKERFILE)
    command = ["docker", "build", "--quiet", "--build-arg", f"BASE={image}", str(context)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout.split()[-1]


@pytest.fixture
def box(run: Callable[..., Box], with_client: str) -> Box:
    box = run(
        ["-c", MAIN],
        image=with_client,
        files={MAIN: STOCK, "/etc/supervisor/conf.d/programs.conf": PROGRAMS},
    )
    eventually(lambda: box.exec("supervisorctl", "status").code == 0, 20)
    return box


def ctl(box: Box, *words: str, **options: str) -> str:
    return box.exec("supervisorctl", *words, check=True, **options).output


def test_the_verbs(box: Box) -> None:
    assert ctl(box, "pid") == "1\n"
    assert ctl(box, "version") == "4.3.0\n"
    assert "worker:worker_01" in ctl(box, "status")
    assert ctl(box, "restart", "web") == "web: stopped\nweb: started\n"
    assert "serving" in ctl(box, "tail", "web")
    assert box.exec("supervisorctl", "stop", "worker:*").code == 0
    assert box.exec("supervisorctl", "status", "worker:*").code == 3
    assert "web: running" in ctl(box, "maintail")
    mode = box.exec("stat", "-c", "%a %U", "/var/run/supervisor.sock").output
    assert mode == "700 root\n"


def test_a_program_is_added_without_a_restart(box: Box) -> None:
    box.exec(
        "sh",
        "-c",
        "printf '[program:new]\\ncommand=sleep 5\\n' > /etc/supervisor/conf.d/new.conf",
        check=True,
    )
    before = box.exec("supervisorctl", "pid", "web").output
    assert ctl(box, "reread") == "new: available\n"
    assert ctl(box, "update") == "new: added process group\n"
    assert "new" in ctl(box, "status")
    assert box.exec("supervisorctl", "pid", "web").output == before


def test_reload_keeps_pid_1(box: Box) -> None:
    before = box.exec("supervisorctl", "pid", "web").output
    assert ctl(box, "reload") == "Restarted supervisord\n"
    eventually(lambda: box.exec("supervisorctl", "status").code == 0)
    eventually(lambda: box.exec("supervisorctl", "pid", "web").output not in (before, "0\n"))
    assert ctl(box, "pid") == "1\n"


def test_over_the_internet_socket(box: Box) -> None:
    there = ("-s", "http://127.0.0.1:9001", "-u", "admin")
    assert ctl(box, *there, "-p", "secret", "pid") == "1\n"
    ran = box.exec("supervisorctl", *there, "-p", "guess", "pid")
    assert ran.code != 0
    # the file's mode decides: another user has the password or nothing
    assert box.exec("supervisorctl", "pid", user="nobody").code != 0
    assert ctl(box, *there, "-p", "secret", "pid", user="nobody") == "1\n"


def test_shutdown_ends_the_container(box: Box) -> None:
    box.exec("supervisorctl", "shutdown")  # which may itself be ended with the container
    assert box.wait() == 0
