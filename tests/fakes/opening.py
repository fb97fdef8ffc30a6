"""What files are opened with."""

from __future__ import annotations

import os

import pytest


def recorded_flags(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Returns the flags of each `os.open` from now on."""
    seen: list[int] = []
    real = os.open

    def record(path: str, flags: int) -> int:
        seen.append(flags)
        return real(path, flags)

    monkeypatch.setattr(os, "open", record)
    return seen
