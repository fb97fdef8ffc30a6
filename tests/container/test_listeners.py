"""Stock supervisord files with event listeners and FastCGI programs, as images have them, with supervice as PID 1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.container.helpers import Box, eventually, programs
from tests.container.images import build_image

SHELL = """#!/bin/sh
printf 'READY\\n'
while read line; do
  echo "Processing event: $line" >&2
  {}
  printf 'RESULT 2\\nOK'
done </dev/stdin
"""
PYTHON = """#!/usr/bin/env python3
import os, signal, sys

def write(text):
    sys.stdout.write(text)
    sys.stdout.flush()

while True:
    write("READY\\n")
    headers = dict(word.split(":") for word in sys.stdin.readline().split())
    sys.stdin.read(int(headers["len"]))
    os.kill(os.getppid(), signal.SIGQUIT)
    write("RESULT 2\\nOK")
"""
KILLERS = {
    "one": SHELL.format("kill -15 1"),
    "parent": SHELL.format("kill -3 $PPID"),
    "pidfile": SHELL.format("kill -15 $(cat /tmp/supervisord.pid)"),
    "python": PYTHON,
}
STOCK = """
[supervisord]
nodaemon=true
pidfile=/tmp/supervisord.pid

[program:web]
command=sleep 1000

[program:worker]
command=sh -c 'echo cannot connect >&2; exit 7'
startretries=1

[eventlistener:killer]
command=/stop-supervisor
events=PROCESS_STATE_FATAL
"""


@pytest.mark.parametrize("killer", KILLERS)
def test_the_listener_that_ends_the_container_on_fatal_makes_it_fail(
    run: Callable[..., Box], killer: str
) -> None:
    box = run(config=STOCK, files={"/stop-supervisor": KILLERS[killer]})
    assert box.wait() == 7
    log = box.logs()
    assert "worker is FATAL" in log
    assert "READY" not in log


def test_a_listener_may_run_as_another_user_and_the_root_be_read_only(run: Callable[..., Box]) -> None:
    config = (
        "[supervisord]\n[eventlistener:l]\ncommand=python3 /programs/listener.py /tmp/events\nuser=nobody\n"
        "events=SUPERVISOR_STATE_CHANGE,PROCESS_STATE_EXITED\n[program:a]\ncommand=sh -c 'sleep 2'\n"
        "autorestart=false\n"
    )
    box = run(config=config, files=programs("listener.py"), read_only=True, tmpfs={"/tmp": "mode=1777"})
    log = eventually(
        lambda: (text := box.exec("cat", "/tmp/events").output).count("\n") == 2 and text, 20, 0.2
    )
    first, second = log.splitlines()
    assert "eventname:SUPERVISOR_STATE_CHANGE_RUNNING len:0" in first
    assert "processname:a groupname:a from_state:RUNNING expected:1 pid:" in second
    assert box.stop() == 0


@pytest.fixture(scope="module")
def furnished(image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image with superlance and the ps that it takes, nginx and fcgiwrap, as a user would build it."""
    context: Path = tmp_path_factory.mktemp("furnished")
    (context / "Dockerfile").write_text(
        "ARG BASE\nFROM ${BASE}\n"
        "RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends nginx-light fcgiwrap procps"
        " >/dev/null && rm -rf /var/lib/apt/lists/*\n"
        "RUN python3 -m venv /opt/tools"
        " && /opt/tools/bin/pip install -q --disable-pip-version-check supervisor==4.3.0 superlance==2.0.0\n"
    )
    return build_image(context, "supervice:test-listeners", image)


CRASHMAIL = """
[supervisord]
[program:app]
command=sh -c 'sleep 1.5; exit 9'
autorestart=false
[eventlistener:crashmail]
command=/opt/tools/bin/crashmail -p app -o box -m ops@example.org -s /sendmail
environment=SUPERVISOR_SERVER_URL="unix:///none"
events=PROCESS_STATE_EXITED
"""


def test_superlances_crashmail_sends_its_mail(run: Callable[..., Box], furnished: str) -> None:
    box = run(image=furnished, config=CRASHMAIL, files={"/sendmail": "#!/bin/sh\ncat >/tmp/mail\n"})
    mail = eventually(lambda: (ran := box.exec("cat", "/tmp/mail")).code == 0 and ran.output, 20, 0.2)
    assert "To: ops@example.org" in mail
    assert "box: app crashed" in mail
    assert "Process app in group app exited unexpectedly (pid" in mail
    assert box.state("crashmail") == "RUNNING"
    assert box.stop() == 0


