"""Makes modules of the files of our package that are none, for the bundle, which has modules only.

`web/files/page.css` becomes `web/files/page_css.py` with its text as TEXT; `supervice.web.assets` asks for
that where there is no file.
"""

from __future__ import annotations

from pathlib import Path

SUFFIXES = (".css", ".html", ".js", ".svg")


def write_data(ours: Path, generated: Path) -> list[str]:
    """Writes the modules below `generated`; returns their names."""
    names = []
    for path in sorted((ours / "supervice").rglob("*")):
        if path.suffix in SUFFIXES:
            place = path.relative_to(ours).with_name(f"{path.stem}_{path.suffix[1:]}.py")
            (generated / place).parent.mkdir(parents=True, exist_ok=True)
            (generated / place).write_text(f"TEXT = {path.read_text()!r}\n")
            names.append(".".join(place.with_suffix("").parts))
    return names
