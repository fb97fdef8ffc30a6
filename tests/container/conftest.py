"""Fixtures of the container ring: an engine, images built from the Dockerfile, and containers.

`make container` brings the engine and the base images (docker/with-engine.sh) and says in
SUPERVICE_TEST_REQUIRE_ENGINE whether they have to be there; by hand the ring uses whatever engine
answers and is skipped without one.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from testcontainers.core.docker_client import DockerClient

import docker
from tests.container.helpers import Box
from tests.container.images import BASES, CONFIG, KIND, LABEL, SESSION, build_image, last_word, once, tag_of
from tests.paths import ROOT

REQUIRED = os.environ.get("SUPERVICE_TEST_REQUIRE_ENGINE") == "1"

_boxes = pytest.StashKey[list[Box]]()

Files = Mapping[str, str | bytes | Path]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "may_skip(reason): this container test may be skipped although an engine is required"
    )
    config.addinivalue_line(
        "markers", "long: with the bundle this container test runs on one base image only"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `base` runs once on each base image that is to be tested.

    One that is marked `long` does so where supervice runs on the Python of the base. The bundle brings its own.
    """
    if "base" in metafunc.fixturenames:
        long = KIND == "bundle" and metafunc.definition.get_closest_marker("long")
        bases = BASES[:1] if long else BASES
        metafunc.parametrize("base", bases, ids=[base.rpartition(":")[2] for base in bases], scope="session")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for box in item.stash.get(_boxes, []):
            report.sections.append((f"container {box.container.name}", _last_words(box)))
    elif (
        report.skipped
        and REQUIRED
        and not hasattr(report, "wasxfail")
        and not item.get_closest_marker("may_skip")
    ):
        # A ring that skips itself is green and proves nothing.
        report.outcome = "failed"
        report.longrepr = (
            f"skipped, although an engine is required here: {call.excinfo and call.excinfo.value}"
        )
    return report


def _last_words(box: Box) -> str:
    try:
        box.container.reload()
        state = box.container.attrs["State"]
        return (
            f"state {state['Status']}, exit code {state['ExitCode']} {state['Error']}\n{box.logs(tail=200)}"
        )
    except Exception as error:  # a report about a failure must not become another failure
        return f"no log: {error}"


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The docker SDK's client, connected to the engine that testcontainers uses."""
    # Asked with the client, which the builds need anyway: the SDK leaks its socket when there is no answer.
    try:
        asked = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        trouble = asked.stderr.strip() if asked.returncode != 0 else ""
    except OSError as error:
        trouble = str(error)
    if trouble and REQUIRED:
        pytest.fail(f"an engine is required and none answers: {trouble}", pytrace=False)
    if trouble:
        pytest.skip("no container engine answers")
    client = DockerClient().client
    client.api.trust_env = False  # or each request looks for a proxy in 50 variables
    yield client
    # What a test leaves when it is interrupted between create and teardown.
    for container in client.containers.list(all=True, filters={"label": f"{LABEL}={SESSION}"}):
        _remove(container)
    client.close()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def image_for(engine: docker.DockerClient, shared: Path) -> Callable[[str], str]:
    """`image_for(base)`: the id of the image that the Dockerfile makes on `base`, built once for all workers."""
    return _builder(KIND, shared)


@pytest.fixture(scope="session")
def pip_image_for(engine: docker.DockerClient, shared: Path) -> Callable[[str], str]:
    """The same of a virtual environment: for what takes a Python with `supervice` in it."""
    return _builder("pip", shared)


@pytest.fixture(scope="session")
def image(image_for: Callable[[str], str]) -> str:
    """The image on the default base (the first of SUPERVICE_TEST_BASES)."""
    return image_for(BASES[0])


