"""Leaves the note that an orchestrator reads after the end (Kubernetes' termination message)."""

from __future__ import annotations

import os

from supervice.fs.files import rewrite

DEFAULT = "/dev/termination-log"
# What Kubernetes keeps of it, in bytes.
LIMIT = 4096


def leave_note(path: str | None, said: bytes) -> str:
    """Writes it to `path`; returns what went wrong, or "".

    Without `path` the default is written to when it exists: an orchestrator put it there to be used.
    """
    if path is None:
        if not os.path.exists(DEFAULT):
            return ""
        path = DEFAULT
    try:
        rewrite(path, said[:LIMIT], 0o644)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""
