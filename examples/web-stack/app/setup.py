"""Runs once when Redis is ready: fills it, ends."""

from __future__ import annotations

from redis_client import Redis

with Redis() as redis:
    redis("SET", "greeting", "hello")
print("setup: the database is filled", flush=True)