@pytest.fixture(scope="session")
def build_example(image: str) -> Callable[[str], str]:
    """`build_example("web-stack")`: the id of the image of examples/web-stack."""
    built: dict[str, str] = {}

    def build(name: str) -> str:
        if name not in built:
            built[name] = build_image(ROOT / "examples" / name, f"supervice-example-{name}:test", image)
        return built[name]

    return build


def _builder(kind: str, shared: Path) -> Callable[[str], str]:
    def build(base: str) -> str:
        tag = f"supervice:test-{kind}-{tag_of(base)}"
        options = ["--pip"] if kind == "pip" else []
        # Unpacks the bundle where the base cannot.
        os.environ.setdefault("IMAGE_BUILDER", BASES[0])
        command = [str(ROOT / "docker/image.sh"), *options, tag, base, "--quiet"]
        return once(shared / f"image-{kind}-{tag_of(base)}", lambda: last_word(command))

    return build


@pytest.fixture
def run(
    engine: docker.DockerClient, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., Box]]:
    """`run(COMMAND, config=TEXT, ...)` starts a container and returns its `Box`.

    config     text of /etc/supervice/supervice.conf; omitted, the image's own is used
    files      {path in the container: text, bytes or Path}, put there before the start
    image      default: the `image` fixture
    wait       names of processes to wait for, True for every one of the configuration
    tmpfs      {path: mount options}
    volumes    {name of a volume or path here: path in the container}, writable
    Everything else goes to the docker SDK's `containers.create`. Without `ports` or `network` the
    container has a loopback only, which halves the time it takes to start.
    """
    started: list[Container] = []
    boxes = request.node.stash.setdefault(_boxes, [])

    def start(
        command: str | list[str] | None = None,
        *,
        config: str | None = None,
        files: Files | None = None,
        image: str | None = None,
        wait: bool | list[str] = False,
        timeout: float = 20.0,
        environment: dict[str, str] | None = None,
        ports: dict[str, int | None] | None = None,
        labels: dict[str, str] | None = None,
        tmpfs: dict[str, str] | None = None,
        volumes: dict[str, str] | None = None,
        **options: Any,
    ) -> Box:
        content: dict[str, str | bytes | Path] = dict(files or {})
        if config is not None:
            content[CONFIG] = config
        if not ports and "network_mode" not in options:
            options.setdefault("network", "none")
        mounts = {source: {"bind": path, "mode": "rw"} for source, path in (volumes or {}).items()}
        if options.get("read_only"):  # the engine refuses to copy into a read-only root
            for number, (path, data) in enumerate(content.items()):
                file = _on_disk(data, tmp_path / f"mounted-{len(started)}-{number}")
                mounts[str(file)] = {"bind": path, "mode": "ro"}
            content.clear()
        made = engine.containers.create(
            image or request.getfixturevalue("image"),
            command,
            environment=environment,
            ports=ports,
            labels={LABEL: SESSION, **(labels or {})},
            tmpfs=tmpfs,
            volumes=mounts,
            **options,
        )
        started.append(made)
        if content:
            made.put_archive("/", _archive(content))
        made.start()
        box = Box(made)
        boxes.append(box)
        if wait:
            box.wait_state(*(wait if isinstance(wait, list) else ()), timeout=timeout)
        return box

    yield start
    for made in started:
        _remove(made)


def _archive(content: Files) -> bytes:
    """One for all files, as the engine executes itself anew for each archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, data in content.items():
            written = data.read_bytes() if isinstance(data, Path) else _encoded(data)
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(written), 0o755
            archive.addfile(entry, io.BytesIO(written))
    return packed.getvalue()


def _encoded(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _on_disk(data: str | bytes | Path, path: Path) -> Path:
    if isinstance(data, Path):
        return data
    path.write_bytes(_encoded(data))
    path.chmod(0o755)
    return path


def _remove(container: Container) -> None:
    try:
        container.remove(force=True, v=True)
    except NotFound:
        pass
    except APIError as error:
        if error.status_code != 409:  # "removal is already in progress"
            raise
