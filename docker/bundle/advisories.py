"""Vulnerabilities that scanners report for the versions in `parts.py`, and what is true of the bundle.

The VEX of a release is made of it. A row that says that a module is not there is checked against the bundle
(`tests/process/bundle/test_parts.py`); that every pinned patch of Debian's is listed, in `tests/unit/bundle`.
A new patch for CPython in Debian, or a new advisory for another part, belongs here.
"""

from __future__ import annotations

from dataclasses import dataclass

NO_DOCTYPE = "documents with a document type are refused before anything in it is read; entities do not exist"


@dataclass(frozen=True)
class Advisory:
    name: str
    part: str
    state: str  # of CycloneDX: resolved, not_affected, in_triage
    detail: str
    justification: str = ""  # of CycloneDX, with not_affected
    modules: tuple[str, ...] = ()  # of Python: those that have the flaw, and are not in the bundle


def _absent(name: str, *modules: str) -> Advisory:
    listed = ", ".join(modules)
    return Advisory(
        name, "CPython", "not_affected", f"{listed}: not in the bundle", "code_not_present", modules
    )


def _patched(name: str) -> Advisory:
    return Advisory(name, "CPython", "resolved", f"{name}.patch of Debian is applied")


def _unread(name: str, what: str) -> Advisory:
    return Advisory(name, "expat", "not_affected", f"{what}: {NO_DOCTYPE}", "code_not_reachable")


ADVISORIES = (
    _patched("CVE-2025-6075"),
    _patched("CVE-2026-2297"),
    _patched("CVE-2026-3446"),
    _patched("CVE-2026-4224"),
    _patched("CVE-2026-6100"),
    _absent("CVE-2025-11468", "email"),
    _absent("CVE-2025-12084", "xml"),
    _absent("CVE-2025-13462", "tarfile"),
    _absent("CVE-2025-13836", "http"),
    _absent("CVE-2025-13837", "plistlib"),
    _absent("CVE-2025-15282", "urllib"),
    _absent("CVE-2025-6069", "html"),
    _absent("CVE-2025-8194", "tarfile"),
    _absent("CVE-2025-8291", "zipfile"),
    _absent("CVE-2026-0672", "http"),
    _absent("CVE-2026-0864", "configparser"),
    _absent("CVE-2026-0865", "wsgiref"),
    _absent("CVE-2026-11940", "tarfile"),
    _absent("CVE-2026-11972", "tarfile"),
    _absent("CVE-2026-1299", "email"),
    _absent("CVE-2026-1502", "http"),
    _absent("CVE-2026-3276", "unicodedata"),
    _absent("CVE-2026-3644", "http"),
    _absent("CVE-2026-4360", "tarfile"),
    _absent("CVE-2026-4519", "webbrowser"),
    _absent("CVE-2026-6019", "http"),
    _absent("CVE-2026-6879", "xml"),
    _absent("CVE-2026-7774", "tarfile"),
    _absent("CVE-2026-8328", "ftplib"),
    _absent("CVE-2026-9669", "_bz2"),
    _unread("CVE-2026-45186", "attributes that a document type declares"),
    _unread("CVE-2026-56407", "values of entities"),
    _unread("CVE-2026-24515", "external entities"),
    Advisory(
        "CVE-2025-59375", "expat", "in_triage",
        "a document is 1 MiB at most and comes from a client that may already stop every program",
    ),
    Advisory(
        "CVE-2026-25210", "expat", "in_triage",
        "an overflow that takes a name of a gigabyte; a document is 1 MiB at most",
    ),
    Advisory("CVE-2025-26519", "musl", "not_affected", "iconv is not linked", "code_not_present"),
    Advisory("CVE-2026-22184", "zlib", "not_affected", "untgz is not compiled", "code_not_present"),
    Advisory("CVE-2026-27171", "zlib", "not_affected", "nothing combines checksums", "code_not_reachable"),
)  # fmt: skip
