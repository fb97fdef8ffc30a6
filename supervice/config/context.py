"""What all parts of one load share: the dialect, the problems, and how an option becomes a value."""

from __future__ import annotations

import os

from supervice.config.expand import ExpandError, Names, expand
from supervice.config.kinds import KINDS
from supervice.config.options import (
    DIALECTS,
    EFFECT,
    KIND,
    NAME,
    OURS,
    OURS_ONLY,
    STOCK,
    rows,
)
from supervice.config.problems import ERROR, WARNING, Problem, nearest, readable, shown
from supervice.config.quoting import split_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from supervice.config.options import Row
    from supervice.config.reader import Section, Value

# Kinds and options whose values may be secrets: messages do not show them.
_SECRET_KINDS = ("environment", "secrets")
_SECRET_OPTIONS = ("password", "username", "healthcheck_headers", "readiness_headers")
_STREAMS = {
    "/dev/stdout": 1,
    "/dev/fd/1": 1,
    "/proc/self/fd/1": 1,
    "/proc/1/fd/1": 1,
    "/dev/stderr": 2,
    "/dev/fd/2": 2,
    "/proc/self/fd/2": 2,
    "/proc/1/fd/2": 2,
}
# supervisord takes negative numbers for these, as if they were 0.
_NEGATIVE = ("seconds", "count", "retries", "size", "maxbytes", "backups")
LEAST_BYTES = 4096  # of a log file that is rotated
MOST_BACKUPS = 1000
LONGEST_SOCKET = 107  # bytes of the path of a Unix socket, without its final NUL (unix(7))
_SOCKETS = (("supervice", "socket"), ("unix_http_server", "file"))
FAILED = object()


