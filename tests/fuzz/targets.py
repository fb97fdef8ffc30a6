"""What reads bytes that other programs, clients or people wrote, and what decides: the property tests of it.

A folder stands for all property tests in it, those of tomorrow too.
"""

from __future__ import annotations

TARGETS = {
    "frames": ["tests/unit/control"],
    "requests": ["tests/unit/api"],
    "http": ["tests/unit/http", "tests/unit/web", "tests/process/http/test_server.py"],
    "xml": ["tests/unit/supervisord/rpc"],
    "configuration": ["tests/unit/config"],
    "commands": ["tests/unit/cli"],
    "notifications": ["tests/unit/notify"],
    "listeners": ["tests/unit/supervisord/listeners", "tests/unit/supervisord/test_tap.py"],
    "schedules": ["tests/unit/schedules"],
    "logs": ["tests/unit/output"],
    "expressions": ["tests/unit/checks"],
    "bytes": ["tests/unit/fuzz"],
    "environment": ["tests/unit/runner", "tests/unit/lean"],
    "kernel": ["tests/unit/pid1", "tests/unit/fs", "tests/unit/net"],
    "pictures": ["tests/unit/pictures"],
    "decisions": ["tests/unit/lifecycle", "tests/unit/supervision", "tests/unit/watch"],
}
