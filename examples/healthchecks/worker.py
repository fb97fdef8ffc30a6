"""Works away, and touches a file each time round: worker.py FILE."""

from __future__ import annotations

import sys
import time
from pathlib import Path


def main() -> None:
    alive = Path(sys.argv[1])
    print("worker: at work", flush=True)
    while True:
        alive.touch()
        time.sleep(0.2)  # the work


if __name__ == "__main__":
    main()