class Context:
    """One load. Relative paths begin in `cwd`; None leaves them as they are written."""

    def __init__(self, stock: bool, environ: Mapping[str, str], cwd: str | None) -> None:
        self.stock = stock
        self.environ = environ
        self.cwd = cwd
        self.problems: list[Problem] = []
        self._said: set[tuple[str, int, str]] = set()
        self._guesses = 40  # difflib is slow: a file of garbage gets so many hints
        self._users: dict[tuple[str, str], str] = {}

    def say(self, severity: str, file: str, line: int, option: str, message: str) -> None:
        message = readable(message)
        key = (file, line, message)
        if key not in self._said:  # one message, for however many processes
            self._said.add(key)
            self.problems.append(Problem(file, line, severity, option, message))

    def error(self, file: str, line: int, option: str, message: str) -> None:
        self.say(ERROR, file, line, option, message)

    def warning(self, file: str, line: int, option: str, message: str) -> None:
        self.say(WARNING, file, line, option, message)

    def complain(self, file: str, line: int, option: str, message: str) -> None:
        """Reports an error in our dialect, a warning in supervisord's."""
        self.say(WARNING if self.stock else ERROR, file, line, option, message)

    def guess(self, word: str, known: Any) -> str:
        self._guesses -= 1
        return nearest(word, known) if self._guesses >= 0 else ""

    def names(self, section: Section, extra: Mapping[str, str], **values: str | int) -> Names:
        names = Names(self.environ, values, padded=not self.stock)
        names.extra.update(extra)
        return names

    def check(self, section: Section, kind: str) -> list[Row]:
        """Returns the rows of the options that `section` sets; reports options that it cannot have."""
        table = rows(kind)
        found = []
        for name, (_, file, line) in section.options.items():
            row = table.get(name)
            if row is None:
                known = [n for n, r in table.items() if not self.stock or r[DIALECTS] != OURS_ONLY]
                hint = self.guess(name, known)
                ignored = " is ignored" if self.stock else ""
                what = f"[{shown(section.name)}]: unknown option {shown(name)!r}{ignored}"
                if name[:1] == "[" and not self.stock:
                    what, hint = "a section header without its ]", "; add it"
                self.complain(file, line, name, what + (hint or "; remove it"))
            elif self.stock and row[DIALECTS] == OURS_ONLY:
                self.warning(
                    file,
                    line,
                    name,
                    f"[{shown(section.name)}] {name} is ignored: supervisord has no such option; "
                    "add a [supervice] section to use it",
                )
            else:
                found.append(row)
        return found

    def effect(self, section: Section, row: Row, value: object) -> None:
        """Warns when an option that was read has no effect."""
        effect = row[EFFECT]
        if not effect or value is FAILED:
            return
        written = row[OURS] if row[OURS] is not None else row[STOCK]
        if written is not None and value == KINDS[row[KIND]][0](written):
            return  # it asks for what supervice does anyway
        _, file, line = section.options[row[NAME]]
        self.warning(file, line, row[NAME], f"[{shown(section.name)}] {row[NAME]} has no effect: {effect}")

    def value(self, section: Section, row: Row, names: Names) -> Any:
        """Returns the value of the option; FAILED after reporting why there is none."""
        name, kind = row[NAME], row[KIND]
        value = section.options[name]
        raw, file, line = value
        try:
            if kind in _SECRET_KINDS:
                found = self._pairs(raw, names, name, section)
                return self._secrets(found) if kind == "secrets" else found
            text, bare = expand(raw, names)
            if bare and self.stock:
                self._bare(section, value, name)
            if self.stock and kind == "logfile":
                text, _ = expand(text, names)  # supervisord expands log files twice
            if self.stock and text[:1] == "-" and kind in _NEGATIVE and text[1:].isdigit():
                message = f"[{shown(section.name)}] {name}: a negative number counts as 0; write 0"
                self.warning(file, line, name, message)
                text = "0"
            if self.stock and not text and kind in ("path", "command"):
                return self._empty(section, name)
            parsed = KINDS[kind][0](text)
            return self._finish(section, row, parsed)
        except ExpandError as error:
            for problem in error.problems:
                self.error(file, line, name, f"[{shown(section.name)}] {name}: {problem}")
        except ValueError as error:
            secret = kind in _SECRET_KINDS or name in _SECRET_OPTIONS
            seen = "" if secret else f" = {shown(raw)}" if raw else " is empty"
            self.error(file, line, name, f"[{shown(section.name)}] {name}{seen}: {error}")
        return FAILED

    def _empty(self, section: Section, name: str) -> str | None:
        """Returns the value of an empty option, as supervisord does; warns when the program cannot start."""
        if name != "command":
            return None
        _, file, line = section.options[name]
        self.warning(
            file,
            line,
            name,
            f"[{shown(section.name)}] command is empty: the program cannot start; write PROGRAM ARGUMENTS",
        )
        return ""

    def _bare(self, section: Section, value: Value, name: str) -> None:
        self.warning(
            value[1],
            value[2],
            name,
            f"[{shown(section.name)}] {name}: a bare % is literal here, supervisord refuses it; write %%",
        )

    def _pairs(self, raw: str, names: Names, option: str, section: Section) -> dict[str, str]:
        from supervice.config.pairs import pairs, supervisord_pairs

        if self.stock:
            text, bare = expand(raw, names)
            if section.name == "supervisord":
                text, _ = expand(text, names)  # supervisord expands it twice
            if bare:
                self._bare(section, section.options[option], option)
            cut: list[str] = []
            found = dict(supervisord_pairs(text, cut))
            for key in dict.fromkeys(cut):
                _, file, line = section.options[option]
                message = "is cut where supervisord cuts it; put it into double quotes"
                self.warning(file, line, option, f"[{shown(section.name)}] {option}: {shown(key)} {message}")
            return found
        found = {}
        problems: list[str] = []
        for key, value in pairs(raw):
            if key in found:
                raise ValueError(f"{shown(key)} is set twice; remove one")
            try:
                found[key] = ""
                found[key], _ = expand(value, names)
            except ExpandError as error:
                problems += error.problems
        if problems:
            raise ExpandError(*dict.fromkeys(problems))
        return found

    def _secrets(self, found: dict[str, str]) -> dict[str, str]:
        for key, path in found.items():
            if not path:
                raise ValueError(f"{shown(key)} names no file; write {shown(key)}=/path/of/the/file")
        return {key: self.path(path) for key, path in found.items()}

    def _finish(self, section: Section, row: Row, parsed: Any) -> Any:
        kind, name = row[KIND], row[NAME]
        if kind == "path":
            if parsed == "none" and name in ("pidfile", "socket"):
                return parsed
            return self.socket_path(parsed) if (section.name, name) in _SOCKETS else self.path(parsed)
        if kind == "ready" and parsed.startswith(("unix:", "file:")):
            way, _, path = parsed.partition(":")
            return f"{way}:{self.socket_path(path) if way == 'unix' else self.path(path)}"
        if kind == "watched":
            return tuple([path if path.startswith("@") else self.path(path) for path in parsed])
        if kind == "paths":
            return tuple([self.path(path) for path in parsed])
        if kind in ("maxbytes", "backups"):
            return self._rotation(section, name, kind, parsed)
        if kind == "logfile":
            return self._logfile(section, name, parsed)
        if kind == "command":
            return self._command(section, name, parsed)
        if kind == "http" and parsed.startswith("unix:"):
            from supervice.config.check_values import http_place

            return f"unix:{self.socket_path(http_place(parsed)[0])}"
        if kind == "user":
            self._user(section, name, parsed, unknown_user)
        elif name == "socket_group":
            self._user(section, name, parsed, unknown_group)
        return parsed

    def path(self, path: str) -> str:
        if path.startswith("~"):
            path = os.path.expanduser(path)
        if self.cwd is not None and not path.startswith("/"):
            path = os.path.normpath(os.path.join(self.cwd, path))
        return path

    def socket_path(self, path: str) -> str:
        """Returns the absolute path of a Unix socket; ValueError for a path that no socket can have."""
        path = self.path(path)
        size = len(os.fsencode(path))
        if size > LONGEST_SOCKET:
            raise ValueError(
                f"its path has {size} bytes, a Unix socket at most {LONGEST_SOCKET}; write a shorter one"
            )
        return path

    def _rotation(self, section: Section, name: str, kind: str, value: int) -> int:
        """Returns the value, within what one turn of the loop can do. ValueError in our dialect."""
        if kind == "maxbytes" and 0 < value < LEAST_BYTES:
            why, use = "a file of less than 4KB is rotated all the time", LEAST_BYTES
            write = "4KB or more, or 0 for never"
        elif kind == "backups" and value > MOST_BACKUPS:
            why, use, write = "too many to be renamed at each rotation", MOST_BACKUPS, "1000 or less"
        else:
            return value
        if not self.stock:
            raise ValueError(f"{why}; write {write}")
        _, file, line = section.options[name]
        message = f"[{shown(section.name)}] {name} = {value}: {why}, {use} is taken; write {write}"
        self.warning(file, line, name, message)
        return use

    def _logfile(self, section: Section, name: str, path: str) -> str | None:
        own = section.name in ("supervice", "supervisord")
        word = path.lower()
        if word == "syslog":
            _, file, line = section.options[name]
            message = (
                f"[{shown(section.name)}] {name} = syslog has no effect: the output goes to the container's"
            )
            self.warning(file, line, name, message)
            return "" if own else None
        if word in ("none", "off") and not (own and self.stock):
            return "/dev/null" if own else "NONE"
        if own:
            return "" if not path or _STREAMS.get(path) == 1 else self.path(path)
        if word == "auto":
            return None
        if not path:
            return "NONE" if self.stock else None
        stream = _STREAMS.get(path)
        if stream is None:
            return self.path(path)
        if stream == (1 if name == "stdout_logfile" else 2):
            return None
        return "/dev/stdout" if stream == 1 else "/dev/stderr"

    def _command(self, section: Section, name: str, command: str) -> str:
        try:
            split_command(command)
        except ValueError as error:
            if not self.stock:
                raise
            _, file, line = section.options[name]
            self.warning(
                file, line, name, f"[{shown(section.name)}] {name} {error}: the program cannot start"
            )
        return command

    def _user(self, section: Section, option: str, user: str, problem_of: Callable[[str], str]) -> None:
        problem = self._users.get((option, user))
        if problem is None:
            problem = self._users[option, user] = problem_of(user)
        if problem:
            raw, file, line = section.options[option]
            self.complain(file, line, option, f"[{shown(section.name)}] {option} = {shown(raw)}: {problem}")


def unknown_user(user: str) -> str:
    """Returns what is wrong with `name`, `uid`, `name:group` or `uid:gid`; "" when nothing is."""
    name, colon, group = user.partition(":")
    return _unknown("user", name) or (unknown_group(group) if colon else "")


def unknown_group(group: str) -> str:
    return _unknown("group", group)


def _unknown(what: str, word: str) -> str:
    if not word:
        return f"no {what} given; write name, uid, name:group or uid:gid"
    if word.isascii() and word.isdigit():
        return (
            ""
            if len(word) <= 10 and int(word) <= 0xFFFFFFFE
            else f"the {what} id is too large; write a number up to {0xFFFFFFFE}"
        )
    try:
        if what == "user":
            import pwd

            pwd.getpwnam(word)
        else:
            import grp

            grp.getgrnam(word)
    except (KeyError, ValueError, OSError):
        return f"the {what} does not exist here; create it in the image, or write its number"
    return ""
