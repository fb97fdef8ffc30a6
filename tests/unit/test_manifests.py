"""The Kubernetes manifests of the examples against Kubernetes' own schemas, offline."""

from __future__ import annotations

import copy
import importlib
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from supervice.config import load
from tests.paths import EXAMPLES, ROOT

MANIFESTS = sorted(EXAMPLES.glob("**/*.yaml"))
VERSIONS = ("1.27", "1.29", "1.31")
SIDECAR = EXAMPLES / "sidecar"
KUBERNETES = EXAMPLES / "kubernetes"


@pytest.fixture(scope="module")
def kubernetes() -> Any:
    """The validator, which makes tables of grammars for seconds: every worker would when it collects."""
    return importlib.import_module("kubernetes_validate")


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def sidecar(pod: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in pod["spec"]["containers"] if one["name"] == "sidecar")


def test_there_are_manifests() -> None:
    assert [path.name for path in MANIFESTS] == ["deployment.yaml", "pod-shared-pid.yaml", "pod.yaml"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_manifest_is_what_kubernetes_wants(kubernetes: Any, path: Path, version: str) -> None:
    for document in documents(path):
        assert kubernetes.validate(document, version, strict=True) == version


@pytest.mark.parametrize("version", VERSIONS)
def test_the_schemas_notice_a_mistake(kubernetes: Any, version: str) -> None:
    (pod,) = documents(SIDECAR / "pod.yaml")
    misspelt, wrong = copy.deepcopy(pod), copy.deepcopy(pod)
    sidecar(misspelt)["livenesProbe"] = sidecar(misspelt).pop("livenessProbe")
    sidecar(wrong)["livenessProbe"]["exec"]["command"] = "supervicectl health"
    for broken in (misspelt, wrong):
        with pytest.raises(kubernetes.ValidationError):
            kubernetes.validate(broken, version, strict=True)


@pytest.mark.parametrize(("version", "knows"), [("1.27", False), ("1.29", True), ("1.31", True)])
def test_the_sidecar_of_the_documentation_is_what_kubernetes_wants(
    kubernetes: Any, version: str, knows: bool
) -> None:
    """Native sidecars are newer than the kubelet that `make kubelet` runs (1.20)."""
    page = (ROOT / "docs/how-to/kubernetes.md").read_text()
    (text,) = (block for block in re.findall(r"```yaml\n(.*?)```", page, re.S) if "initContainers" in block)
    (pod,) = documents(SIDECAR / "pod.yaml")
    pod["spec"].update(yaml.safe_load(text))
    if knows:
        assert kubernetes.validate(pod, version, strict=True) == version
    else:
        with pytest.raises(kubernetes.ValidationError, match="restartPolicy"):
            kubernetes.validate(pod, version, strict=True)


def test_the_shared_variant_differs_in_nothing_else() -> None:
    (plain,), (shared,) = documents(SIDECAR / "pod.yaml"), documents(SIDECAR / "pod-shared-pid.yaml")
    assert shared["spec"].pop("shareProcessNamespace") is True
    assert sidecar(shared).pop("args") == ["-c", "/etc/supervice/shared-pid.conf"]
    assert shared == plain


@pytest.mark.parametrize("path", sorted(SIDECAR.glob("*.yaml")), ids=lambda path: path.name)
def test_a_manifest_agrees_with_itself_and_with_us(path: Path) -> None:
    (pod,) = documents(path)
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    for container in pod["spec"]["containers"]:
        assert {mount["name"] for mount in container.get("volumeMounts", ())} <= volumes
    # The kubelet must not lose patience before supervice does; 30 s is its default.
    assert pod["spec"]["terminationGracePeriodSeconds"] > 30
    for probe in ("livenessProbe", "readinessProbe"):
        assert sidecar(pod)[probe]["exec"]["command"][0] == "supervicectl"


def test_the_probes_are_asked_where_they_are_answered_and_the_grace_period_is_enough() -> None:
    deployment, service = documents(KUBERNETES / "deployment.yaml")
    pod = deployment["spec"]["template"]
    (app,) = pod["spec"]["containers"]
    loaded = load(str(KUBERNETES / "supervice.conf"), environ={"PATH": os.defpath})
    assert loaded.problems == []
    ports = {port["name"]: port["containerPort"] for port in app["ports"]}
    assert loaded.config.http == f":{ports['probes']}"
    for probe, path in (("startup", "/startupz"), ("liveness", "/livez"), ("readiness", "/readyz")):
        assert app[f"{probe}Probe"]["httpGet"] == {"path": path, "port": "probes"}
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(ports["probes"])
    need = loaded.config.drain_delay + loaded.config.shutdown_timeout
    assert pod["spec"]["terminationGracePeriodSeconds"] > need
    # Endpoints learn of it before the programs are stopped.
    readiness = app["readinessProbe"]
    assert readiness["periodSeconds"] * readiness["failureThreshold"] < loaded.config.drain_delay
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert service["spec"]["ports"][0]["targetPort"] in ports
