"""supervice's own log: light in the daemon, `logging` in an embedding application.

`debug`, `info`, `warning`, `error` and `critical` never block and never raise. By default they write to
`logging.getLogger("supervice")`, where an application expects it. The daemon calls `use_stream` first and
never imports `logging`, which would cost each container 1.3 MB and 5 ms.
"""

from __future__ import annotations

import time

from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

__all__ = ["get_logger", "setup_logger"]

NAME = "supervice"
LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}

_threshold = 0
_write: Callable[[bytes], object] | None = None  # None: write to `logging`
_format = "raw"
_lines_lost = 0
_copy: Callable[[bytes], object] | None = None  # gets each line too
_also: Callable[[bytes], object] | None = None  # so does this, in a format of its own
_also_format = "raw"
_second = (-1, "")


def level_number(level: str) -> int:
    """Returns the number of a level by its name, in any case (`warn` too); ValueError for an unknown one."""
    name = level.upper()
    try:
        return LEVELS["WARNING" if name == "WARN" else name]
    except KeyError:
        raise ValueError(f"unknown log level {level!r}; write one of {', '.join(LEVELS)}") from None


def use_stream(level: str, write: Callable[[bytes], object], log_format: str = "raw") -> None:
    """Sends the log as whole lines to `write`, which must not block (`OutputRouter.log_stream`).

    `log_format` is one of those for programs, so that a container with JSON output has JSON lines only.
    """
    global _threshold, _write, _format, _also
    _threshold = level_number(level)
    _write = write
    _format = log_format
    _also = None


def also_to(write: Callable[[bytes], object], log_format: str) -> None:
    """Sends each line to `write` too, until the stream is replaced."""
    global _also, _also_format
    _also, _also_format = write, log_format


def set_level(level: str) -> None:
    """Changes the level of the stream, at a reload."""
    global _threshold
    _threshold = level_number(level)


def copy_to(write: Callable[[bytes], object] | None) -> None:
    """Calls `write` with each line too, on any backend; None ends that."""
    global _copy
    _copy = write


def use_logging() -> None:
    """Writes to `logging` again: for tests, and when a daemon ends inside a larger program."""
    global _write, _threshold, _also
    _write = _also = None
    _threshold = 0


def log(level: str, message: str) -> None:
    """Writes one line; newlines in the message are escaped."""
    number = LEVELS.get(level.upper(), 30)
    if number < _threshold:
        return
    now = int(time.time() * 1000)
    try:
        if _copy is not None:
            _copy(_line(level.upper(), message, _format, now))
        if _write is None:
            get_logger().log(number, "%s", message)
        else:
            _write(_line(level.upper(), message, _format, now))
        if _also is not None:
            _also(_line(level.upper(), message, _also_format, now))
    except Exception:  # a log that cannot be written must not end PID 1; the count is for a debugger
        global _lines_lost
        _lines_lost += 1


def debug(message: str) -> None:
    log("DEBUG", message)


def info(message: str) -> None:
    log("INFO", message)


def warning(message: str) -> None:
    log("WARNING", message)


def error(message: str) -> None:
    log("ERROR", message)


def critical(message: str) -> None:
    log("CRITICAL", message)


def _line(level: str, message: str, log_format: str, now: int) -> bytes:
    """Returns the line of a message; `now` in milliseconds since the epoch."""
    global _second
    if _second[0] != now // 1000:  # in a storm of lines, a thousand have the same second
        _second = (now // 1000, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 1000)))
    when = f"{_second[1]}.{now % 1000:03d}Z"
    if not message.isprintable():
        message = clean(message.replace("\n", "\\n").replace("\r", "\\r"))
    if log_format == "json":
        import json
        import os

        fields = {
            "time": when,
            "program": NAME,
            "stream": "log",
            "pid": os.getpid(),
            "level": level,
            "message": message,
        }
        return (json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n").encode(
            "utf-8", "replace"
        )
    begin = {"raw": when, "prefix-time": f"{when} {NAME} |"}.get(log_format, f"{NAME} | {when}")
    return f"{begin} {level} {message}\n".encode("utf-8", "backslashreplace")


def setup_logger(
    level: str = "INFO", logfile: str | None = None, maxbytes: int = 52428800, backups: int = 10
) -> logging.Logger:
    """Configures the `supervice` logger: to stdout, or to `logfile` with rotation at `maxbytes` (0: never).

    For applications that embed supervice; they may call it again. Without it, messages go where the `logging`
    configuration of the application sends them.
    """
    import logging
    import logging.handlers
    import sys

    number = level_number(level)
    handler: logging.Handler
    if logfile:
        handler = logging.handlers.RotatingFileHandler(
            logfile, maxBytes=maxbytes, backupCount=backups, encoding="utf-8"
        )
    else:
        handler = logging.StreamHandler(sys.stdout)
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logger = get_logger()
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(number)
    logger.propagate = False
    use_logging()
    return logger


def get_logger() -> logging.Logger:
    """Returns the `supervice` logger."""
    import logging

    return logging.getLogger(NAME)
