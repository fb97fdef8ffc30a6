"""Where things of the repository stand, for tests that read or run them."""

from __future__ import annotations

import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
PROGRAMS = ROOT / "tests" / "programs"


def open_to_others(directory: Path) -> None:
    """Lets other users into a test's `tmp_path`; pytest makes it and what is above it for its own user."""
    top = Path(tempfile.gettempdir())
    for folder in (directory, *directory.parents):
        if folder == top or not folder.is_relative_to(top):
            break
        folder.chmod(0o755)
