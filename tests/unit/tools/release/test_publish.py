"""Only a whole release is published, once, and in an order in which nothing unsigned is announced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervice import __version__
from tools.release import archives, oci, publish
from tools.release.tree import Refused

TAG = f"v{__version__}"
REPOSITORY = "registry.example/supervice"
# Says what it was called with; `skopeo inspect` finds a version where FOUND is there.
FAKE = """#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS"
case "$1" in inspect) test -e "$CALLS.found" ;; esac
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release, and stand-ins for what talks to the outside."""
    monkeypatch.setattr(publish, "require_changes", lambda version: None)
    folder = tmp_path / "release"
    folder.mkdir()
    layout = oci.Layout(1, __version__, "c")
    layout.add(__version__, [])
    layout.add(f"{__version__}-bundle", [])
    oci.write(layout, folder)
    (folder / "supervice-amd64.tar.gz").write_text("a")
    archives.write_checksums(folder)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in publish.NEEDED:
        (programs / name).write_text(FAKE)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.defpath}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GH_TOKEN", raising=False)
    return folder


def calls(folder: Path) -> list[str]:
    path = folder.parent / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_images_are_pushed_and_signed_before_the_page_is_made(folder: Path) -> None:
    publish.publish(folder, TAG, REPOSITORY, False)
    done = calls(folder)
    targets = [line.split()[-1] for line in done if line.startswith("skopeo copy")]
    major, minor, _ = __version__.split(".")
    tags = [__version__, f"{major}.{minor}", major]
    tags += [f"{tag}-bundle" for tag in tags]
    assert targets == [f"docker://{REPOSITORY}:{tag}" for tag in tags]
    assert [line.split()[:2] for line in done[-2:]] == [["cosign", "sign-blob"], ["gh", "release"]]
    assert sum(line.startswith("cosign sign --yes") for line in done) == 2
    assert {
        "supervice-amd64.tar.gz",
        "supervice-amd64.tar.gz.sha256",
        "SHA256SUMS",
        "SHA256SUMS.sigstore.json",
    } <= {Path(word).name for word in done[-1].split()}


def test_a_version_is_never_pushed_twice(folder: Path) -> None:
    (folder.parent / "calls.found").write_text("")
    with pytest.raises(Refused, match="is there, and a version never changes"):
        publish.publish(folder, TAG, REPOSITORY, False)
    assert all(line.startswith("skopeo inspect") for line in calls(folder))


def test_a_dry_run_runs_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish.publish(folder, TAG, REPOSITORY, True)
    assert calls(folder) == []
    assert f"publish: gh release create {TAG}" in capsys.readouterr().out


def test_the_token_stands_in_no_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GH_TOKEN", "hush")
    publish.publish(folder, TAG, REPOSITORY, False)
    assert calls(folder)[0].startswith("skopeo login")
    assert "hush" not in capsys.readouterr().out + "".join(calls(folder))


@pytest.mark.parametrize("how", ["changed", "missing", "not listed"])
def test_a_folder_that_is_not_what_was_made_is_refused(folder: Path, how: str) -> None:
    file = folder / "supervice-amd64.tar.gz"
    if how == "changed":
        file.write_text("b")
    elif how == "missing":
        file.unlink()
    else:
        (folder / "more").write_text("")
    with pytest.raises(Refused, match="SHA256SUMS"):
        publish.publish(folder, TAG, REPOSITORY, False)
    assert calls(folder) == []


def test_a_release_without_the_image_is_refused(folder: Path) -> None:
    layout = oci.Layout(1, __version__, "c")
    layout.add(f"{__version__}-bundle", [])
    oci.write(layout, folder)
    archives.write_checksums(folder)
    with pytest.raises(Refused, match="nothing is published"):
        publish.publish(folder, TAG, REPOSITORY, False)
