"""Asks the web application how many visits it had; fails when it is told that something is broken."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

try:
    with urllib.request.urlopen(sys.argv[1], timeout=5) as answer:
        print(answer.read().decode().strip())
except urllib.error.HTTPError as error:
    sys.exit(f"the application says {error.code}")
