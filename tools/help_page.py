"""What `supervicectl --help` prints, as a module that needs no click: `python -m tools.help_page FILE`.

click alone takes longer to load than an interpreter to start. A test compares the file with `renewed()`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from supervice.cli.ctl_commands import cli

WIDTH = 80

HEAD = '''"""What `supervicectl --help` prints on 80 columns and more; `make docs` writes it."""

from __future__ import annotations

PAGE = """\\
'''


def page() -> str:
    """The text as click formats it."""
    widths: dict[str, Any] = {"terminal_width": WIDTH, "max_content_width": WIDTH}
    with cli.make_context("supervicectl", [], resilient_parsing=True, **widths) as context:
        return cli.get_help(context) + "\n"


def renewed() -> str:
    """The module."""
    return HEAD + page().replace("\\", "\\\\").replace('"""', '\\"\\"\\"') + '"""\n'


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(renewed(), encoding="utf-8")
