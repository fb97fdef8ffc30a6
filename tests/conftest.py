"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long one example takes says how busy the machine is; each test has a time limit (pyproject.toml).
settings.register_profile("supervice", deadline=None)
settings.load_profile("supervice")
