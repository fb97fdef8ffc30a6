"""Packs a directory into an archive with the date in its name, beside the older ones: never half of one."""

from __future__ import annotations

import os
import sys
import tarfile
import time

source, target = sys.argv[1:]
name = time.strftime("data-%Y-%m-%d.tar.gz")
unfinished = os.path.join(target, f".{name}")
with tarfile.open(unfinished, "w:gz") as archive:
    archive.add(source, arcname="data")
os.replace(unfinished, os.path.join(target, name))
print(f"{name}: {os.path.getsize(os.path.join(target, name))} bytes")
