"""Fixtures of the kubelet ring: a node, the image in its store, and pods."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.container.images import BASES, build_image, last_word
from tests.kubelet.node import HOME, IMAGE, Pod, script
from tests.paths import EXAMPLES, ROOT


@pytest.fixture(scope="session")
def node() -> Iterator[Callable[..., None]]:
    """The node is up; `node("IMAGE=NAME")` brings an image of the engine into its store."""
    if os.geteuid() != 0:
        pytest.skip("a kubelet needs root")
    script("down")
    script("up")
    os.environ.setdefault("IMAGE_BUILDER", BASES[0])
    last_word([str(ROOT / "docker/image.sh"), IMAGE, BASES[0], "--quiet"])
    script("import", IMAGE)

    def bring(*images: str) -> None:
        script("import", *images)

    yield bring
    script("down")


@pytest.fixture(scope="session")
def example(node: Callable[..., None]) -> Callable[[str], str]:
    """`example("kubernetes")`: the image of examples/kubernetes, in the node's store."""

    def build(name: str) -> str:
        tag = f"supervice-example-{name}:kubelet"
        build_image(EXAMPLES / name, tag, IMAGE)
        script("import", tag)
        return tag

    return build


@pytest.fixture
def pods(node: Callable[..., None]) -> Iterator[Callable[[str], Pod]]:
    """`pods("web")` is a pod of that name; it is gone after the test."""
    made: list[Pod] = []

    def pod(name: str) -> Pod:
        made.append(Pod(name))
        return made[-1]

    yield pod
    for one in made:
        one.remove()
    for one in made:
        one.gone(90)


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder for a hostPath volume, where the node sees it."""
    path = HOME / "volumes" / request.node.name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    path.chmod(0o777)
    yield path
    shutil.rmtree(path, ignore_errors=True)
