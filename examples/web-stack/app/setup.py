"""Runs once when the container starts: waits for Redis, fills it, ends."""

from __future__ import annotations

import sys
import time

from redis_client import Redis

GIVE_UP_AFTER = 30.0  # seconds


def main() -> int:
    deadline = time.monotonic() + GIVE_UP_AFTER
    while True:
        try:
            with Redis() as redis:
                redis("SET", "greeting", "hello")
            print("setup: the database is ready", flush=True)
            return 0
        except OSError as error:
            if time.monotonic() > deadline:
                print(f"setup: no database: {error}", file=sys.stderr)
                return 1
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
