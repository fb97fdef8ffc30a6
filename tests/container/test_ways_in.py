"""Every Dockerfile that README.md and docs/how-to/install.md show is built, and what it makes runs."""

from __future__ import annotations

import functools
import gzip
import http.server
import io
import json
import re
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from supervice import __version__
from tests.container.helpers import Box, eventually
from tests.container.images import BASES, last_word
from tests.paths import ROOT
from tests.process.harness.bundle import ARCHITECTURE, bundle_folder
from tools.release import archives, bundles, distributions, oci, sbom

# The program of each way in; that of a stand-in for an image that cannot be had everywhere.
PHP = "php-fpm --nodaemonize"
NODE = "node server.js"
OWN = "/opt/supervice/lib/python -c 'import time; time.sleep(1000)'"
STAND_IN = """
FROM {base}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends curl >/dev/null
RUN rm -rf /usr/bin/*python* /usr/bin/pip* /usr/lib/python* /usr/local/bin/*py* /usr/local/lib/*py*
RUN for name in php-fpm node; do printf '#!/bin/sh\\nexec sleep 1000\\n' >/usr/local/bin/$name; chmod 755 /usr/local/bin/$name; done
"""
CONFIGURATION = "[supervice]\n[program:one]\ncommand = {}\nstartsecs = 0\n"


