"""Stands in for `uuid`, of which click names the class: no option of ours is one."""

from __future__ import annotations


class UUID:
    def __init__(self, hex: str) -> None:
        raise ValueError(f"{hex}: the bundle has no uuid")
