"""Runs once before the application: in yours a migration, a certificate, a download."""

from __future__ import annotations

import sys
import time
from pathlib import Path


def main() -> None:
    site = Path(sys.argv[1])
    time.sleep(1)  # it takes its time; /startupz and /readyz say 503 until it is over
    site.mkdir(exist_ok=True)
    (site / "index.html").write_text("<p>prepared\n")
    print(f"prepare: {site} is ready", flush=True)


if __name__ == "__main__":
    main()
