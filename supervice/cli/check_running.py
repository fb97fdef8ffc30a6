"""Finds the configuration that the daemon of this container runs, for a check that names none."""

from __future__ import annotations

import os

from supervice.control.client import Unreachable, call
from supervice.control.protocol import CommandError

SECONDS = 5.0  # that the daemon may take to answer


def running() -> tuple[str, str, dict[str, str] | None] | None:
    """Returns its path, where relative paths begin, and the daemon's environment (None: not visible).

    None without a daemon that we may ask, and for one that was started without a file.
    """
    try:
        reply = call({"command": "config"}, None, os.environ, SECONDS)
    except (Unreachable, CommandError, OSError, ValueError):
        return None
    path, directory = reply.get("file"), reply.get("directory")
    if reply.get("status") != "ok" or not isinstance(path, str) or not isinstance(directory, str):
        return None
    return path, directory, environment_of(reply.get("pid"))


def environment_of(pid: object) -> dict[str, str] | None:
    """Returns the environment that the process was started with; None where it is not visible."""
    if not isinstance(pid, int):
        return None
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            data = file.read()
    except OSError:
        return None
    pairs = (item.partition(b"=") for item in data.split(b"\0") if b"=" in item)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}
