"""supervice in pods of a real kubelet: probes, the end, its message, rights, memory, a ConfigMap that changes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.eventually import eventually
from tests.kubelet.node import HOME, Pod, manifest
from tests.paths import EXAMPLES

pytestmark = pytest.mark.timeout(600)

Pods = Callable[[str], Pod]


def command(*words: str) -> dict[str, Any]:
    return {"exec": {"command": list(words)}}


HEALTH = {
    "livenessProbe": {
        **command("supervicectl", "health", "--live"),
        "periodSeconds": 1,
        "failureThreshold": 2,
    },
    "readinessProbe": {
        **command("supervicectl", "health", "--ready"),
        "periodSeconds": 1,
        "failureThreshold": 1,
    },
}


def of_example(name: str, file: str, images: dict[str, str]) -> dict[str, Any]:
    """The pod of a manifest, or of a Deployment's template, for a node without a network of its own."""
    document = next(iter(yaml.safe_load_all((EXAMPLES / name / file).read_text())))
    if document["kind"] == "Deployment":
        template = document["spec"]["template"]
        document = {"apiVersion": "v1", "kind": "Pod", **template}
        document["metadata"]["name"] = name
    document["metadata"]["namespace"] = "default"
    document["spec"]["hostNetwork"] = True
    for one in document["spec"]["containers"]:
        one["image"] = images.get(one["image"], one["image"])
        one["imagePullPolicy"] = "Never"
    found: dict[str, Any] = document
    return found


def test_the_deployment_of_the_example(pods: Pods, example: Callable[[str], str]) -> None:
    """Startup, readiness and liveness over HTTP; at the end readiness fails first, then the programs are stopped."""
    pod = pods("kubernetes")
    pod.put(of_example("kubernetes", "deployment.yaml", {"probes:dev": example("kubernetes")}))
    pod.until("app", lambda now: now["started"] and now["ready"], 90)
    assert pod.container("app")["restartCount"] == 0
    pod.remove()
    eventually(lambda: "shutting down" in pod.log("app"), 30, 0.2)
    pod.gone()


@pytest.mark.parametrize("file", ["pod.yaml", "pod-shared-pid.yaml"])
def test_the_sidecar_of_the_example(
    pods: Pods, example: Callable[[str], str], node: Callable[..., None], file: str
) -> None:
    node("python:3.13-slim")
    document = of_example("sidecar", file, {"sidecar:dev": example("sidecar")})
    pod = pods(document["metadata"]["name"])
    pod.put(document)
    pod.ready(*(one["name"] for one in document["spec"]["containers"]), seconds=90)


def test_probes_by_exec(pods: Pods, folder: Path) -> None:
    """What is not ready is not restarted; what is not live is, once."""
    conf, data = folder / "conf", folder / "data"
    conf.mkdir()
    data.mkdir()
    (conf / "p.conf").write_text(
        "[program:web]\ncommand = sleep infinity\nhealthcheck_type = script\n"
        "healthcheck_command = test ! -e /data/bad\nhealthcheck_interval = 1s\nhealthcheck_retries = 2\n"
        "healthcheck_start_period = 0\nhealthcheck_action = none\nreadiness_type = script\n"
        "readiness_command = test ! -e /data/busy\nreadiness_interval = 1s\nreadiness_retries = 1\n"
        "readiness_start_period = 0\n"
    )
    pod = pods("probes")
    volumes = {"volumes": [{"name": "data", "hostPath": {"path": str(data)}}]}
    mounts = [{"name": "data", "mountPath": "/data"}]
    pod.put(manifest("probes", conf, pod=volumes, volumeMounts=mounts, **HEALTH))
    pod.ready("app")
    (data / "busy").touch()
    pod.until("app", lambda now: not now["ready"])
    (data / "busy").unlink()
    pod.ready("app")
    assert pod.container("app")["restartCount"] == 0
    (data / "bad").touch()
    pod.until("app", lambda now: now["restartCount"] >= 1)
    (data / "bad").unlink()
    pod.ready("app")


def test_the_code_and_the_message_of_the_end(pods: Pods, folder: Path) -> None:
    (folder / "p.conf").write_text(
        "[program:app]\nmain = true\nstartsecs = 0\n"
        "command = sh -c 'echo app starts; sleep 1; echo \"the database refused\" >&2; exit 7'\n"
        "[program:side]\ncommand = sleep infinity\n"
    )
    pod = pods("message").put(manifest("message", folder, pod={"restartPolicy": "Never"}))
    ended = pods("message").until("app", lambda now: "terminated" in now["state"])["state"]["terminated"]
    assert ended["exitCode"] == 7
    assert "main program app ended" in ended["message"]
    assert "the database refused" in ended["message"]
    assert pod.container("app")["restartCount"] == 0


