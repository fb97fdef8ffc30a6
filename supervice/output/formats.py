"""Formats lines of output: `prefix` and `json`. Loaded on demand, because `raw` needs no formatter.

A formatter takes a block of lines and returns the block to write.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Format(Protocol):
        joins: bool  # whether the parts of a line, written one after the other, are one line

        def __call__(
            self, block: bytes, stream: str, pid: int, continued: bool, partial: bool = False
        ) -> bytes:
            """Formats a block.

            `continued`: it begins within the line that was written last. `partial`: its last line goes on.
            """


FORMATS = ("raw", "prefix", "prefix-time", "json")
_COLOURS = (b"36", b"33", b"32", b"35", b"34", b"31")


def timestamp(when: float) -> str:
    """Returns RFC 3339 in UTC with milliseconds; `when` in seconds since the epoch."""
    milliseconds = int(when * 1000)
    return (
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000)) + f".{milliseconds % 1000:03d}Z"
    )


def make(log_format: str, name: str, colour: bool = False) -> Format | None:
    """Returns the formatter of one program; None for raw. ValueError for an unknown format."""
    if log_format == "raw":
        return None
    if log_format == "json":
        return Json(name)
    if log_format in FORMATS:
        return Prefix(name, log_format == "prefix-time", colour)
    raise ValueError(f"unknown log_format {log_format!r}; write one of {', '.join(FORMATS)}")


class Prefix:
    """Writes `NAME | ` before each line, and after each carriage return within one."""

    __slots__ = ("_begin", "_end", "_timed")

    joins = True

    def __init__(self, name: str, timed: bool, colour: bool) -> None:
        shown = name.encode("utf-8", "replace") + b" | "
        self._begin = b""
        self._end = shown
        self._timed = timed
        if colour:
            code = _COLOURS[sum(name.encode("utf-8", "replace")) % len(_COLOURS)]
            self._begin = b"\x1b[" + code + b"m"
            self._end = shown + b"\x1b[0m"

    def __call__(self, block: bytes, stream: str, pid: int, continued: bool, partial: bool = False) -> bytes:
        stamp = timestamp(time.time()).encode() + b" " if self._timed else b""
        prefix = self._begin + stamp + self._end
        if b"\r" in block:  # a terminal would write over the prefix
            block = block.replace(b"\r", b"\r" + prefix).replace(b"\r" + prefix + b"\n", b"\r\n")
        if block.endswith(b"\n"):
            block = block[:-1].replace(b"\n", b"\n" + prefix) + b"\n"
        else:
            block = block.replace(b"\n", b"\n" + prefix)
        return block if continued else prefix + block


class Json:
    """Makes a JSON object of each line. A part of an unfinished line is one too, with `"partial": true`.

    Bytes that are not UTF-8 become U+FFFD: JSON cannot hold them otherwise.
    """

    __slots__ = ("_encode", "_name")

    joins = False

    def __init__(self, name: str) -> None:
        import json.encoder

        self._encode: Callable[[str], str] = json.encoder.encode_basestring
        self._name = self._encode(name)

    def __call__(self, block: bytes, stream: str, pid: int, continued: bool, partial: bool = False) -> bytes:
        encode = self._encode
        begin = (
            f'{{"time":"{timestamp(time.time())}","program":{self._name},'
            f'"stream":"{stream}","pid":{pid},"message":'
        )
        lines = block.split(b"\n")
        rest = lines.pop()
        made = [f"{begin}{encode(line.decode('utf-8', 'replace'))}}}\n" for line in lines]
        if rest:
            more = ',"partial":true' if partial or len(rest) >= 65536 else ""
            made.append(f"{begin}{encode(rest.decode('utf-8', 'replace'))}{more}}}\n")
        return "".join(made).encode("utf-8", "replace")
