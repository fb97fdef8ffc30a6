"""Parses times as people write them: `5m` ago, `12:30` today, RFC 3339. Pure; the caller gives the clock."""

from __future__ import annotations

import re
import time

UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
WHAT_TO_WRITE = "write how long ago (5m, 1h30m, 45s), a time of today (12:30) or 2026-01-31T12:30:00Z"
LONG = 10 * 365 * 86400.0


def moment(text: str, now: float) -> float:
    """Returns seconds since the epoch; ValueError says what to write."""
    text = text.strip()
    if re.fullmatch(r"(\d+(\.\d+)?(ms|[dhms]))+", text, re.ASCII):
        ago = sum(float(n) * UNITS[unit] for n, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|[dhms])", text))
        return now - min(ago, LONG)
    day = re.fullmatch(r"(\d{1,2}):(\d\d)(?::(\d\d))?", text, re.ASCII)
    if day:
        hour, minute, second = (int(part or 0) for part in day.groups())
        if hour < 24 and minute < 60 and second < 60:
            today = time.localtime(now)
            return time.mktime((*today[:3], hour, minute, second, 0, 0, -1))
    elif re.match(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        from datetime import datetime

        try:
            return datetime.fromisoformat(text).timestamp()
        except (ValueError, OverflowError, OSError):
            pass
    raise ValueError(f"{text!r} is not a time; {WHAT_TO_WRITE}")
