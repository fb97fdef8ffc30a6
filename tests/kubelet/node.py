"""A real kubelet with static pods, and what it says about them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.eventually import eventually

HERE = Path(__file__).parent
# Everything of the node; the kubelet in it is built once, in minutes.
HOME = Path(os.environ.get("SUPERVICE_TEST_KUBE") or "/var/tmp/supervice-kubelet")
NAME = "node1"
IMAGE = "supervice:kubelet"


def script(*words: str, timeout: float = 1800) -> str:
    """Runs node.sh; what it prints."""
    done = subprocess.run(
        [str(HERE / "node.sh"), *words],
        env={**os.environ, "KUBE": str(HOME)},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"node.sh {' '.join(words)}: {done.stderr[-2000:]}"
    return done.stdout


class Pod:
    """One static pod, from its manifest to its end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._file = HOME / "manifests" / f"{name}.json"

    def put(self, manifest: dict[str, Any]) -> Pod:
        """The kubelet looks at the folder every second; a file that begins with a dot is none of its own."""
        draft = self._file.with_name(f".{self._file.name}")
        draft.write_text(json.dumps(manifest))
        draft.rename(self._file)
        return self

    def remove(self) -> None:
        self._file.unlink(missing_ok=True)

    def status(self) -> dict[str, Any]:
        """What the kubelet says; {} before it knows the pod and after it has forgotten it."""
        for item in json.loads(script("status"))["items"] or []:
            if item["metadata"]["name"] == f"{self.name}-{NAME}":
                found: dict[str, Any] = item["status"]
                return found
        return {}

    def container(self, name: str) -> dict[str, Any]:
        for one in self.status().get("containerStatuses", []):
            if one["name"] == name:
                found: dict[str, Any] = one
                return found
        return {}

    def until(
        self, container: str, holds: Callable[[dict[str, Any]], object], seconds: float = 60
    ) -> dict[str, Any]:
        """The status of a container once it is so."""

        def seen() -> dict[str, Any] | None:
            now = self.container(container)
            return now if now and holds(now) else None

        return eventually(seen, seconds, 0.5, message=f"{self.name}/{container}")

    def ready(self, *containers: str, seconds: float = 60) -> None:
        for one in containers:
            self.until(one, lambda now: now["ready"], seconds)

    def gone(self, seconds: float = 60) -> None:
        """Until the kubelet has ended and forgotten it."""
        eventually(lambda: not self.status(), seconds, 0.5, message=f"{self.name} is gone")

    def log(self, container: str) -> str:
        """Everything that the container's runs have written, without the kubelet's stamps."""
        lines = []
        for path in sorted(HOME.glob(f"log/pods/default_{self.name}-{NAME}_*/{container}/*.log")):
            lines += [line.split(" ", 3)[-1] for line in path.read_text(errors="replace").splitlines()]
        return "\n".join(lines)


def manifest(name: str, conf: Path, **spec: Any) -> dict[str, Any]:
    """A pod with one container, whose configuration is in `conf`, a folder; `spec` is the container's."""
    pod: dict[str, Any] = spec.pop("pod", {})
    container = {
        "name": "app",
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "volumeMounts": [
            {"name": "conf", "mountPath": "/etc/supervice/conf.d", "readOnly": True},
            *spec.pop("volumeMounts", []),
        ],
        **spec,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "hostNetwork": True,
            "terminationGracePeriodSeconds": 20,
            "containers": [container],
            "volumes": [{"name": "conf", "hostPath": {"path": str(conf)}}, *pod.pop("volumes", [])],
            **pod,
        },
    }