def dockerfiles(page: str) -> list[str]:
    return re.findall(r"^```Dockerfile\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S)


README = dockerfiles("README.md")
INSTALL = dockerfiles("docs/how-to/install.md")


@dataclass(frozen=True)
class Release:
    folder: Path
    image: str  # X.Y.Z-bundle
    checksum: str
    url: str


@pytest.fixture(scope="session")
def release(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """What a release has of this tree, loaded into the engine and served by HTTP."""
    bundle_folder()
    folder = tmp_path_factory.mktemp("release")
    source = tmp_path_factory.mktemp("source") / "supervice"
    source.mkdir()
    shutil.copytree(ROOT / "supervice", source / "supervice", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs/man", source / "docs/man")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    _, wheel = sorted(
        distributions.build(source, folder, 1_700_000_000), key=lambda path: path.suffix == ".whl"
    )
    wheels = sbom.facts()["wheels"]
    (folder / distributions.REQUIREMENTS).write_text(distributions.requirements(wheel, wheels))
    archive = bundles.build(ARCHITECTURE, folder)
    layout = oci.Layout(1_700_000_000, __version__, "c" * 40)
    oci.add_bundle(layout, {ARCHITECTURE: gzip.decompress(archive.read_bytes())})
    checksum = archives.sha256(archive.read_bytes())
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        yield Release(folder, loaded(oci.write(layout, folder)), checksum, url)
        server.shutdown()


def loaded(archive: Path) -> str:
    """The id of the one image of an OCI archive, which older engines load in a form of their own only."""
    files = {member.name: data for member, data in archives.entries_of(archive.read_bytes())}

    def blob(descriptor: dict[str, str]) -> bytes:
        return files["blobs/" + descriptor["digest"].replace(":", "/")]

    (index,) = json.loads(files["index.json"])["manifests"]
    (entry,) = json.loads(blob(index))["manifests"]
    manifest = json.loads(blob(entry))
    (layer,) = manifest["layers"]
    tag = "supervice:test-oci"
    content = {
        "manifest.json": json.dumps(
            [{"Config": "c.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]
        ).encode(),
        "c.json": blob(manifest["config"]),
        "layer.tar": gzip.decompress(blob(layer)),
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    subprocess.run(["docker", "load", "--quiet"], input=out.getvalue(), check=True, capture_output=True)
    return tag


@pytest.fixture(scope="session")
def stand_in(image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with programs called php-fpm and node, curl, and no Python."""
    context = tmp_path_factory.mktemp("stand-in")
    (context / "Dockerfile").write_text(STAND_IN.format(base=BASES[0]))
    return last_word(["docker", "build", "--quiet", str(context)])


@pytest.fixture
def works(
    image: str, release: Release, stand_in: str, run: Callable[..., Box], tmp_path: Path
) -> Callable[[str, str], None]:
    """`works(DOCKERFILE, COMMAND)`: builds it, runs COMMAND as its program, asks for its health, stops it."""

    def check(text: str, command: str) -> None:
        for name, here in (
            ("ghcr.io/supervice/supervice:X.Y.Z-bundle@sha256:DIGEST", release.image),
            ("https://github.com/supervice/supervice/releases/download/vX.Y.Z/", release.url),
            ("supervice-amd64", f"supervice-{ARCHITECTURE}"),
            ("CHECKSUM", release.checksum),
            ("supervice:dev", image),
            ("php:8.4-fpm", stand_in),
            ("node:24-slim", stand_in),
            ("python:3.13-slim", BASES[0]),
            ("# syntax=docker/dockerfile:1\n", ""),
            ("COPY supervice-requirements.txt ", "COPY dist/*.whl supervice-requirements.txt "),
        ):  # fmt: skip
            text = text.replace(name, here)
        (tmp_path / "Dockerfile").write_text(text)
        for name in ("supervice.conf", "my-programs.conf"):
            (tmp_path / name).write_text(CONFIGURATION.format(command))
        (tmp_path / "dist").mkdir()
        for wheel in release.folder.glob("*.whl"):
            shutil.copy(wheel, tmp_path / "dist")
        # Of that name and version the index may have another wheel.
        (wheel,) = (tmp_path / "dist").iterdir()
        pinned = (release.folder / distributions.REQUIREMENTS).read_text()
        pinned = pinned.replace(
            f"supervice=={__version__}", f"supervice @ file:///etc/supervice/{wheel.name}"
        )
        (tmp_path / distributions.REQUIREMENTS).write_text(pinned)
        # The classic builder leaves the container of a step that has failed.
        build = ["docker", "build", "--quiet", "--force-rm", "--network=host", str(tmp_path)]
        box = run(image=last_word(build))
        eventually(lambda: box.exec("supervicectl", "health").code == 0, 20)
        assert '"one"' in box.exec("supervicectl", "--json", "status", check=True).output
        assert box.stop() == 0

    return check


def test_a_way_in_is_five_lines_at_most() -> None:
    assert [text.count("\n") <= 5 for text in [*README, *INSTALL[:2]]] == [True] * 5


def test_on_the_image(works: Callable[[str, str], None]) -> None:
    works(README[0].replace("/etc/supervice/conf.d/", "/etc/supervice/supervice.conf"), OWN)


def test_copied_into_an_image_like_that_of_php(works: Callable[[str, str], None]) -> None:
    works(README[1], PHP)


def test_installed_by_pip(works: Callable[[str, str], None]) -> None:
    works(README[2], "sleep 1000")


def test_copied_into_an_image_like_that_of_node(works: Callable[[str, str], None]) -> None:
    works(INSTALL[0], NODE)


def test_copied_into_nothing(works: Callable[[str, str], None]) -> None:
    works(INSTALL[1], OWN)


def test_copied_from_the_image_of_a_release_by_digest(works: Callable[[str, str], None]) -> None:
    assert "@sha256:DIGEST" in INSTALL[2]
    works(INSTALL[2], PHP)


@pytest.mark.may_skip("the classic builder has no ADD --unpack")
def test_added_with_its_checksum(works: Callable[[str, str], None]) -> None:
    assert "--checksum=sha256:CHECKSUM" in INSTALL[3]
    if subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("takes BuildKit")
    works(INSTALL[3], PHP)


def test_fetched_and_checked(works: Callable[[str, str], None]) -> None:
    assert "sha256sum -c" in INSTALL[4]
    works(INSTALL[4], PHP)


def test_another_file_is_refused(works: Callable[[str, str], None]) -> None:
    """Or the check would be one in name."""
    with pytest.raises(pytest.fail.Exception, match=r"did NOT match|FAILED"):
        works(INSTALL[4].replace("CHECKSUM", "0" * 64), PHP)


def test_installed_by_pip_with_hashes(works: Callable[[str, str], None]) -> None:
    assert "--require-hashes" in INSTALL[5]
    works(INSTALL[5], "sleep 1000")
