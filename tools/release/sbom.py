"""The SBOM and the VEX beside it, both CycloneDX: what is in the bundle, and what of it is no vulnerability.

Made of the tables in docker/bundle/parts.py and advisories.py, which tests hold against the bundle.
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tools.release.tree import ROOT

SBOM = "supervice.cdx.json"
VEX = "supervice.vex.cdx.json"
SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/supervice/supervice")
# What CPython may be built with and the bundle is not: a scanner need not look for their flaws.
NOT_COMPILED_IN = "OpenSSL, libffi, SQLite, bzip2, xz, readline, ncurses, mpdecimal, gdbm, libuuid, Tcl/Tk"


@dataclass(frozen=True)
class Release:
    version: str
    commit: str
    epoch: int
    hashes: dict[str, str]  # of each bundle archive, by name

    @property
    def serial(self) -> str:
        """The same for the same commit, so that a release can be made again."""
        return str(uuid.uuid5(SPACE, f"{self.version} {self.commit}"))


def facts() -> dict[str, Any]:
    """The tables of the bundle."""
    command = [sys.executable, str(ROOT / "docker/bundle/parts.py")]
    said: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return said


def sbom(release: Release, tables: dict[str, Any]) -> dict[str, Any]:
    """What is in the bundle of either architecture."""
    parts = [
        {
            "type": "library",
            "bom-ref": _reference(part["name"]),
            "name": part["name"],
            "version": part["version"],
            "description": part["what"],
            "licenses": [{"license": {"id": part["licence"]}}],
            "cpe": part["cpe"],
            "purl": part["purl"],
        }
        for part in tables["parts"]
    ]
    archives = [
        {"type": "file", "bom-ref": name, "name": name, "hashes": [{"alg": "SHA-256", "content": digest}]}
        for name, digest in sorted(release.hashes.items())
    ]
    subject = {
        "type": "application",
        "bom-ref": "supervice",
        "name": "supervice",
        "version": release.version,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "cpe": f"cpe:2.3:a:supervice:supervice:{release.version}:*:*:*:*:*:*:*",
        "purl": f"pkg:pypi/supervice@{release.version}",
        "properties": [
            {"name": "supervice:commit", "value": release.commit},
            {"name": "supervice:not-compiled-in", "value": NOT_COMPILED_IN},
        ],
    }
    names = [part["bom-ref"] for part in parts]
    return {
        **_head(release.serial),
        "metadata": {"timestamp": _time(release.epoch), "component": subject},
        "components": [*parts, *archives],
        "dependencies": [
            {"ref": "supervice", "dependsOn": sorted(names)},
            *({"ref": name} for name in names),
        ],
    }


def vex(release: Release, tables: dict[str, Any]) -> dict[str, Any]:
    """Of each vulnerability that is known for a version in the SBOM: whether it is one here, and why not."""
    found = []
    for one in tables["advisories"]:
        analysis = {"state": one["state"], "detail": one["detail"]}
        if one["justification"]:
            analysis["justification"] = one["justification"]
        reference = f"urn:cdx:{release.serial}/1#{_reference(one['part'])}"
        found.append({"id": one["name"], "analysis": analysis, "affects": [{"ref": reference}]})
    serial = str(uuid.uuid5(SPACE, f"vex {release.serial}"))
    return {
        **_head(serial),
        "metadata": {"timestamp": _time(release.epoch)},
        "vulnerabilities": found,
    }


def text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1) + "\n"


def _head(serial: str) -> dict[str, Any]:
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
    }


def _time(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _reference(name: str) -> str:
    return f"part-{name.lower().replace('*', '')}"
