"""`supervice-oci.tar`: the images of both architectures as one OCI layout, made without an engine.

`X.Y.Z-bundle` is the bundle's folder on nothing, to be copied from. `X.Y.Z` is the image of the Dockerfile:
the folder, the default configuration and two links, as one layer on the base image of each architecture.
"""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.release.archives import compress, entries_of, normal_tar, sha256

NAME = "supervice-oci.tar"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
REFERENCE = "org.opencontainers.image.ref.name"
PROGRAMS = ("supervice", "supervicectl")
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DESCRIPTION = "The PID 1 for containers that need more than one process"
NANOSECONDS = 10**9


@dataclass(frozen=True)
class Base:
    """An image to build on, of one architecture: its configuration and its layers as tar archives."""

    config: dict[str, Any]
    layers: list[bytes]


@dataclass
class Layout:
    """An OCI layout in the making."""

    epoch: int
    version: str
    commit: str
    blobs: dict[str, bytes] = field(default_factory=dict)
    images: list[dict[str, Any]] = field(default_factory=list)

    @property
    def time(self) -> str:
        return datetime.fromtimestamp(self.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def put(self, media_type: str, data: bytes) -> dict[str, Any]:
        """The descriptor of `data`, which is kept."""
        digest = sha256(data)
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def labels(self) -> dict[str, str]:
        return {
            "org.opencontainers.image.title": "supervice",
            "org.opencontainers.image.description": DESCRIPTION,
            "org.opencontainers.image.licenses": "Apache-2.0",
            "org.opencontainers.image.source": "https://github.com/supervice/supervice",
            "org.opencontainers.image.version": self.version,
            "org.opencontainers.image.revision": self.commit,
            "org.opencontainers.image.created": self.time,
        }

    def image(
        self, architecture: str, layer: bytes, settings: dict[str, Any], base: Base | None
    ) -> dict[str, Any]:
        """The descriptor of the image that has `layer` on top of `base`."""
        old = base.config if base else {}
        layers = [*(base.layers if base else ()), layer]
        config = {
            "created": self.time,
            "architecture": architecture,
            "os": "linux",
            "config": {**old.get("config", {}), **settings},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(one)}" for one in layers]},
            "history": [*old.get("history", ()), {"created": self.time, "created_by": "make release"}],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.put(CONFIG, _json(config)),
            "layers": [self.put(LAYER, compress(one)) for one in layers],
            "annotations": self.labels(),
        }
        return {
            **self.put(MANIFEST, _json(manifest)),
            "platform": {"architecture": architecture, "os": "linux"},
        }

    def add(self, reference: str, images: list[dict[str, Any]]) -> None:
        """One index of the images of all architectures under a name."""
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": images, "annotations": self.labels()}
        self.images.append({**self.put(INDEX, _json(index)), "annotations": {REFERENCE: reference}})

    def archive(self) -> bytes:
        top = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self.images}
        files = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(top)}
        files |= {f"blobs/sha256/{digest}": data for digest, data in self.blobs.items()}
        return normal_tar(((_file(name, len(data)), data) for name, data in files.items()), self.epoch)


def add_bundle(layout: Layout, trees: dict[str, bytes]) -> None:
    """`X.Y.Z-bundle` of the bundle's tar archive of each architecture."""
    settings = {"Entrypoint": ["/opt/supervice/bin/supervice"], "Env": [PATH], "Labels": layout.labels()}
    images = [layout.image(name, tree, settings, None) for name, tree in trees.items()]
    layout.add(f"{layout.version}-bundle", images)


def add_image(layout: Layout, trees: dict[str, bytes], bases: dict[str, Base], configuration: bytes) -> None:
    """`X.Y.Z`: what the Dockerfile makes, on a base for each architecture."""
    images = []
    for name, tree in trees.items():
        old = bases[name].config.get("config", {})
        settings = {
            "Entrypoint": ["supervice"],
            "Cmd": None,
            "Env": old.get("Env") or [PATH],
            "Labels": {**(old.get("Labels") or {}), **layout.labels()},
            "Healthcheck": {
                "Test": ["CMD", "supervicectl", "health"],
                "Interval": 30 * NANOSECONDS,
                "Timeout": 5 * NANOSECONDS,
            },
        }
        images.append(
            layout.image(name, layer_of_image(tree, configuration, layout.epoch), settings, bases[name])
        )
    layout.add(layout.version, images)


def layer_of_image(tree: bytes, configuration: bytes, epoch: int) -> bytes:
    """The folder, the configuration, links; no entry for a directory of the base: it may be a link there."""
    entries = entries_of(tree)
    entries.append((_file("etc/supervice/supervice.conf", len(configuration)), configuration))
    folder = tarfile.TarInfo("etc/supervice/conf.d")
    folder.type = tarfile.DIRTYPE
    entries.append((folder, b""))
    for program in PROGRAMS:
        link = tarfile.TarInfo(f"usr/local/bin/{program}")
        link.type, link.linkname = tarfile.SYMTYPE, f"/opt/supervice/bin/{program}"
        entries.append((link, b""))
    return normal_tar(entries, epoch)


def base_of(saved: bytes) -> Base:
    """The image in what `docker save` wrote, whatever its version."""
    files = {member.name: data for member, data in entries_of(saved)}
    (entry,) = json.loads(files["manifest.json"])
    layers = [_uncompressed(files[name]) for name in entry["Layers"]]
    return Base(json.loads(files[entry["Config"]]), layers)


def _uncompressed(data: bytes) -> bytes:
    import gzip

    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def _file(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    return member


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def write(layout: Layout, folder: Path) -> Path:
    (folder / NAME).write_bytes(layout.archive())
    return folder / NAME


def images_in(archive: bytes) -> dict[str, str]:
    """The digests of the images in an archive that `write` made, by reference."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        file = tar.extractfile("index.json")
        assert file is not None
        return {one["annotations"][REFERENCE]: one["digest"] for one in json.load(file)["manifests"]}
