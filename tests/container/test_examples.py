"""Each example is built and does what its README says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.container.helpers import Box, eventually

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FETCH = "import sys, urllib.request as r; sys.stdout.write(r.urlopen(sys.argv[1], timeout=5).read().decode())"


def fetch(box: Box, url: str) -> str:
    """The body of a page, asked for inside the container."""
    return box.exec("python3", "-c", FETCH, url, check=True).output


def checked(box: Box) -> None:
    """`supervice check` has nothing to say about the configuration of the image."""
    assert box.exec("supervice", "check", check=True).output.count("warning") == 0


def test_minimal(run: Callable[..., Box], build_example: Callable[[str], str]) -> None:
    box = run(image=build_example("minimal"), wait=["web", "clock"])
    checked(box)
    page = eventually(lambda: re.search(r"\d\d:\d\d:\d\d", fetch(box, "http://127.0.0.1:8000/")))
    assert page
    eventually(lambda: page[0] not in fetch(box, "http://127.0.0.1:8000/"), message="the clock goes on")
    assert box.stop() == 0


def test_web_stack(run: Callable[..., Box], build_example: Callable[[str], str]) -> None:
    box = run(image=build_example("web-stack"), wait=["redis", "web:00", "web:01", "nginx"])
    checked(box)
    box.wait_state("setup", state="EXITED")
    assert box.status()["setup"]["exitcode"] == 0

    def visit() -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(fetch(box, "http://127.0.0.1/"))
        return answer

    first = eventually(visit)
    assert first["greeting"] == "hello"
    assert visit()["visits"] == first["visits"] + 1

    # The master of a web server is killed: its workers are stopped with it, and there is a new one.
    old = box.pid("web:00")
    box.ctl("signal", "KILL", "web:00")
    eventually(lambda: box.state("web:00") == "RUNNING" and box.pid("web:00") != old)
    eventually(lambda: visit()["visits"] > first["visits"] + 1)
    assert box.ctl("restart", "web:*").output == "Restarted web:00\nRestarted web:01\n"
    visit()
    eventually(lambda: box.status()["nginx"]["healthy"] and box.status()["redis"]["healthy"])
    assert box.ctl("health").code == 0
    assert box.zombies() == []
    assert box.stop(timeout=20) == 0
    log = box.logs()
    stopped = re.findall(r"([\w:]+): stopped", log.partition("shutting down")[2])
    assert (stopped[0], set(stopped[1:-1]), stopped[-1]) == ("nginx", {"web:00", "web:01"}, "redis")
    assert "SIGKILL" not in log.partition("shutting down")[2]


def test_healthchecks(run: Callable[..., Box], build_example: Callable[[str], str]) -> None:
    box = run(image=build_example("healthchecks"))
    eventually(lambda: all(p["healthy"] for p in box.wait_state("server", "worker").values()), 20)
    checked(box)
    before = box.status()
    box.ctl("signal", "USR1", "server")
    box.ctl("signal", "STOP", "worker")
    log = box.wait_log("server: 2 health checks failed in a row: cannot connect to 127.0.0.1:8000")
    log = box.wait_log("worker: 2 health checks failed in a row")
    assert re.search(r"worker: .*no sign of life for \d s; state UNHEALTHY", log)

    def well() -> bool:
        now = box.status()
        return all(now[n]["healthy"] and now[n]["pid"] not in (None, before[n]["pid"]) for n in now)

    eventually(well, 30, 0.1, "both were replaced and are well")
    assert box.ctl("health").code == 0
    assert box.stop() == 0


# Asks on this machine, for each pair of a port and a path; says the status.
PROBE = """\
import http.client, sys
for port, path in zip(sys.argv[1::2], sys.argv[2::2]):
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
    connection.request("GET", path)
    print(connection.getresponse().status)
