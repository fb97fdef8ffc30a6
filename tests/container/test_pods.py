"""Containers that share what those of a pod share: IPC (and so /dev/shm), process ids, a volume at /tmp (K1)."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker.errors import NotFound

import docker
from tests.container.helpers import Box
from tests.eventually import eventually

CONFIG = "[supervice]\n[program:{}]\ncommand = sleep 1000\nstartsecs = 0\n"
SILENT = "[supervice]\nsocket = none\n[program:c]\ncommand = sleep 1000\nstartsecs = 0\n"

Pod = Callable[..., Box]


@pytest.fixture
def pod(engine: docker.DockerClient, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """`pod(CONFIG, **options)` starts one container more."""
    boxes: list[Box] = []

    def start(config: str, **options: Any) -> Box:
        name = f"supervice-pod-{uuid.uuid4().hex[:12]}"
        words = ["sh", "-c", 'printf %s "$0" >/config/x.conf && exec supervice -c /config/x.conf', config]
        container = engine.containers.run(
            image,
            entrypoint=words,
            name=name,
            detach=True,
            network_mode="none",
            tmpfs={"/config": "mode=1777"},
            **{"user": "12345", "read_only": True, **options},
        )
        boxes.append(Box(container))
        return boxes[-1]

    yield start
    for box in boxes:
        with contextlib.suppress(NotFound):
            box.container.remove(force=True)


def names(box: Box, *args: str, user: str = "") -> set[str]:
    done = box.exec("supervicectl", *args, "--json", "status", user=user, check=True)
    return {row["name"] for row in json.loads(done.output)["processes"]}


def up(box: Box, *programs: str, user: str = "") -> None:
    eventually(lambda: names(box, user=user) == set(programs) or None, 30, 0.1, f"{programs}: {box.logs()}")


def shares(kind: str, first: Box) -> dict[str, Any]:
    if kind == "ipc":
        return {"ipc_mode": f"container:{first.id}"}
    return {"ipc_mode": f"container:{first.id}", "pid_mode": f"container:{first.id}"}


@pytest.mark.parametrize("kind", ["ipc", "ipc and pid"])
def test_k1_two_containers_that_share_dev_shm(pod: Pod, kind: str) -> None:
    one = pod(CONFIG.format("a"), ipc_mode="shareable")
    up(one, "a")
    two = pod(CONFIG.format("b"), **shares(kind, one))
    up(two, "b")
    assert names(one) == {"a"}
    # The engine loses an answer now and then.
    found = eventually(lambda: one.exec("sh", "-c", "cd /dev/shm && ls -d supervice*").output.split())
    assert len(found) == 2
    assert "supervice.sock" in found
    assert "the daemon of another container answers there" in two.logs()

    two.exec("supervicectl", "stop", "all", check=True)
    assert one.state("a") == "RUNNING"
    # what is named is what is asked, and each ends alone
    assert names(two, "-s", "/dev/shm/supervice.sock") == {"a"}
    if kind == "ipc":
        assert one.stop() == 0
        assert names(two) == {"b"}


@pytest.mark.parametrize("kind", ["ipc", "ipc and pid"])
def test_k1_a_container_without_a_socket_does_not_reach_the_other(pod: Pod, kind: str) -> None:
    one = pod(CONFIG.format("a"), ipc_mode="shareable")
    up(one, "a")
    two = pod(SILENT, **shares(kind, one))
    two.wait_log("c: running")
    for user in ("12345", "0"):
        for verb in ("health", "status"):
            done = two.exec("supervicectl", verb, user=user)
            assert done.code == 4
            assert "no supervice runs in this container" in done.output
            assert "-s /dev/shm/supervice.sock" in done.output
        assert two.exec("supervicectl", "stop", "all", user=user).code == 4
    assert one.state("a") == "RUNNING"


def test_k1_one_volume_at_tmp(pod: Pod, engine: docker.DockerClient) -> None:
    volume = engine.volumes.create()
    try:
        mount = {"volumes": {volume.name: {"bind": "/tmp", "mode": "rw"}}}
        root = pod(CONFIG.format("r"), user="0", **mount)
        up(root, "r")
        root.exec("chmod", "1777", "/tmp", check=True)
        one = pod(CONFIG.format("a"), **mount)
        up(one, "a")
        two = pod(CONFIG.format("b"), user="23456", **mount)
        up(two, "b")
        assert names(root) == {"r"}
        # root in the container of another user: it is PID 1 there
        assert names(two, user="0") == {"b"}
        # one of them as if its /dev/shm were shared, too
        three = pod(CONFIG.format("c"), user="23456", ipc_mode="none", **mount)
        up(three, "c")
        assert names(three, user="0") == {"c"}
        assert three.exec("sh", "-c", "ls /tmp/supervice*").output.count(".sock") == 2
        for box in (three, two, one, root):
            assert box.stop() == 0
            box.container.remove(force=True)
    finally:
        volume.remove(force=True)


def test_k1_what_a_stranger_left_at_the_place(pod: Pod, engine: docker.DockerClient) -> None:
    """Another container's `mkdir` at the place, and a listener that answers nothing."""
    stranger = engine.containers.run(
        "python:3.13-slim",
        ["sh", "-c", "mkdir /dev/shm/supervice.sock && sleep 1000"],
        detach=True,
        ipc_mode="shareable",
        user="4242",
        network_mode="none",
    )
    try:
        eventually(lambda: stranger.exec_run("ls -d /dev/shm/supervice.sock")[0] == 0)
        box = pod(CONFIG.format("a"), ipc_mode=f"container:{stranger.id}")
        up(box, "a")
        assert names(box, user="0") == {"a"}
        assert "exists and is not a socket" in box.logs()
    finally:
        stranger.remove(force=True)
