"""Only a commit is released, with the version and the changes that it says it has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from supervice import __version__
from tests.paths import ROOT
from tools.release import tree
from tools.release.tree import Refused


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "supervice").mkdir(parents=True)
    (root / "supervice/__init__.py").write_text('__version__ = "1.2.3"\n')
    (root / "CHANGELOG.md").write_text(
        "# Changes\n\n## Unreleased\n\n## 1.2.3 - 2026-01-01\n\n- a change\n\n## 1.2.2\n\n- b\n"
    )
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-q", "-m", "x"],
    ):
        subprocess.run(["git", "-C", str(root), *command], check=True)
    return root


def test_a_clean_tree_is_released(repository: Path) -> None:
    tree.require_clean(repository)
    assert tree.version(repository) == "1.2.3"
    assert len(tree.commit(repository)) == 40
    assert tree.epoch(repository) > 1_600_000_000
    tree.require_tag("v1.2.3", "1.2.3")
    tree.require_changes("1.2.3", repository)


@pytest.mark.parametrize("name", ["supervice/__init__.py", "supervice/new.py"])
def test_a_tree_with_changes_is_refused_and_they_are_named(repository: Path, name: str) -> None:
    (repository / name).write_text("changed\n")
    with pytest.raises(Refused, match=rf"(?s)the tree is not clean; commit these.*{name}"):
        tree.require_clean(repository)


def test_what_is_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"git status: .*not a git repository"):
        tree.require_clean(tmp_path)


def test_a_tag_of_another_version_is_refused() -> None:
    with pytest.raises(Refused, match=r"the tag v1\.2\.4 is not v1\.2\.3"):
        tree.require_tag("v1.2.4", "1.2.3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("## Unreleased\n\n- a\n", "has no section '## 1.2.3'"),
        ("## 1.2.3\n\n## 1.2.2\n\n- a\n", "has no section '## 1.2.3' with text"),
        ("## Unreleased\n\n- a\n\n## 1.2.3\n\n- b\n", "still has text in 'Unreleased'"),
    ],
)
def test_a_version_without_its_changes_is_refused(repository: Path, text: str, message: str) -> None:
    (repository / "CHANGELOG.md").write_text(f"# Changes\n\n{text}")
    with pytest.raises(Refused, match=message):
        tree.require_changes("1.2.3", repository)


def test_the_version_stands_in_one_place() -> None:
    assert tree.version() == __version__
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text()


def test_the_changelog_is_ready_for_a_release() -> None:
    """It has the version that is being worked on, as what is unreleased or as a section of its own."""
    text = (ROOT / "CHANGELOG.md").read_text()
    assert "\n## Unreleased\n" in text or f"\n## {__version__}" in text


def test_only_files_of_the_commit_are_exported(repository: Path, tmp_path: Path) -> None:
    (repository / "untracked").write_text("")
    tree.export(tmp_path / "out", repository)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["CHANGELOG.md", "supervice"]
