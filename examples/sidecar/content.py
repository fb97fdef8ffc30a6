"""Writes a page into a directory, again and again: content.py DIRECTORY."""

from __future__ import annotations

import os
import sys
import time


def main() -> None:
    directory = sys.argv[1]
    page, new = os.path.join(directory, "index.html"), os.path.join(directory, ".index.html.new")
    print(f"content: writing {page}", flush=True)
    while True:
        with open(new, "w") as file:
            file.write(f"<p>Written by the sidecar at {time.strftime('%H:%M:%S')}.</p>\n")
        os.replace(new, page)  # a reader sees the old page or the new one
        time.sleep(1)


if __name__ == "__main__":
    main()
