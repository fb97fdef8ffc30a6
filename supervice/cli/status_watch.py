"""`supervicectl status -w`: shows the table again and again in the same place."""

from __future__ import annotations

import sys
import time

from supervice.cli.replies import fetch
from supervice.cli.terminal import FAILED, complain, look, write
from supervice.control.render import status_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def watch_status(names: dict[str, Any], socket: str | None, every: float) -> int:
    """Refreshes until Ctrl-C, or until the daemon stops answering; returns the exit code."""
    request = {**names, "command": "status", "resources": True}
    lines = 0
    while True:
        reply, code = fetch(request, socket, None)
        if reply is None:
            return code
        if reply.get("status") != "ok":
            complain(str(reply.get("message") or reply.get("code")))
            return FAILED
        text = status_table(reply, look())
        back = f"\x1b[{lines}A\x1b[J" if lines and sys.stdout.isatty() else "\n" if lines else ""
        write(back + text)
        sys.stdout.flush()
        lines = text.count("\n")
        time.sleep(every)