HTTPOK = """
[unix_http_server]
file=/run/supervisor.sock
username=admin
password=secret
[supervisord]
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///run/supervisor.sock
username=admin
password=secret
[group:site]
programs=app
[program:app]
command=sleep 1000
[eventlistener:httpok]
command=/opt/tools/bin/httpok -p site:app -t 2 http://127.0.0.1:8000/
events=TICK_5
environment=SUPERVISOR_USERNAME="admin",SUPERVISOR_PASSWORD="secret"
"""


def test_superlances_httpok_restarts_what_does_not_answer(run: Callable[..., Box], furnished: str) -> None:
    """It calls back by XML-RPC, over the server that the daemon names."""
    box = run(
        ["-c", "/etc/supervisord.conf"],
        image=furnished,
        files={"/etc/supervisord.conf": HTTPOK},
        wait=["app", "httpok"],
    )
    first = box.pid("app")
    eventually(lambda: box.state("app") == "RUNNING" and box.pid("app") != first, 20, 0.2)
    eventually(lambda: "site:app restarted" in box.logs(), 10, 0.2)
    said = box.exec("/opt/tools/bin/supervisorctl", "status", check=True).output
    assert "httpok" in said
    assert "site:app" in said
    assert box.stop() == 0


MEMMON = """
[unix_http_server]
file=/run/supervisor.sock
[supervisord]
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[group:site]
programs=leaky,lean
[program:leaky]
command=python3 -c "import time; kept = b'x' * (96 << 20); time.sleep(1000)"
[program:lean]
command=sleep 1000
[eventlistener:memmon]
command=/opt/tools/bin/memmon -p leaky=48MB -c -a 512MB -m ops@example.org -s /sendmail -n box
events=TICK_5
"""


def test_superlances_memmon_restarts_what_has_grown_and_nothing_else(
    run: Callable[..., Box], furnished: str
) -> None:
    """It asks for pids by XML-RPC, looks at them with ps, and stops and starts the program over the same server."""
    box = run(
        ["-c", "/etc/supervisord.conf"],
        image=furnished,
        files={
            "/etc/supervisord.conf": MEMMON,
            "/sendmail": "#!/bin/sh\ncat >/tmp/mail.new\nmv /tmp/mail.new /tmp/mail\n",
        },
        wait=["leaky", "lean", "memmon"],
    )
    first, other = box.pid("leaky"), box.pid("lean")
    mail = eventually(lambda: (ran := box.exec("cat", "/tmp/mail")).code == 0 and ran.output, 30, 0.2)
    assert "To: ops@example.org" in mail
    assert "Subject: memmon [box]: process site:leaky restarted" in mail
    assert "because it was consuming too much memory" in mail
    eventually(lambda: box.state("leaky") == "RUNNING" and box.pid("leaky") != first, 20, 0.2)
    assert box.pid("lean") == other
    assert box.state("memmon") == "RUNNING"
    assert box.stop() == 0


FASTCGI = """
[supervisord]
[fcgi-program:wrap]
command=/usr/sbin/fcgiwrap
socket=unix:///run/wrap/%(program_name)s.sock
socket_owner=www-data:www-data
socket_mode=0700
user=www-data
numprocs=2
process_name=%(program_name)s_%(process_num)d
[program:nginx]
command=nginx -g "daemon off;"
"""
SITE = """
server {
    listen 127.0.0.1:8000 default_server;
    location / {
        include fastcgi_params;
        fastcgi_param SCRIPT_FILENAME /srv/hello;
        fastcgi_pass unix:/run/wrap/wrap.sock;
    }
}
"""
FETCH = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8000/', timeout=10).read().decode())"


def test_nginx_and_a_real_fastcgi_program(run: Callable[..., Box], furnished: str) -> None:
    box = run(
        image=furnished,
        config=FASTCGI,
        files={
            "/etc/nginx/sites-enabled/default": SITE,
            "/srv/hello": "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\nhello from '\nid -un\n",
        },
        tmpfs={"/run/wrap": "mode=0755"},
        wait=["wrap:wrap_0", "wrap:wrap_1", "nginx"],
    )

    def fetch() -> str:
        return box.exec("python3", "-c", FETCH, check=True).output.strip()

    assert fetch() == "hello from www-data"
    ls = box.exec("stat", "-c", "%U:%G %a", "/run/wrap/wrap.sock").output.split()
    assert ls == ["www-data:www-data", "700"]
    box.exec("sh", "-c", f"kill -9 {box.pid('wrap:wrap_0')} {box.pid('wrap:wrap_1')}", check=True)
    assert fetch() == "hello from www-data", "the socket is there, the request waits for the next run"
    box.ctl("stop", "wrap:*")
    assert box.exec("ls", "/run/wrap").output == ""
    assert box.stop() == 0
