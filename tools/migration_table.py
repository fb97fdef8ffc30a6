# ruff: noqa: E501  (the lines are those of a page)
"""The table of options in docs/migrating-from-supervisord.md: `python -m tools.migration_table FILE`.

It is made of the option table; here is only what differs on purpose. Not imported by the daemon. A test
compares the file with `renewed()`.
"""

from __future__ import annotations

import sys

from supervice.config.options import DIALECTS, EFFECT, NAME, OURS_ONLY, STOCK, rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.config.options import Row

BEGIN = "<!-- options: made by `python -m tools.migration_table docs/migrating-from-supervisord.md` -->\n"
END = "<!-- end of the options -->\n"

SECTIONS = (
    ("supervisord", "[supervisord]"),
    ("program", "[program:x]"),
    ("fcgi-program", "[fcgi-program:x]"),
    ("eventlistener", "[eventlistener:x]"),
    ("group", "[group:x]"),
    ("include", "[include]"),
    ("unix_http_server", "[unix_http_server]"),
    ("inet_http_server", "[inet_http_server]"),
)
# supervisord's own default where a stock file gets another one here.
THEIRS = {
    ("supervisord", "minfds"): "1024",
    ("supervisord", "minprocs"): "200",
    ("program", "stopasgroup"): "false",
    ("program", "killasgroup"): "false",
    ("program", "stdout_logfile"): "AUTO",
    ("program", "stderr_logfile"): "AUTO",
}
# What is not as there, and on purpose.
DIFFERS = {
    ("supervisord", "logfile"): "where the file does not set it, the log goes to the container's stdout",
    ("supervisord", "pidfile"): "none is written unless the file sets it",
    ("supervisord", "umask"): "where the file does not set it, the container's stays",
    (
        "supervisord",
        "user",
    ): "the programs that set none run as this user; the daemon stays root, to be able to stop everything",
    (
        "supervisord",
        "minfds",
    ): "the limit is raised where it can be, and a warning says where not; supervisord refuses to start",
    ("supervisord", "minprocs"): "as `minfds`",
    ("supervisord", "loglevel"): "`trace` and `blather` are `debug`",
    (
        "program",
        "command",
    ): "a file that is missing is looked for again at each retry; a bare `%` is a literal",
    ("program", "stopasgroup"): "a stop reaches the whole process group unless the file says `false`",
    ("program", "killasgroup"): "as `stopasgroup`",
    ("program", "startretries"): "waits of 1, 2, 4 … 30 s between the tries (there 1, 2, 3 … s)",
    ("program", "autorestart"): "a program that dies again within 10 s waits before it is restarted",
    (
        "program",
        "user",
    ): "`HOME`, `USER`, `LOGNAME` and the supplementary groups are the user's; `uid:gid` works too",
    (
        "program",
        "stdout_logfile",
    ): "unset and `AUTO` are the container's stdout; devices are never rotated; a missing directory is retried",
    ("program", "stderr_logfile"): "unset and `AUTO` are the container's stderr",
    ("program", "stdout_logfile_maxbytes"): "of no meaning for devices, so `0` need not be written",
    ("include", "files"): "a pattern without a match is a warning, as there",
}


def table() -> str:
    """All sections, one option a line."""
    program = rows("program")
    parts = []
    for kind, title in SECTIONS:
        lines = [f"\n### {title}\n", "| option | default there | here |", "| --- | --- | --- |"]
        found = False
        for name, row in rows(kind).items():
            if row[DIALECTS] == OURS_ONLY or (kind != "program" and program.get(name) is row):
                continue
            found = True
            default = THEIRS.get((kind, name), row[STOCK])
            lines.append(f"| `{row[NAME]}` | {f'`{default}`' if default else ''} | {_here(kind, row)} |")
        if found:
            parts.append("\n".join(lines))
    return "\n".join(parts) + "\n"


def _here(kind: str, row: Row) -> str:
    if row[EFFECT]:
        return f"no effect: {row[EFFECT]}"
    return DIFFERS.get((kind, row[NAME]), "the same")


def renewed(page: str) -> str:
    """The page with a fresh table."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}\n{END}{after}"


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(renewed(text))
