"""Writes the termination message that Kubernetes reads after the end."""

from __future__ import annotations

import os

from supervice.fs.files import TERMINATION_LOG, rewrite

# Bytes of it that Kubernetes keeps.
LIMIT = 4096


def write_message(path: str | None, said: bytes) -> str:
    """Writes it to `path`; returns what went wrong, or "".

    Without `path` it uses the default if that file exists: then an orchestrator made it.
    """
    if path is None:
        if not os.path.exists(TERMINATION_LOG):
            return ""
        path = TERMINATION_LOG
    try:
        rewrite(path, said[:LIMIT], 0o644)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""
