"""The SBOM and the VEX are CycloneDX, and name what is inside."""

from __future__ import annotations

from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion

from tools.release import sbom

RELEASE = sbom.Release("1.2.3", "c" * 40, 1_700_000_000, {"supervice-amd64.tar.gz": "0" * 64})


@pytest.fixture(scope="module")
def documents() -> dict[str, dict[str, Any]]:
    tables = sbom.facts()
    return {"sbom": sbom.sbom(RELEASE, tables), "vex": sbom.vex(RELEASE, tables)}


@pytest.mark.parametrize("which", ["sbom", "vex"])
def test_it_is_valid(documents: dict[str, dict[str, Any]], which: str) -> None:
    # Here, because it makes tables of grammars for seconds: every worker would when it collects.
    from cyclonedx.validation.json import JsonStrictValidator

    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sbom.text(documents[which]))
    assert problem is None, problem


def test_every_library_has_version_cpe_and_licence(documents: dict[str, dict[str, Any]]) -> None:
    libraries = [one for one in documents["sbom"]["components"] if one["type"] == "library"]
    assert {"CPython", "musl", "zlib", "expat", "click", "cronsim", "h11", "tzdata"} <= {
        one["name"] for one in libraries
    }
    for one in libraries:
        assert one["version"] in one["cpe"]
        assert one["version"] in one["purl"]
        assert one["licenses"]


def test_the_archives_are_in_it_with_their_checksums(documents: dict[str, dict[str, Any]]) -> None:
    (archive,) = (one for one in documents["sbom"]["components"] if one["type"] == "file")
    assert archive["name"] == "supervice-amd64.tar.gz"
    assert archive["hashes"] == [{"alg": "SHA-256", "content": "0" * 64}]


def test_what_the_vex_speaks_of_is_in_the_sbom(documents: dict[str, dict[str, Any]]) -> None:
    bill = documents["sbom"]
    start = f"urn:cdx:{bill['serialNumber'].removeprefix('urn:uuid:')}/1#"
    known = {one["bom-ref"] for one in bill["components"]}
    for one in documents["vex"]["vulnerabilities"]:
        (affected,) = one["affects"]
        assert affected["ref"].startswith(start)
        assert affected["ref"].removeprefix(start) in known


def test_a_release_made_again_says_the_same(documents: dict[str, dict[str, Any]]) -> None:
    assert documents["sbom"] == sbom.sbom(RELEASE, sbom.facts())
