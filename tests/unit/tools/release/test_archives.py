"""Archives say nothing about the machine that made them."""

from __future__ import annotations

import io
import os
import re
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.paths import ROOT
from tools.release import archives, bundles, distributions, sbom
from tools.release.tree import Refused


def tar_of(folder: Path) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path in folder.rglob("*"):
            tar.add(path, str(path.relative_to(folder)), recursive=False)
    return out.getvalue()


def test_owners_modes_times_and_order_leave_no_trace(tmp_path: Path) -> None:
    made = []
    for number, names in enumerate((("b", "a"), ("a", "b"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in names:
            (folder / name).write_text(name)
            (folder / name).chmod(0o664 if number else 0o640)
            os.utime(folder / name, (number, number))
        made.append(archives.compress(archives.normal_tar(archives.entries_of(tar_of(folder)), 1000)))
    assert made[0] == made[1]
    ((first, data), _) = archives.entries_of(made[0])
    assert (first.name, first.mode, first.uid, first.uname, first.mtime, data) == (
        "a",
        0o644,
        0,
        "",
        1000,
        b"a",
    )


def wheel(names: list[str], moment: tuple[int, int, int, int, int, int]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name, moment), name)
    return out.getvalue()


def test_a_wheel_is_the_same_and_its_record_is_the_last() -> None:
    names = ["x-1.dist-info/RECORD", "x-1.dist-info/METADATA", "x/__init__.py"]
    first = distributions.normal_wheel(wheel(names, (2020, 1, 1, 0, 0, 0)), 1_700_000_000)
    second = distributions.normal_wheel(wheel(names[::-1], (2021, 2, 3, 4, 5, 6)), 1_700_000_000)
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == ["x/__init__.py", "x-1.dist-info/METADATA", "x-1.dist-info/RECORD"]


def test_the_requirements_pin_what_pyproject_names(tmp_path: Path) -> None:
    wheel = tmp_path / "supervice-1.2.3-py3-none-any.whl"
    wheel.write_text("a wheel")
    rows = distributions.requirements(wheel, sbom.facts()["wheels"]).splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[^\w-]", line)[0] for line in project["dependencies"]}
    assert {row.partition("==")[0] for row in rows} == {"supervice", *names}
    assert rows[0] == f"supervice==1.2.3 --hash=sha256:{archives.sha256(b'a wheel')}"
    assert all(re.fullmatch(r"[\w-]+==[\d.]+ --hash=sha256:[0-9a-f]{64}", row) for row in rows)


def test_every_file_is_in_the_checksums_and_each_bundle_has_its_own(tmp_path: Path) -> None:
    names = [
        "supervice-amd64.tar.gz",
        "supervice-arm64.tar.gz",
        "supervice-0.1.0.tar.gz",
        "supervice.cdx.json",
    ]
    for name in names:
        (tmp_path / name).write_text(name)
    archives.write_checksums(tmp_path)
    lines = (tmp_path / "SHA256SUMS").read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == sorted(names)
    assert sorted(path.name for path in tmp_path.glob("*.sha256")) == [f"{name}.sha256" for name in names[:2]]
    assert (tmp_path / "supervice-amd64.tar.gz.sha256").read_text() in (tmp_path / "SHA256SUMS").read_text()


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644, uid: int = 0) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.mode, member.uid = kind, link, mode, uid
        tar.addfile(member)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (entry("opt", tarfile.DIRTYPE, mode=0o755), "opt is not below opt/supervice"),
        (entry("usr/bin/supervice"), "usr/bin/supervice is not below"),
        (entry("opt/supervice/../../bin/sh"), None),
        (entry("opt/supervice/x", tarfile.SYMTYPE, "../../bin/sh"), "out of opt/supervice"),
        (entry("opt/supervice/x", tarfile.SYMTYPE, "/bin/sh"), "out of opt/supervice"),
        (entry("opt/supervice/x", tarfile.LNKTYPE, "bin/sh"), "neither a file nor a directory nor a link"),
        (entry("opt/supervice/x", tarfile.CHRTYPE), "neither a file nor a directory nor a link"),
        (entry("opt/supervice/x", mode=0o4755), "has the mode 4755"),
        (entry("opt/supervice/x", uid=1000), "belongs to 1000:0"),
    ],
)  # fmt: skip
def test_a_bundle_that_would_change_the_root_is_refused(data: bytes, message: str | None) -> None:
    with pytest.raises(Refused, match=message):
        bundles.check(data)


def test_a_bundle_within_its_folder_is_accepted() -> None:
    bundles.check(entry("opt/supervice/bin", tarfile.SYMTYPE, "../supervice/lib"))
