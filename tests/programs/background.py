"""Goes into the background, as daemon(3) does: background.py [KIND...].

The daemon prints `daemon PID` when it is there, `got TERM` when it is told to stop, and ends then.

    slow   it calls setsid a while after its parent has ended
    stays  the parent does not end
    deaf   the daemon ignores TERM
"""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType


def main() -> None:
    kinds = sys.argv[1:]
    if os.fork():
        if "stays" in kinds:
            time.sleep(1000)
        os._exit(0)
    if "slow" in kinds:
        time.sleep(0.2)
    os.setsid()

    def on_term(_signum: int, _frame: FrameType | None) -> None:
        os.write(1, b"got TERM\n")
        if "deaf" not in kinds:
            os._exit(0)

    signal.signal(signal.SIGTERM, on_term)
    os.write(1, f"daemon {os.getpid()}\n".encode())
    while True:
        time.sleep(1000)


if __name__ == "__main__":
    main()
