"""Asks for a page again and again and says when the answer changes: canary.py URL."""

from __future__ import annotations

import sys
import time
import urllib.request


def ask(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return f"{answer.status} {answer.reason}"
    except OSError as error:
        return str(error)


def main() -> None:
    url, before = sys.argv[1], ""
    while True:
        now = ask(url)
        if now != before:
            print(f"canary: {url}: {now}", flush=True)
            before = now
        time.sleep(0.5)


if __name__ == "__main__":
    main()
