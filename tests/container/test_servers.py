"""Real servers on a socket that supervice has opened: as `nobody`, on port 80, and no client is refused by a restart."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.container.helpers import Box, programs
from tests.container.images import BASES, build_image

# The first test waits for 300 MB of packages.
pytestmark = pytest.mark.timeout(1200)

# The servers first: a change of supervice costs no network.
DOCKERFILE = """\
FROM {base}
RUN apt-get update -qq \\
 && apt-get install -y -qq --no-install-recommends nginx-light php-fpm nodejs >/dev/null \\
 && rm -rf /var/lib/apt/lists/* \\
 && ln -s /usr/sbin/php-fpm[0-9]* /usr/local/sbin/php-fpm
RUN python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action=ignore gunicorn uvicorn
COPY --from={image} /opt/supervice /opt/supervice
RUN ln -s /opt/supervice/bin/supervice /opt/supervice/bin/supervicectl /usr/local/bin/
ENTRYPOINT ["supervice"]
"""
# Each answers with its pid, after 30 ms: a restart finds requests that are begun.
FILES: dict[str, str | bytes | Path] = {
    "/srv/app.py": """\
import asyncio, os, time

def wsgi(environ, start):
    time.sleep(0.03)
    start("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]

async def asgi(scope, receive, send):
    await asyncio.sleep(0.03)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
""",
    "/srv/server.js": """\
const http = require('http');
const answer = (request, response) => setTimeout(() => response.end(String(process.pid)), 30);
const server = http.createServer(answer).listen({fd: 3});
process.on('SIGTERM', () => server.close(() => process.exit(0)));
""",
    "/srv/index.php": "<?php usleep(30000); echo getmypid();",
    "/srv/fpm.conf": """\
[global]
error_log = /dev/stderr
process_control_timeout = 10s
[www]
listen = 0.0.0.0:80
pm = static
pm.max_children = 12
""",
    "/srv/nginx.conf": """\
daemon off;
pid /tmp/nginx.pid;
error_log /dev/stderr;
events {}
http {
    access_log off;
    client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    server { listen 80; location / { return 200 $pid; } }
}
""",
}
LISTEN = "listen = http=tcp:0.0.0.0:80\n"
PROGRAM = """\
[supervice]
[program:web]
directory = /srv
user = nobody
startsecs = 0.5
"""


@dataclass(frozen=True)
class Server:
    command: str
    more: str = ""
    protocol: str = "http"
    cut: int = 0  # accepted by the old process and not answered: at most so many


SERVERS = {
    "gunicorn": Server("gunicorn app:wsgi --workers 2 --threads 8"),
    # Its shutdown closes connections that it has accepted and not read from yet (Server.shutdown in uvicorn/server.py).
    # On a machine that is busy otherwise those are what came in the last second.
    "uvicorn": Server("uvicorn app:asgi --fd %(listen_http)s --lifespan off --log-level warning", cut=200),
    "node": Server("node server.js"),
    "nginx": Server(
        "nginx -c /srv/nginx.conf", 'environment = NGINX="%(listen_http)s;"\nstopsignal = QUIT\n'
    ),
    "php-fpm": Server(
        "php-fpm --nodaemonize --fpm-config /srv/fpm.conf",
        'environment = FPM_SOCKETS="0.0.0.0:80=%(listen_http)s"\nstopsignal = QUIT\n',
        "fcgi",
    ),
}


@pytest.fixture(scope="session")
def servers(image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    context = tmp_path_factory.mktemp("servers")
    (context / "Dockerfile").write_text(DOCKERFILE.format(base=BASES[0], image=image))
    return build_image(context, "supervice-servers:test", image)


def load(box: Box, protocol: str) -> dict[str, Any]:
    """200 connections a second, or what the machine can make, while the program is restarted; what became of them."""
    restart = ["supervicectl", "restart", "web"]
    ran = box.exec("python3", "/programs/load.py", protocol, "80", *restart, check=True)
    result: dict[str, Any] = json.loads(ran.output.splitlines()[-1])
    assert result["rate"] > 20, "the machine has no time for this test"
    return result


@pytest.mark.parametrize("name", SERVERS)
def test_a_restart_refuses_no_client(run: Callable[..., Box], servers: str, name: str) -> None:
    server = SERVERS[name]
    box = run(
        config=f"{PROGRAM}command = {server.command}\n{LISTEN}{server.more}",
        image=servers,
        files={**FILES, **programs("load.py")},
        wait=["web"],
    )
    user = box.exec("sh", "-c", f"stat -c %U /proc/{box.pid('web')}", check=True).output.strip()
    assert user == "nobody"
    result = load(box, server.protocol)
    assert sum(result["failures"].values()) <= server.cut, result["failures"]
    assert not any(failure.startswith("ConnectionRefused") for failure in result["failures"])
    assert len(result["answers"]) >= 2, "the first run and the last have answered"
    assert box.status()["web"]["restarts"] == 0
    assert box.stop() == 0
    assert "SIGKILL" not in box.logs()


def test_without_listen_a_restart_refuses_some(run: Callable[..., Box], servers: str) -> None:
    """The control, with the server that is fastest to be there again."""
    box = run(
        config=f"{PROGRAM}command = nginx -c /srv/nginx.conf\nstopsignal = QUIT\n".replace(
            "user = nobody\n", ""
        ),
        image=servers,
        files={**FILES, **programs("load.py")},
        wait=["web"],
    )
    failures = load(box, "http")["failures"]
    assert any(failure.startswith("ConnectionRefusedError") for failure in failures), failures
