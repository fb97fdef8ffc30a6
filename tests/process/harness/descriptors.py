"""The descriptors of a process."""

from __future__ import annotations

import os


def descriptors(pid: int | str = "self") -> dict[str, str]:
    """{number: what it is open on}; without a pid those of the test process itself."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[name] = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            pass  # the listing's own, or closed since
    return found
