"""Waiting in tests: poll for what should come true, never sleep for as long as it usually takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeVar

T = TypeVar("T")


def eventually(
    predicate: Callable[[], T | Literal[False] | None],
    timeout: float = 10.0,
    interval: float = 0.02,
    message: str = "",
) -> T:
    """The first truthy value of `predicate()`; times in seconds.

    A predicate that raises counts as "not yet": what is waited for often begins as a missing file
    or a refused connection. When the time is up an AssertionError says what was seen last.
    """
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() >= deadline  # asked before the last look, so a slow machine gets one
        seen: object
        try:
            value = predicate()
            if value:
                return value
            seen = value
        except Exception as error:
            seen = error
        if late:
            what = message or getattr(predicate, "__name__", "predicate")
            last = f"{type(seen).__name__}: {seen}" if isinstance(seen, Exception) else repr(seen)
            raise AssertionError(f"not within {timeout:g} s: {what} (last seen: {last})") from (
                seen if isinstance(seen, Exception) else None
            )
        time.sleep(interval)
