"""What the bundle has in it, each part with its version and the names that scanners know it by.

`supervice --version -v` of the bundle and the SBOM of a release are made of this one table; the versions
come from `sources.py`. The CPE of a part is the one in the national vulnerability database where it has one,
and in its form where it has none (cronsim, tzdata).
"""

from __future__ import annotations

from dataclasses import dataclass

import sources

# In CPython's own source, Misc/sbom.spdx.json and Modules/expat/expat.h name them.
EXPAT = "2.7.1"
LIBB2 = "0.98.1"
HACL = "bb3d0dc8d9d15a5cd51094d5b69e70aa09005ff0"


@dataclass(frozen=True)
class Part:
    name: str
    version: str
    vendor: str  # of the CPE
    product: str
    purl: str
    licence: str  # SPDX
    what: str

    @property
    def cpe(self) -> str:
        return f"cpe:2.3:a:{self.vendor}:{self.product}:{self.version}:*:*:*:*:*:*:*"


def _python(name: str, vendor: str, licence: str, what: str) -> Part:
    version = sources.LIBRARIES[name][0]
    return Part(name, version, vendor, name, f"pkg:pypi/{name}@{version}", licence, what)


PARTS = (
    Part(
        "CPython",
        sources.PYTHON,
        "python",
        "python",
        f"pkg:generic/cpython@{sources.PYTHON}",
        "PSF-2.0",
        "the interpreter and the part of its standard library that is used, with patches of Debian",
    ),
    Part(
        "musl", sources.MUSL, "musl-libc", "musl", f"pkg:generic/musl@{sources.MUSL}", "MIT", "the C library"
    ),
    Part("zlib", sources.ZLIB, "zlib", "zlib", f"pkg:generic/zlib@{sources.ZLIB}", "Zlib", "compression"),
    Part(
        "expat",
        EXPAT,
        "libexpat_project",
        "libexpat",
        f"pkg:generic/expat@{EXPAT}",
        "MIT",
        "XML, within CPython's source",
    ),
    Part(
        "libb2",
        LIBB2,
        "blake2",
        "libb2",
        f"pkg:generic/libb2@{LIBB2}",
        "CC0-1.0",
        "BLAKE2, within CPython's source",
    ),
    Part(
        "HACL*",
        HACL,
        "hacl-star",
        "hacl-star",
        f"pkg:github/hacl-star/hacl-star@{HACL}",
        "MIT",
        "hash functions, within CPython's source",
    ),
    Part(
        "zig",
        sources.ZIG,
        "ziglang",
        "zig",
        f"pkg:pypi/ziglang@{sources.ZIG}",
        "MIT",
        "the compiler, of which its run-time library is linked",
    ),
    _python("click", "palletsprojects", "BSD-3-Clause", "the verbs of supervicectl"),
    _python("cronsim", "cronsim_project", "BSD-3-Clause", "times of schedules"),
    _python("h11", "python-hyper", "MIT", "HTTP"),
    _python("tzdata", "python", "Apache-2.0", "time zones"),
)


def module() -> str:
    """The source of `_supervice_parts`, a module that only the bundle has."""
    rows = "".join(f"    ({part.name!r}, {part.version!r}, {part.cpe!r}),\n" for part in PARTS)
    return f"PARTS = (\n{rows})\n"


def main() -> None:
    """Prints the table and the advisories as JSON, for the programs that make a release."""
    import json
    from dataclasses import asdict

    from advisories import ADVISORIES

    rows = [{**asdict(part), "cpe": part.cpe} for part in PARTS]
    facts = {
        "parts": rows,
        "advisories": [asdict(one) for one in ADVISORIES],
        "wheels": sources.LIBRARIES,
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
