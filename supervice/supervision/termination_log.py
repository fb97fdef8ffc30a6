"""Writes why it ends where an orchestrator looks for it (Kubernetes' termination message)."""

from __future__ import annotations

import os

from supervice.fs.files import rewrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.lifecycle.exit_policy import Verdict
    from supervice.process import Process

DEFAULT = "/dev/termination-log"
# What Kubernetes keeps of it, in bytes.
LIMIT = 4096
LAST_LINES = 20


def write_termination_log(path: str | None, why: Verdict, culprit: Process | None) -> str:
    """Writes the reason and the last lines of the program that caused it; returns what went wrong, or "".

    Without `path` the default is written to when it exists: an orchestrator put it there to be used.
    """
    if path is None:
        if not os.path.exists(DEFAULT):
            return ""
        path = DEFAULT
    text = f"{why.reason}; exit code {why.code}\n".encode(errors="replace")[:LIMIT]
    if culprit is not None and culprit.output is not None:
        for_lines = LIMIT - len(text)
        lines = b"".join(line.rstrip(b"\n") + b"\n" for _, line in culprit.output.tail(LAST_LINES))
        text += lines[-for_lines:] if for_lines else b""
    try:
        rewrite(path, text, 0o644)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""
