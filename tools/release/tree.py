"""What is released: a commit, its version, its time. Refuses what should not be published."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Refused(Exception):
    """Nothing is made; the message says why and what to do."""


def git(*arguments: str, root: Path = ROOT) -> str:
    """What git says. `Refused` when it fails."""
    command = ["git", "-c", "safe.directory=*", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Refused(f"git: {error.strerror}; install git") from None
    if done.returncode != 0:
        raise Refused(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def require_clean(root: Path = ROOT) -> None:
    """Refuses a tree that has changes or files that git does not know: they would be in no commit."""
    changed = git("status", "--porcelain", "--untracked-files=all", root=root).splitlines()
    if changed:
        shown = "".join(f"\n  {line}" for line in changed[:20])
        more = f"\n  and {len(changed) - 20} more" if len(changed) > 20 else ""
        raise Refused(f"the tree is not clean; commit these or take them away:{shown}{more}")


def version(root: Path = ROOT) -> str:
    """The version, from the one place that has it."""
    text = (root / "supervice/__init__.py").read_text()
    found = re.search(r'^__version__ = "(\d+\.\d+\.\d+)"$', text, re.M)
    if found is None:
        raise Refused('supervice/__init__.py: no line __version__ = "X.Y.Z"')
    return found.group(1)


def require_tag(tag: str, version: str) -> None:
    if tag and tag != f"v{version}":
        raise Refused(
            f"the tag {tag} is not v{version}, the version of supervice/__init__.py; change one of them"
        )


def require_changes(version: str, root: Path = ROOT) -> None:
    """Refuses a version that CHANGELOG.md does not describe, and one that leaves changes unreleased."""
    sections = dict(
        re.findall(
            r"^## (Unreleased|\d\S*)[^\n]*\n(.*?)(?=^## |\Z)",
            (root / "CHANGELOG.md").read_text(),
            re.M | re.S,
        )
    )
    if not sections.get(version, "").strip():
        raise Refused(f"CHANGELOG.md has no section '## {version}' with text; rename 'Unreleased' to it")
    if sections.get("Unreleased", "").strip():
        raise Refused(f"CHANGELOG.md still has text in 'Unreleased'; move it to '## {version}'")


def epoch(root: Path = ROOT) -> int:
    """The time of the commit, in seconds: what every file of the release has for its own."""
    return int(git("log", "-1", "--format=%ct", root=root))


def commit(root: Path = ROOT) -> str:
    return git("rev-parse", "HEAD", root=root).strip()


def export(folder: Path, root: Path = ROOT) -> None:
    """The files of the commit, and no others, in `folder`."""
    folder.mkdir(parents=True)
    archive = folder.with_suffix(".export")
    git("archive", "--format=tar", f"--output={archive}", "HEAD", root=root)
    subprocess.run(["tar", "-x", "-C", str(folder), "-f", str(archive)], check=True)
    archive.unlink()
