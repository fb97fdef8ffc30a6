"""The words of each target's language, which an engine that knows only bytes would have to guess letter by letter."""

from __future__ import annotations

from supervice.api.requests import _ARGUMENTS
from supervice.config.event_names import EVENTS
from supervice.config.options import _SECTIONS, NAME
from supervice.control.protocol import VERBS
from supervice.schedules.expression import NAMES
from supervice.schedules.fields import FIELDS
from supervice.supervisord.rpc.codec import _PARENTS, _SCALARS
from supervice.supervisord.tap import BEGIN, END

HEADERS = (
    "Host: localhost", "Content-Length: ", "Transfer-Encoding: chunked", "Expect: 100-continue", "Connection: close",
    "Connection: keep-alive", "Upgrade: x", "Authorization: Basic d2ViOndvcmQ=", "Sec-Fetch-Site: cross-site",
)  # fmt: skip
HTTP = ("GET ", "HEAD ", "POST ", "OPTIONS * ", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "\r\n\r\n", "0\r\n\r\n", "/act", "/news?said=", "/events?from=e-1", "/tail.html?processname=web", "&program=web", "do=start%3Aweb", "token=t",
        "/RPC2", "/api/v1/", "http://", "%00", "%ff", "&name=", "?timeout=", "&lines=")  # fmt: skip
VALUES = ("%(process_num)02d", "%(ENV_A)s", "%(ENV_A:-b)s", "%(here)s", "%%", "true", "10s", "1MB", "TERM:10 KILL", "root",
          "127.0.0.1:80", "unix:/x", "http://a:1/", "@env", "0-7", " ; ", "\n  ")  # fmt: skip
SECTIONS = ("supervice", "supervisord", "unix_http_server", "inet_http_server", "include",
            *(f"{kind}:" for kind in ("program", "group", "eventlistener", "fcgi-program")))  # fmt: skip

WORDS: dict[str, list[str]] = {
    "frames": [*(f'"{key}": ' for key, *_ in _ARGUMENTS), *(f'"command": "{verb}"' for verb in VERBS), "\\ud800", "1e999"],
    "http": [*HTTP, *(f"{header}\r\n" for header in HEADERS)],
    "xml": [*(f"<{name}>" for name in (*_PARENTS, *_SCALARS)), *(f"</{name}>" for name in (*_PARENTS, *_SCALARS)),
            "a.one", "a.any", "system.multicall", "<![CDATA[", "]]>", "&#13;", "&amp;"],
    "configuration": [*{f"\n{row[NAME]} = " for table in _SECTIONS.values() for row in table},
                      *(f"\n[{section}" for section in SECTIONS), *VALUES, *EVENTS],
    "notifications": ["READY=1", "STOPPING=1", "STATUS=", "MAINPID=", "WATCHDOG=1", "WATCHDOG=trigger", "WATCHDOG_USEC=",
                      "EXTEND_TIMEOUT_USEC=", "BARRIER=1"],
    "listeners": ["READY\n", "RESULT 2\nOK", "RESULT ", "FAIL"],
    "schedules": [*NAMES, "@reboot", "every ", "TZ=", "CET-1CEST,M3.5.0,M10.5.0/3\n", *(f" {name}" for f in FIELDS for name in f.names),
                  "*/", " * ", "L", "LW", "#5", "5L"],
    "logs": [BEGIN.decode(), END.decode(), "\x1b[", "\x1b[0m", "\x1b[31;1m", "\r\n"],
    "expressions": ["(?i)", "(?:", "(?P<a>", "(?#", "(?i:", "{2,3}", "{,2}", "\\b", "\\B", "\\d", "\\W", "\\A", "\\Z", "[^", "\\x41", "*?"],
}  # fmt: skip


def dictionary(name: str) -> str:
    """The words of a target as libFuzzer reads them, one a line."""
    escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in WORDS.get(name, []))
    return "".join(f'"{word}"\n' for word in escaped)