"""


def test_kubernetes(run: Callable[..., Box], build_example: Callable[[str], str]) -> None:
    """The probes of the manifest against a container with its rights, from the first second to the last."""
    deployment, _ = yaml.safe_load_all((EXAMPLES / "kubernetes" / "deployment.yaml").read_text())
    pod = deployment["spec"]["template"]["spec"]
    (app,) = pod["containers"]
    identity = pod["securityContext"]
    ports = {port["name"]: port["containerPort"] for port in app["ports"]}
    box = run(
        image=build_example("kubernetes"),
        user=f"{identity['runAsUser']}:{identity['runAsGroup']}",
        read_only=app["securityContext"]["readOnlyRootFilesystem"],
        cap_drop=app["securityContext"]["capabilities"]["drop"],
        security_opt=["no-new-privileges"],
        tmpfs={mount["mountPath"]: "mode=1777" for mount in app["volumeMounts"]},
    )

    def probes(*kinds: str) -> list[int]:
        """By one command, as what they see lasts a second at the start, and five at the end."""
        gets = [app[f"{kind}Probe"]["httpGet"] for kind in kinds]
        asked = [word for get in gets for word in (str(ports[get["port"]]), get["path"])]
        # The engine loses an answer now and then.
        said = eventually(lambda: box.exec("python3", "-c", PROBE, *asked, check=True).output)
        return [int(status) for status in said.split()]

    kinds = ("startup", "liveness", "readiness")
    assert eventually(lambda: probes(*kinds)) == [503, 200, 503]
    eventually(lambda: probes("startup") == [200])
    assert probes(*kinds) == [200, 200, 200]
    checked(box)
    url = f"http://127.0.0.1:{ports['http']}/"
    assert "prepared" in fetch(box, url)
    assert "supervice_ready 1\n" in fetch(box, f"http://127.0.0.1:{ports['probes']}/metrics")
    box.container.reload()
    assert box.container.image is not None
    check = box.container.image.attrs["Config"]["Healthcheck"]["Test"]
    assert check[0] == "CMD"
    assert box.exec(*check[1:]).code == 0
    assert box.exec("supervicectl", "health", "--live").code == 0

    box.kill("TERM")
    eventually(lambda: probes("readiness", "liveness") == [503, 200])
    assert "prepared" in fetch(box, url)  # a request that was on its way
    assert box.exec(*check[1:]).code == 1
    assert box.wait(timeout=pod["terminationGracePeriodSeconds"]) == 0
    assert "programs are stopped in 5 s (drain_delay)" in box.logs()


def test_embedding(run: Callable[..., Box], pip_image_for: Callable[[str], str], base: str) -> None:
    box = run(
        ["-W", "error", "/srv/embedding.py"],
        entrypoint="/opt/supervice/bin/python",
        image=pip_image_for(base),
        files={"/srv/embedding.py": EXAMPLES / "embedding.py"},
        init=True,
    )
    assert box.wait() == 0, box.logs()
    log = box.logs()
    assert log.count("web is running") == 2
    assert "web ended: killed by SIGKILL" in log
    assert "all stopped, exit code 0" in log
    assert "our own child ended with 42" in log
    assert (
        "helper went STOPPED -> STARTING, STARTING -> RUNNING, RUNNING -> STOPPING, STOPPING -> STOPPED"
        in log
    )


class Pod:
    """The containers of a manifest with Docker alone: an init holds the namespaces, the others share them."""

    def __init__(self, path: Path, run: Callable[..., Box], images: dict[str, str], directory: Path) -> None:
        (pod,) = (document for document in yaml.safe_load_all(path.read_text()) if document)
        self.spec = pod["spec"]
        self.grace: int = self.spec["terminationGracePeriodSeconds"]
        holder = run(
            ["infinity"], entrypoint="sleep", image=images["sidecar"], init=True, ipc_mode="shareable"
        )
        shared = f"container:{holder.id}"
        self.volumes: dict[str, dict[str, Any]] = {v["name"]: v["emptyDir"] for v in self.spec["volumes"]}
        for name in self.volumes:
            (directory / name).mkdir()
            (directory / name).chmod(0o777)  # as an emptyDir is
        self.boxes = {}
        for container in self.spec["containers"]:
            options = self.options(container, directory)
            if self.spec.get("shareProcessNamespace"):
                options["pid_mode"] = shared
            self.boxes[container["name"]] = run(
                container.get("args"),
                entrypoint=container.get("command"),
                image=images[container["name"]],
                network_mode=shared,
                ipc_mode=shared,
                **options,
            )

    def options(self, container: dict[str, Any], directory: Path) -> dict[str, Any]:
        """What the manifest says about a container, in Docker's words."""
        rights = container["securityContext"]
        assert rights["allowPrivilegeEscalation"] is False
        tmpfs, volumes = {}, {}
        for mount in container["volumeMounts"]:
            if self.volumes[mount["name"]].get("medium") == "Memory":
                tmpfs[mount["mountPath"]] = "mode=1777"
            else:
                volumes[str(directory / mount["name"])] = mount["mountPath"]
        identity = self.spec["securityContext"]
        return {
            "user": f"{identity['runAsUser']}:{identity['runAsGroup']}",
            "read_only": rights["readOnlyRootFilesystem"],
            "cap_drop": rights["capabilities"]["drop"],
            "security_opt": ["no-new-privileges"],
            "tmpfs": tmpfs,
            "volumes": volumes,
        }

    def probe(self, name: str, kind: str) -> int:
        """The exit code of a probe of a container."""
        container = next(one for one in self.spec["containers"] if one["name"] == name)
        return self.boxes[name].exec(*container[kind]["exec"]["command"]).code


