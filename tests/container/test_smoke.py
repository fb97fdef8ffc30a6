"""The image starts, is supervised, answers `docker exec`, and stops: on every base image."""

from __future__ import annotations

import re
from collections.abc import Callable

import docker
from tests.container.helpers import Box, eventually
from tests.container.images import BASES

CONFIG = """
[supervice]

[program:sleeper]
command = sleep 1000
startsecs = 0
"""


def test_a_container_runs_and_stops(
    run: Callable[..., Box], image_for: Callable[[str], str], base: str
) -> None:
    box = run(config=CONFIG, image=image_for(base), wait=["sleeper"])
    assert box.exec("cat", "/proc/1/comm").code == 0
    first = box.pid("sleeper")
    box.exec("sh", "-c", f"kill -9 {first}", check=True)
    eventually(lambda: box.state("sleeper") == "RUNNING" and box.pid("sleeper") != first)
    assert box.zombies() == []
    assert box.stop() == 0


def test_a_newcomer_is_led_somewhere(run: Callable[..., Box]) -> None:
    """`docker run IMAGE` says what runs, where to put programs and what to type; doing so works."""
    box = run()
    eventually(lambda: "no programs configured" in box.logs())
    first, second, *_ = box.logs().splitlines()
    assert "/etc/supervice/supervice.conf, 0 programs, control socket /tmp/supervice.sock" in first
    assert (
        "into a file /etc/supervice/conf.d/*.conf, then run: supervicectl reload (in Docker: docker" in second
    )
    box.exec(
        "sh",
        "-c",
        "printf '[program:web]\ncommand = sleep 1000\n' >/etc/supervice/conf.d/web.conf",
        check=True,
    )
    checked = box.exec("supervice", "check", check=True).output
    assert checked == "OK: 1 process in /etc/supervice/supervice.conf, which the running daemon has\n"
    assert box.exec("supervicectl", "reload", check=True).output == "Added: web\n"
    box.wait_state("web")


def test_what_the_image_says_about_itself(engine: docker.DockerClient, image: str) -> None:
    config = engine.images.get(image).attrs["Config"]
    assert config["Entrypoint"] == ["supervice"]
    assert config["Healthcheck"]["Test"] == ["CMD", "supervicectl", "health"]
    assert config["Labels"]["org.opencontainers.image.title"] == "supervice"
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_the_image_needs_no_writable_root_for_its_bytecode(
    run: Callable[..., Box], pip_image_for: Callable[[str], str]
) -> None:
    """A module without bytecode is compiled at every start of a read-only container."""
    box = run(
        ["-v", "-c", "import supervice.cli.main, supervice.cli.ctl"],
        image=pip_image_for(BASES[0]),
        entrypoint="/opt/supervice/bin/python",
        read_only=True,
    )
    assert box.wait() == 0
    compiled = re.findall(r"^# code object from '(.*\.py)'$", box.logs(), re.M)
    assert compiled == []
