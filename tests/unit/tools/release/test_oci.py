"""The OCI archive is a layout as its specification has it, whole and the same each time."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from typing import Any

import pytest

from tools.release import archives, oci


def tree(architecture: str) -> bytes:
    member = tarfile.TarInfo("opt/supervice/bin/supervice")
    data = architecture.encode()
    member.size, member.mode = len(data), 0o755
    return archives.normal_tar([(member, data)], 7)


def saved(architecture: str, compressed: bool = False) -> bytes:
    """What `docker save` says of a base with one layer."""
    layer = archives.normal_tar([], 1)
    config = {
        "architecture": architecture,
        "config": {"Env": ["PATH=/bin"], "Cmd": ["bash"], "Labels": {"a": "b"}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{archives.sha256(layer)}"]},
        "history": [{"created_by": "base"}],
    }
    files = {
        "manifest.json": json.dumps([{"Config": "c.json", "Layers": ["l/layer.tar"]}]).encode(),
        "c.json": json.dumps(config).encode(),
        "l/layer.tar": gzip.compress(layer) if compressed else layer,
    }
    entries = []
    for name, data in files.items():
        member = tarfile.TarInfo(name)
        member.size = len(data)
        entries.append((member, data))
    return archives.normal_tar(entries, 1)


def made(compressed: bool = False) -> bytes:
    layout = oci.Layout(1_700_000_000, "1.2.3", "c" * 40)
    trees = {name: tree(name) for name in ("amd64", "arm64")}
    oci.add_bundle(layout, trees)
    oci.add_image(
        layout, trees, {name: oci.base_of(saved(name, compressed)) for name in trees}, b"[supervice]\n"
    )
    return layout.archive()


@pytest.fixture
def files() -> dict[str, bytes]:
    return {member.name: data for member, data in archives.entries_of(made())}


def blob(files: dict[str, bytes], descriptor: dict[str, Any]) -> bytes:
    data = files["blobs/" + descriptor["digest"].replace(":", "/")]
    assert len(data) == descriptor["size"]
    assert hashlib.sha256(data).hexdigest() == descriptor["digest"].partition(":")[2]
    return data


def images(files: dict[str, bytes], reference: str) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """(manifest, configuration) by architecture."""
    top = json.loads(files["index.json"])
    (entry,) = (one for one in top["manifests"] if one["annotations"][oci.REFERENCE] == reference)
    found = {}
    for one in json.loads(blob(files, entry))["manifests"]:
        manifest = json.loads(blob(files, one))
        config = json.loads(blob(files, manifest["config"]))
        assert one["platform"] == {"architecture": config["architecture"], "os": config["os"]}
        found[one["platform"]["architecture"]] = manifest, config
    return found


def members(files: dict[str, bytes], manifest: dict[str, Any]) -> dict[str, tarfile.TarInfo]:
    return {m.name: m for m, _ in archives.entries_of(blob(files, manifest["layers"][-1]))}


def test_it_has_both_images_for_both_architectures(files: dict[str, bytes]) -> None:
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    assert set(oci.images_in(made())) == {"1.2.3", "1.2.3-bundle"}
    for reference in ("1.2.3", "1.2.3-bundle"):
        assert set(images(files, reference)) == {"amd64", "arm64"}


def test_the_layers_are_those_that_the_configuration_names(files: dict[str, bytes]) -> None:
    for reference in ("1.2.3", "1.2.3-bundle"):
        for manifest, config in images(files, reference).values():
            unpacked = [gzip.decompress(blob(files, layer)) for layer in manifest["layers"]]
            digests = [f"sha256:{archives.sha256(data)}" for data in unpacked]
            assert config["rootfs"]["diff_ids"] == digests


def test_the_bundle_is_the_folder_and_nothing_else(files: dict[str, bytes]) -> None:
    manifest, config = images(files, "1.2.3-bundle")["arm64"]
    assert set(members(files, manifest)) == {"opt/supervice/bin/supervice"}
    assert config["config"]["Entrypoint"] == ["/opt/supervice/bin/supervice"]


def test_the_image_is_what_the_dockerfile_makes(files: dict[str, bytes]) -> None:
    manifest, config = images(files, "1.2.3")["amd64"]
    assert len(manifest["layers"]) == 2
    found = members(files, manifest)
    assert found["usr/local/bin/supervice"].linkname == "/opt/supervice/bin/supervice"
    assert found["etc/supervice/conf.d"].isdir()
    # A directory entry would replace the link that it may be in the base.
    assert not {"usr", "usr/local", "usr/local/bin", "etc", "opt"} & set(found)
    settings = config["config"]
    assert (settings["Entrypoint"], settings["Cmd"], settings["Env"]) == (["supervice"], None, ["PATH=/bin"])
    assert settings["Labels"]["org.opencontainers.image.version"] == "1.2.3"
    assert settings["Labels"]["a"] == "b"
    assert settings["Healthcheck"]["Test"] == ["CMD", "supervicectl", "health"]


def test_the_same_twice_and_from_either_kind_of_saved_base() -> None:
    assert made() == made() == made(compressed=True)


def test_all_times_are_those_of_the_commit() -> None:
    with tarfile.open(fileobj=io.BytesIO(made())) as tar:
        assert {member.mtime for member in tar} == {1_700_000_000}
