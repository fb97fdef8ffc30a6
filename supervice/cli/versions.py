"""`supervice --version -v`: lists every part that may have a vulnerability, with its version.

The bundle has a table of its parts, with the names that scanners know them by; a pip installation asks the
interpreter that it runs on. Only `main` imports this, because it loads every part that it asks.
"""

from __future__ import annotations

# Our own dependencies, as in pyproject.toml.
LIBRARIES = ("click", "cronsim", "h11")


def versions() -> str:
    """Returns one part per line: name, version and, in the bundle, the CPE."""
    rows = _of_bundle() or _of_installation()
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{name:{wide[0]}}  {version:{wide[1]}}  {cpe}".rstrip() for name, version, cpe in rows)


def _of_bundle() -> list[tuple[str, str, str]]:
    try:
        from _supervice_parts import PARTS
    except ImportError:
        return []
    return list(PARTS)


def _of_installation() -> list[tuple[str, str, str]]:
    import os
    import sys

    name = {"cpython": "CPython"}.get(sys.implementation.name, sys.implementation.name)
    found = [(name, sys.version.partition(" ")[0], "")]
    try:
        libc, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        found.append((libc, version, ""))
    except (ValueError, OSError):
        found.append(("libc", "unknown", ""))  # musl has no such name
    found += [("zlib", _zlib(), ""), ("expat", _expat(), "")]
    return found + [(library, _installed(library), "") for library in LIBRARIES]


def _zlib() -> str:
    try:
        import zlib
    except ImportError:
        return "missing"
    return zlib.ZLIB_RUNTIME_VERSION


def _expat() -> str:
    try:
        import pyexpat
    except ImportError:
        return "missing"
    return pyexpat.EXPAT_VERSION.removeprefix("expat_")


def _installed(library: str) -> str:
    # Imported by name: the bundle follows our import statements, and would get 500 KB for nothing.
    metadata = __import__("importlib.metadata", fromlist=("version",))
    try:
        return str(metadata.version(library))
    except metadata.PackageNotFoundError:
        return "missing"