@pytest.fixture(params=["pod.yaml", "pod-shared-pid.yaml"])
def pod(
    request: pytest.FixtureRequest,
    run: Callable[..., Box],
    build_example: Callable[[str], str],
    image: str,
    tmp_path: Path,
) -> Pod:
    # The application's own image would be python:3.13-slim, which the image under test is made of.
    images = {"app": image, "sidecar": build_example("sidecar")}
    return Pod(EXAMPLES / "sidecar" / request.param, run, images, tmp_path)


def test_sidecar(pod: Pod) -> None:
    app, sidecar = pod.boxes["app"], pod.boxes["sidecar"]
    shared = bool(pod.spec.get("shareProcessNamespace"))
    names = ["content", "canary", *(["observer"] if shared else [])]
    before = sidecar.wait_state(*names)
    assert sorted(before) == sorted(names)
    assert (sidecar.ctl("pid").output == "1\n") is not shared
    sidecar.wait_log("canary: http://127.0.0.1:8080/: 200 OK")
    assert "Written by the sidecar" in fetch(app, "http://127.0.0.1:8080/")
    if shared:
        sidecar.wait_log("observer: http.server runs as ")
    assert pod.probe("sidecar", "livenessProbe") == 0
    assert pod.probe("sidecar", "readinessProbe") == 0

    sidecar.ctl("stop", "content")
    assert pod.probe("sidecar", "readinessProbe") == 1
    assert pod.probe("sidecar", "livenessProbe") == 0
    assert sidecar.ctl("status", "content", check=False).code == 3
    sidecar.ctl("start", "content")
    assert pod.probe("sidecar", "readinessProbe") == 0
    sidecar.exec("sh", "-c", f"kill -KILL {sidecar.pid('canary')}", check=True)
    eventually(lambda: sidecar.pid("canary") != before["canary"]["pid"])
    sidecar.wait_state("canary")
    assert sidecar.zombies() == []

    # The sidecar ends in order, and with it nothing of the application.
    assert sidecar.stop(timeout=pod.grace) == 0
    log = sidecar.logs()
    assert "left behind" not in log
    assert app.alive()
    assert "Written by the sidecar" in fetch(app, "http://127.0.0.1:8080/")


def test_observability(run: Callable[..., Box], build_example: Callable[[str], str]) -> None:
    """The page asks for the password that no program sees; metrics have what each program uses."""
    variables = {"SUPERVICE_HTTP_USER": "ops", "SUPERVICE_HTTP_PASSWORD": "change-me"}
    box = run(image=build_example("observability"), environment=variables, wait=["shop", "mailer"])
    checked(box)
    for path, code in (("/", 401), ("/api/v1/status", 401), ("/metrics", 200), ("/readyz", 200)):
        assert status_of(box, path) == code, path
    assert status_of(box, "/", "Basic b3BzOmNoYW5nZS1tZQ==") == 200
    assert status_of(box, "/page.js", "Basic b3BzOmNoYW5nZS1tZQ==") == 200
    told = box.exec("sh", "-c", f"tr '\\0' '\\n' </proc/{box.pid('shop')}/environ", check=True).output
    assert "SUPERVICE_HTTP_USER=ops" in told
    assert "change-me" not in told
    metrics = fetch(box, "http://127.0.0.1:9090/metrics")
    assert re.search(r'^supervice_process_memory_bytes\{name="shop"[^}]*\} \d', metrics, re.M)
    assert box.stop() == 0


def status_of(box: Box, path: str, password: str = "") -> int:
    """What the page answers inside the container."""
    code = (
        "import http.client as h, sys; c = h.HTTPConnection('127.0.0.1', 9090, timeout=5);"
        " c.request('GET', sys.argv[1], headers={'Authorization': sys.argv[2]}); print(c.getresponse().status)"
    )
    return int(box.exec("python3", "-c", code, path, password, check=True).output)