def test_the_end_in_the_grace_period(pods: Pods, folder: Path) -> None:
    """preStop runs while the programs run; then TERM, in order, inside the grace period."""
    (folder / "p.conf").write_text(
        "[program:web]\nmain = true\nstartsecs = 0\n"
        "command = sh -c 'trap \"echo web has TERM; sleep 1; exit 5\" TERM; echo web up; while :; do sleep 0.1; done'\n"
        "[program:helper]\npriority = 1\nstartsecs = 0\ncommand = sleep infinity\n"
    )
    hook = {"preStop": command("sh", "-c", "supervicectl status >/proc/1/fd/1; echo hook done >/proc/1/fd/1")}
    pod = pods("ending").put(manifest("ending", folder, lifecycle=hook, **HEALTH))
    pod.ready("app")
    pod.remove()
    eventually(lambda: "exiting with code 5" in pod.log("app"), 40, 0.2)
    log = pod.log("app")
    assert log.index("hook done") < log.index("web has TERM") < log.index("exiting with code 5")
    pod.gone()


@pytest.mark.parametrize("tmp", [True, False], ids=["with /tmp", "without"])
def test_a_restricted_pod(pods: Pods, folder: Path, tmp: bool) -> None:
    (folder / "p.conf").write_text(
        "[program:a]\ncommand = sh -c 'id -u; exec sleep infinity'\n"
        "[program:b]\ncommand = sh -c 'sleep 1 & exec sleep 3600'\n"
    )
    rights = {
        "runAsNonRoot": True,
        "runAsUser": 12345,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = [{"name": "tmp", "mountPath": "/tmp"}] if tmp else []
    extra = {
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    pod = pods("restricted")
    pod.put(manifest("restricted", folder, pod=extra, securityContext=rights, volumeMounts=mounts, **HEALTH))
    pod.ready("app")
    assert re.search(r"^12345$", pod.log("app"), re.M)


def test_two_daemons_of_one_pod(pods: Pods, folder: Path) -> None:
    """They share /dev/shm and /tmp; each supervicectl speaks to its own."""
    (folder / "p.conf").write_text("[program:a]\ncommand = sleep infinity\n")
    document = manifest("two", folder, **HEALTH)
    first = document["spec"]["containers"][0]
    first["volumeMounts"].append({"name": "tmp", "mountPath": "/tmp"})
    document["spec"]["containers"].append({**first, "name": "other"})
    document["spec"]["volumes"].append({"name": "tmp", "emptyDir": {}})
    pods("two").put(document).ready("app", "other")


def test_out_of_memory(pods: Pods, folder: Path) -> None:
    (folder / "p.conf").write_text(
        "[program:hog]\nmain = true\n"
        "command = python3 -c \"import time; time.sleep(2); x = b'x' * (300 << 20); time.sleep(9)\"\n"
        "[program:calm]\ncommand = sleep infinity\n"
    )
    document = manifest(
        "memory", folder, resources={"limits": {"memory": "64Mi"}}, pod={"restartPolicy": "Never"}
    )
    pod = pods("memory").put(document)
    ended = pod.until("app", lambda now: "terminated" in now["state"], 90)["state"]["terminated"]
    assert ended["exitCode"] == 137
    assert "out of memory" in ended["message"]


def test_a_changed_config_map(pods: Pods, folder: Path) -> None:
    """The links are swapped as the kubelet does it for a ConfigMap; `watch_config` applies what is new."""

    def revision(number: int, text: str) -> None:
        files = folder / f"..{number}"
        files.mkdir()
        (files / "p.conf").write_text(text)
        link = folder / "..data_tmp"
        link.symlink_to(files.name)
        os.replace(link, folder / "..data")

    web = "[program:web]\ncommand = sleep infinity\n"
    revision(1, f"[supervice]\nwatch_config = true\n{web}")
    (folder / "p.conf").symlink_to("..data/p.conf")
    pod = pods("configmap").put(manifest("configmap", folder, **HEALTH))
    pod.ready("app")
    revision(2, f"[supervice]\nwatch_config = true\n{web}[program:new]\ncommand = sleep infinity\n")
    eventually(lambda: "new: running" in pod.log("app"), 40, 0.5)
    assert pod.log("app").count("web: running") == 1


def test_the_node_touches_nothing_of_the_machine() -> None:
    assert not Path("/var/log/pods").exists()
    assert HOME.is_dir()
