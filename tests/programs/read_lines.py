"""Reads what lines.py wrote to a rotated log: read_lines.py FILE; says what is in it as JSON.

"files"  the names, newest last, each with its size and whether it ends in a newline
"tags"   by tag: the first and last number, the count, and whether numbers follow each other without a gap
"torn"   lines that are not as lines.py writes them
"""

from __future__ import annotations

import glob
import json
import os
import re
import sys

LINE = re.compile(rb"(\S+) (\d{8}) (\d{4}) x*\Z")


def main() -> None:
    path = sys.argv[1]
    numbers = sorted(
        (int(name.rpartition(".")[2]) for name in glob.glob(f"{glob.escape(path)}.*")), reverse=True
    )
    files, torn = [], []
    tags: dict[str, dict[str, object]] = {}
    for name in [*(f"{path}.{number}" for number in numbers), path]:
        with open(name, "rb") as file:
            data = file.read()
        whole = data.endswith(b"\n")
        files.append({"name": os.path.basename(name), "size": len(data), "whole": whole})
        for line in data.split(b"\n")[: -1 if whole else None]:
            match = LINE.match(line)
            if match is None or int(match[3]) != len(line) + 1:
                torn.append(f"{os.path.basename(name)}: {line[:80]!r}")
                continue
            tag, number = match[1].decode(), int(match[2])
            seen = tags.setdefault(tag, {"first": number, "last": number - 1, "count": 0, "gapless": True})
            seen["gapless"] = seen["gapless"] and number == int(str(seen["last"])) + 1
            seen["last"], seen["count"] = number, int(str(seen["count"])) + 1
    json.dump({"files": files, "tags": tags, "torn": torn[:20]}, sys.stdout)


if __name__ == "__main__":
    main()
