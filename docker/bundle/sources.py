"""What the bundle is built of: each source with its version and its SHA-256.

The upstream tarballs stay on Debian's mirrors for as long as Debian 13 does. A revision of the packaging
does not: it is replaced by the next, which has the same patches and more. So each patch is pinned by itself,
and any revision that has it will do.
"""

from __future__ import annotations

from dataclasses import dataclass

SUITE = "trixie"
# For file times and __DATE__: the day of CPython 3.13.5.
EPOCH = 1749600000
PYTHON = "3.13.5"
ZIG = "0.14.1"
MUSL = "1.2.5"
ZLIB = "1.3.1"


@dataclass(frozen=True)
class Source:
    package: str  # of Debian
    file: str
    sha256: str
    folder: str  # in pool/main

    @property
    def path(self) -> str:
        return f"pool/main/{self.folder}/{self.package}/{self.file}"


CPYTHON = Source(
    "python3.13",
    "python3.13_3.13.5.orig.tar.xz",
    "93e583f243454e6e9e4588ca2c2662206ad961659863277afcdb96801647d640",
    "p",
)
ZLIB_SOURCE = Source(
    "zlib",
    "zlib_1.3.dfsg+really1.3.1.orig.tar.gz",
    "60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb",
    "z",
)
# The packaging of CPython, for its patches; this revision, or a later one that apt finds.
PACKAGING = Source(
    "python3.13",
    "python3.13_3.13.5-2+deb13u5.debian.tar.xz",
    "a51f456e654ce2c9b40cc1db8005e5041cdb0b2c3aa96ab0871c49fe95280366",
    "p",
)
PACKAGING_PATTERN = "python3.13_3.13.5-2*.debian.tar.xz"
# Of its patches those that change what the bundle has in it, in the order of debian/patches/series.
PATCHES = {
    "CVE-2025-6075.patch": "26483acfec5d8e0c3d662134a158d50294eb335a33865ee7f257dcfbab7f3e57",
    "CVE-2026-2297.patch": "765725d57ac747b6f8a083edf9c136b7eff919aa952a4f32b23ed12a35f1cfd1",
    "CVE-2026-3446.patch": "ffbe1850292590a40905a6c4965c36038955c7c9f529ede079c91bf5798ad400",
    "CVE-2026-4224.patch": "82b0d84a79f3b87aa16e38df90bd5cf1b38d1ab7290b2e22d3f4db6378e8bf37",
    "CVE-2026-6100.patch": "90abaceb3513ca52a0cccc50859dd2aaf87bdeb008ea7d8c12c2cb42f768fc2d",
    "dict-use-after-free.patch": "b569600e12ea30235f4a29413a03b60ff9e9ea197ffe767b54f88df16944d51a",
    "traverse-managed-dicts.patch": "3c62981c6646c44fb1de98f0a27c5bc5864558e88fae39f7d232fc5619554c5f",
}
# The compiler, with musl and the kernel's headers in it: wheels of `ziglang`, by machine.
ZIG_WHEELS = {
    "x86_64": "6eb9d4d759b292c83810dbee2e9e8e3fbfbf01d864e6e9811bae711fd74e1c2f",
    "aarch64": "7994b27f3cbfcedea43f9b7552e38b45857bdf0e9a45065474092dd74e7048cf",
}
# Libraries in Python and the time zones, with their wheels: each dependency of pyproject.toml is here.
LIBRARIES = {
    "click": ("8.5.1", "8bb5376d2006950386f8c6427613334a2acadc5f559cb80e638d00b4df957e37"),
    "cronsim": ("2.8", "62115cabaa121953ac4bbf2e66808b5229ca6e47372a74e752b42fcdf28324a5"),
    "h11": ("0.16.0", "63cf8bbe7522de3bf65932fda1d9c2772064ffb3dae62d55932da54b31cb6c86"),
    "tzdata": ("2026.6", "0a10eec6e13ef16b627fabed9a5f2ba61a62b1c67f327305f4e7e412a70b4aec"),
}
