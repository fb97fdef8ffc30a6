"""Stands in for `sysconfig`, which `zoneinfo` asks where time zones are: in the bundle, then the image."""

from __future__ import annotations

import os
import sys

SYSTEM = ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo")


def get_config_var(name: str) -> str | None:
    if name != "TZPATH":
        return None
    folder = os.path.dirname(os.path.dirname(sys.executable))
    own = [os.path.join(folder, "share", "zoneinfo")] if folder else []
    return os.pathsep.join([*own, *SYSTEM])
