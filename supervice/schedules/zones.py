"""Finds the time zone of a schedule: `schedule_timezone`, else TZ, else /etc/localtime, else UTC.

A zone that is named but not found is an error; it is UTC only when none is named. Reads files.
"""

from __future__ import annotations

import os
import stat
from errno import EINVAL

from supervice.schedules.timeline import Zone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo
    from typing import Final

LOCALTIME: Final = "/etc/localtime"
_NAMES_OF_UTC: Final = ("", "UTC", "UTC0", "Etc/UTC", "GMT", "GMT0", "Z")
# Bytes; the longest zone file in the database has 3.5 KB.
_LONGEST: Final = 1 << 20

_UTC: Final = Zone("UTC", None)
# Other zones by name, or by the content of a file.
_zones: dict[str | bytes, Zone] = {}


def find(name: str | None, environ: Mapping[str, str], localtime: str = LOCALTIME) -> Zone:
    """Returns the zone of an option's value (None: not set); ValueError says what to write."""
    if name is not None:
        return _named(name)
    named = environ.get("TZ")
    if named is not None:
        try:
            return _named(named)
        except ValueError as error:
            raise ValueError(f"TZ={named}: {error}") from None
    if not os.path.lexists(localtime):
        return _UTC
    label = os.path.realpath(localtime).partition("/zoneinfo/")[2]
    try:
        data = _read(localtime)
    except FileNotFoundError:  # a link into a database that this image does not have
        try:
            return _named(label)
        except ValueError as error:
            raise ValueError(f"{localtime} is {label}: {error}") from None
    except OSError as error:
        raise ValueError(f"{localtime}: {error.strerror}; write schedule_timezone = UTC") from None
    return _of_file(data, label or localtime, localtime)


def _named(text: str) -> Zone:
    """Returns a zone of the database, a file, or a rule as in TZ (`CET-1CEST,M3.5.0,M10.5.0/3`)."""
    name = text.strip().removeprefix(":")
    if name in _NAMES_OF_UTC:
        return _UTC
    if name in _zones:
        return _zones[name]
    if name.startswith("/"):
        try:
            data = _read(name)
        except OSError as error:
            raise ValueError(f"cannot be read: {error.strerror}; write a zone like Europe/Berlin") from None
        return _of_file(data, name, name)
    from zoneinfo import ZoneInfo

    try:
        return _kept(name, name, ZoneInfo(name))
    except (ValueError, OSError, LookupError, ImportError):
        pass  # ZoneInfoNotFoundError is a KeyError; the bundle has no importlib.resources to look further
    if any(c.isdigit() for c in name) and "/" not in name.partition(",")[0]:
        try:
            return _of_file(_file_of_rule(name), name, name)
        except ValueError:
            pass
    raise ValueError(_unknown(name))


def _kept(key: str | bytes, name: str, tz: tzinfo) -> Zone:
    """Returns a new zone and keeps it, so that its schedules share what was found out about it."""
    zone = _zones[key] = Zone(name, tz)
    return zone


def _read(path: str) -> bytes:
    """Returns the content of a regular file; OSError for anything else."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(EINVAL, "not a regular file")
        return os.read(fd, _LONGEST)
    finally:
        os.close(fd)


def _of_file(data: bytes, name: str, place: str) -> Zone:
    from io import BytesIO
    from zoneinfo import ZoneInfo

    if data in _zones:
        return _zones[data]
    try:
        return _kept(data, name, ZoneInfo.from_file(BytesIO(data)))
    except Exception as error:  # whatever its parser stumbles over in a file that is none
        raise ValueError(
            f"{place} is not a time zone file ({error}); write a zone like Europe/Berlin"
        ) from None


def _file_of_rule(rule: str) -> bytes:
    """Returns a time zone file (RFC 8536, version 2) without changes of its own and `rule` at its end."""
    if not rule.isascii() or not rule.isprintable() or len(rule) > 100:
        raise ValueError("no rule")
    counts = b"".join(count.to_bytes(4) for count in (0, 0, 0, 0, 1, 4))
    head = b"TZif2" + bytes(15) + counts
    local = bytes(4) + b"\0" + b"\0" + b"UTC\0"  # offset 0, no daylight saving, the first name
    return head + local + head + local + b"\n" + rule.encode() + b"\n"


def _known() -> set[str]:
    """Returns the names in the database, wherever one is."""
    import zoneinfo

    try:
        return zoneinfo.available_timezones()
    except ImportError:
        folders = [folder for folder in zoneinfo.TZPATH if os.path.isdir(folder)]
    found: set[str] = set()
    for folder in folders:
        for where, _, files in os.walk(folder):
            found.update(os.path.relpath(os.path.join(where, file), folder) for file in files)
    return {name for name in found if name[:1].isupper() and "." not in name}


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    known = _known()
    if not known:
        return "there are no time zones here; install tzdata, or write a rule like CET-1CEST,M3.5.0,M10.5.0/3"
    found = get_close_matches(name[:64], sorted(known), cutoff=0.7)
    nearest = f" (did you mean {found[0]}?)" if found else ""
    return f"no such time zone{nearest}; write a name like Europe/Berlin, or UTC"
