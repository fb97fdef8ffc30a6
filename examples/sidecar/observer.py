"""Says which processes have WORD in their command line whenever that changes: observer.py WORD."""

from __future__ import annotations

import glob
import os
import sys
import time


def find(word: str) -> list[str]:
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        pid = path.split("/")[2]
        try:
            with open(path, "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
        except OSError:
            continue  # it has ended meanwhile
        if word in words and pid != str(os.getpid()):
            found.append(pid)
    return sorted(found, key=int)


def main() -> None:
    before = None
    while True:
        now = find(sys.argv[1])
        if now != before:
            print(f"observer: {sys.argv[1]} runs as {', '.join(now) or 'nobody'}", flush=True)
            before = now
        time.sleep(0.5)


if __name__ == "__main__":
    main()
