"""The kinds of options: the parser of each, and its name in the documentation.

PID 1 imports this module in every container; parsers that few configurations use are loaded with the first
value.
"""

from __future__ import annotations

from supervice.config import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _seldom(name: str, plain: str | None = None) -> Callable[[str], Any]:
    """Returns a parser that loads `check_values` for the first value that is not `plain`."""

    def parse(text: str) -> Any:
        if text == plain:
            return text
        from supervice.config import check_values

        return getattr(check_values, name)(text)

    return parse


def _pairs(text: str) -> list[tuple[str, str]]:
    if not text:
        return []
    from supervice.config.pairs import pairs

    return pairs(text)


# kind: (parser, its name in the documentation)
KINDS: dict[str, tuple[Callable[[str], Any], str]] = {
    "text": (values.plain, "text"),
    "command": (values.filled, "command line"),
    "path": (values.filled, "path"),
    "logfile": (values.plain, "path, NONE or /dev/stdout"),
    "bool": (values.boolean, "true or false"),
    "int": (values.integer, "whole number"),
    "count": (values.natural, "number, 0 or more"),
    "positive": (values.at_least_one, "number, 1 or more"),
    "retries": (values.retries, "number, -1 for ever"),
    "port": (values.port, "port"),
    "http": (_seldom("http_address"), "HOST:PORT or unix:PATH"),
    "password": (values.filled, "password, or {SHA256} and its digest"),
    "probes": (values.one_of("open", "protected"), "open or protected"),
    "factor": (values.factor, "number, 1 or more"),
    "seconds": (values.seconds, "time"),
    "interval": (values.some_seconds, "time above 0"),
    "size": (values.size, "size"),
    "octal": (values.octal, "octal number"),
    "permissions": (values.permissions, "octal number"),
    "maxbytes": (values.size, "size, 4KB or more; 0"),
    "rotation": (_seldom("rotation"), "daily, hourly, 6h or 03:30"),
    "suffix": (values.one_of("number", "date"), "number or date"),
    "backups": (values.natural, "number, 0 to 1000"),
    "umask": (values.umask, "octal number"),
    "restart": (values.restart, "true, false or unexpected"),
    "stopsignal": (values.stop_signals, "signal or ladder"),
    "exitcodes": (values.exit_codes, "list of exit codes"),
    "environment": (_pairs, "KEY=value list"),
    "secrets": (_pairs, "KEY=path list"),
    "forward": (values.forwarded, "list of signals"),
    "words": (values.words, "list"),
    "paths": (values.words, "list of paths"),
    "names": (values.names, "list, commas"),
    "depends": (values.dependencies, "list of NAME:CONDITION"),
    "loglevel": (values.log_level, "level"),
    "health": (values.health_type, "none, tcp, script or http"),
    "url": (_seldom("http_url"), "http URL"),
    "headers": (_seldom("http_headers"), "headers, one a line"),
    "status": (_seldom("http_status"), "status codes"),
    "ready": (_seldom("ready", "started"), "way to be ready"),
    "listen": (_seldom("listen"), "list of [NAME=]ADDRESS"),
    "schedule": (_seldom("schedule"), "schedules, one a line"),
    "timezone": (values.filled, "time zone"),
    "overlap": (values.one_of("skip", "queue", "restart"), "skip, queue or restart"),
    "watched": (values.words, "list of paths and globs, @env"),
    "globs": (values.words, "list of names and globs"),
    "watchaction": (_seldom("watch_action"), "restart, reload, signal:NAME or run:COMMAND"),
    "memory": (_seldom("memory_limit"), "size, or a share (80%)"),
    "restarts": (_seldom("restart_limit"), "COUNT/TIME"),
    "user": (values.filled, "user"),
    "overflow": (values.one_of("block", "drop"), "block or drop"),
    "format": (
        values.one_of("raw", "prefix", "prefix-time", "json"),
        "raw, prefix, prefix-time or json",
    ),
    "fatal": (values.one_of("ignore", "shutdown"), "ignore or shutdown"),
    "serverurl": (values.server_url, "URL or AUTO"),
    "type": (values.one_of("simple", "oneshot"), "simple or oneshot"),
    "stdin": (values.one_of("null", "pipe"), "null or pipe"),
    "nice": (values.between(-20, 19), "number, -20 to 19"),
    "oom": (values.between(-1000, 1000), "number, -1000 to 1000"),
    "signal": (values.signal_number, "signal"),
    "capabilities": (values.capabilities, "list, or none"),
    "limit": (values.limits(values.natural), "number, unlimited, soft:hard"),
    "limit_size": (values.limits(values.size), "size, unlimited, soft:hard"),
    "limit_time": (values.limits(values.whole_seconds), "time, unlimited, soft:hard"),
    "action": (values.one_of("restart", "shutdown", "none"), "restart, shutdown or none"),
}
