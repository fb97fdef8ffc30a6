"""Reads INI files into sections, each value with its file and line. It knows one option: `[include] files`.

The lexical rules are supervisord's: Python's RawConfigParser with inline comments and with duplicates
allowed. Whatever our dialect forbids beyond that becomes a problem of severity "strict", because the dialect
is known only when everything is read. Reading ends on any input: it reads regular files only, each once, with
limits on the size, the number of files and the number of problems. No other module of the package opens
configuration files.
"""

from __future__ import annotations

import os
import stat

from supervice.config import lexer
from supervice.config.expand import ExpandError, Names, expand
from supervice.config.problems import ERROR, STRICT, WARNING, Problem, readable, shown
from supervice.fs.files import read_file
from supervice.fs.place import is_trusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Value = tuple[str, str, int]  # text, file, line

BIGGEST = 16 * 1024 * 1024  # bytes of one file
LONG_PATH = 250  # characters of a path in a message
MOST_FILES = 10_000
DEEPEST = 50  # files that include each other
# A file that changed less than so many seconds ago may be half written; also the pause between two reads of
# it. All reads together stay far below what one turn of the event loop may take.
SETTLE = 0.05
SETTLE_PAUSE = 0.005
SETTLE_TRIES = 8
MOST_COMPLAINTS = 100  # about the syntax of one file


class Section:
    """A section and its options, in file order."""

    __slots__ = ("file", "here", "line", "name", "options")

    def __init__(self, name: str, file: str, line: int, here: str) -> None:
        self.name = name
        self.file = file
        self.line = line
        self.here = here  # the directory of `file`, absolute
        self.options: dict[str, Value] = {}


class Reading:
    """All sections of a configuration file and of the files that it includes."""

    def __init__(self, environ: Mapping[str, str], cwd: str, *, settled: bool = False) -> None:
        """With `settled`, a file that may be being written is read until two reads agree."""
        self._settled = settled
        self.sections: dict[str, Section] = {}
        self.problems: list[Problem] = []
        self.files: list[str] = []  # their paths
        self.names: list[str] = []  # their names in messages
        self.patterns: list[str] = []  # whole paths and globs of what is included
        self._environ = environ
        self._cwd = cwd
        self._stack: list[tuple[int, int]] = []
        self._seen: set[tuple[int, int]] = set()

    def complain(self, file: str, line: int, severity: str, message: str, option: str = "") -> None:
        self.problems.append(Problem(file, line, severity, option, readable(message)))

    @property
    def stock(self) -> bool:
        """Returns whether this is supervisord's dialect."""
        return "supervisord" in self.sections and "supervice" not in self.sections

    def read(self, path: str) -> None:
        """Reads `path` and all that it includes. FileNotFoundError when `path` itself does not exist."""
        real = os.path.join(self._cwd, path)
        if not os.path.lexists(real):
            raise FileNotFoundError(2, "no such configuration file", path)
        self._file(real, path, path, 0)

    def _file(self, real: str, path: str, from_file: str, from_line: int) -> None:
        """Reads one file. `path` is its name in messages; `from_…` is the place that includes it."""
        try:
            # The command line names the file itself; one that it includes may lie in a program's directory.
            data, info = read_file(real, BIGGEST, follow=not from_line)
            if self._settled:
                data, info = _settle(real, data, info, follow=not from_line)
        except OSError as error:
            why = error.strerror or str(error)
            severity = WARNING if from_line and self.stock else ERROR  # supervisord goes on without the file
            what = f"{shown(path, LONG_PATH)} cannot be read" if from_line else "cannot be read"
            self.complain(from_file, from_line, severity, f"{what}: {why}")
            return
        if from_line and not is_trusted(info.st_uid):
            message = (
                f"{shown(path, LONG_PATH)} belongs to uid {info.st_uid}, who can change what is run as"
                f" uid {os.geteuid()}; give it to root (chown root) or take it out of [include]"
            )
            self.complain(from_file, from_line, WARNING, message, "files")
        identity = (info.st_dev, info.st_ino)
        if identity in self._stack:
            self.complain(
                from_file,
                from_line,
                ERROR,
                f"[include] loop: {shown(path, LONG_PATH)} includes itself; remove one [include]",
            )
            return
        if identity in self._seen:
            return  # two patterns overlap
        self._seen.add(identity)
        self.files.append(real)
        self.names.append(path)
        if len(self.files) > MOST_FILES:
            if len(self.files) == MOST_FILES + 1:
                self.complain(
                    from_file,
                    from_line,
                    ERROR,
                    f"[include] names more than {MOST_FILES} files; narrow its patterns",
                )
            return
        if info.st_mode & stat.S_IWOTH:
            message = "every user may change this file, and so what is run here; write chmod o-w for it"
            self.complain(path, 0, WARNING, message)
        here = os.path.dirname(os.path.normpath(real))
        include = self._text(_decoded(self, path, data), path, here)
        if include is not None and len(self._stack) >= DEEPEST:
            message = f"[include] more than {DEEPEST} files deep; include this file from another one"
            self.complain(include.file, include.line, ERROR, message)
        elif include is not None:
            self._stack.append(identity)
            self._include(include)
            self._stack.pop()

    def _include(self, section: Section) -> None:
        files = section.options.get("files")
        if files is None:
            message = "[include] has no option 'files'; write files = conf.d/*.conf"
            self.complain(section.file, section.line, ERROR, message)
            return
        text, file, line = files
        if self._stack[1:] and self.stock:
            message = (
                "[include] in an included file has no effect, as in supervisord; move it to the first file"
            )
            self.complain(file, line, WARNING, message, "files")
            return
        try:
            text, _ = expand(text, Names(self._environ, {"here": section.here}))
        except ExpandError as error:
            self.complain(file, line, ERROR, f"[include] files: {error}", "files")
            return
        for pattern in text.split():
            full = os.path.join(section.here, pattern)
            self.patterns.append(full)
            if any(c in pattern for c in "*?["):
                import glob

                found = sorted(glob.glob(full))
                if not found and self.stock:
                    self.complain(
                        file,
                        line,
                        WARNING,
                        f"[include] files: nothing matches {shown(pattern, LONG_PATH)}",
                        "files",
                    )
            elif not os.path.lexists(full):
                severity = WARNING if self.stock else ERROR
                message = f"[include] files: {shown(pattern, LONG_PATH)} does not exist"
                self.complain(file, line, severity, message, "files")
                continue
            else:
                found = [full]
            for name in found:
                self._file(name, name, file, line)

    def _text(self, text: str, file: str, here: str) -> Section | None:
        """Adds the sections of `text`; returns its `[include]`, or None."""
        include: Section | None = None
        section: Section | None = None
        fresh: set[str] = set()  # the keys of this section in this file
        key, lines, indent, key_line = "", [""], 0, 0
        complaints = len(self.problems)

        def finish() -> None:
            if section is not None and key:
                while lines and not lines[-1]:
                    lines.pop()
                section.options[key] = ("\n".join(lines).strip(), file, key_line)

        for number, depth, stripped, cuts in lexer.lines(text):
            if not stripped:
                lines.append("")
                continue
            if cuts:
                self.complain(file, number, WARNING, _CUT)
            if section is not None and key and depth > indent:
                lines.append(stripped)
                continue
            indent = depth
            end = stripped.rfind("]") if stripped[0] == "[" else 0
            if (section is None and not end) or stripped[1:end] in _UNIT:
                foreign = _foreign(text, number if end else 0)
                if foreign is not None:
                    self.complain(file, foreign[0], ERROR, foreign[1])
                    break
            if end > 1:
                finish()
                key = ""
                section = self._section(stripped, end, file, number, here)
                fresh = set()
                if section.name == "include":
                    if include is not None:
                        self.complain(file, number, STRICT, "[include] appears twice; merge them")
                        section.options.update(include.options)
                    include = section
                continue
            option, value, problem = lexer.option(stripped, section is not None)
            if problem:
                if len(self.problems) - complaints > MOST_COMPLAINTS:
                    self.complain(file, number, ERROR, "too many errors; the rest of the file is not read")
                    break
                self.complain(file, number, ERROR, problem)
                continue
            finish()
            if option in fresh:
                assert section is not None
                message = f"[{shown(section.name)}] sets {shown(option)} twice; remove one"
                self.complain(file, number, STRICT, message, option)
            fresh.add(option)
            if section is not None and section.name == "supervice":
                self._set_elsewhere(section, option, number)
            key, lines, key_line = option, [value], number
        finish()
        return include

    def _set_elsewhere(self, section: Section, option: str, number: int) -> None:
        """Complains when another [supervice] section has the option already."""
        for other in self.sections.values():
            if other.name == section.name and other is not section and option in other.options:
                _, file, line = other.options[option]
                message = (
                    f"[{section.name}] {shown(option)} is set already in {shown(file, LONG_PATH)}:{line}; "
                    "remove one of the two"
                )
                self.complain(section.file, number, STRICT, message, option)
                return

    def _section(self, line: str, end: int, file: str, number: int, here: str) -> Section:
        name = line[1:end]
        if line[end + 1 :].strip():
            message = f"text after the section header [{shown(name)}]; remove it, or write ; before it"
            self.complain(file, number, STRICT, message)
        if name == "include":  # each file has its own
            return Section(name, file, number, here)
        kind, colon, rest = name.partition(":")
        if colon and kind in _NAMED and rest != rest.strip():
            name = f"{kind}:{rest.strip()}"
        known = self.sections.get(name)
        if known is not None and name == "supervice":
            # Files of conf.d may add settings. A section of its own, since paths begin where the file lies.
            section = Section(name, file, number, here)
            self.sections[f"{name}\0{len(self.sections)}"] = section
            return section
        if known is not None:
            self.complain(
                file,
                number,
                STRICT,
                f"[{shown(name)}] appears twice; move these settings to {shown(known.file, LONG_PATH)}:"
                f"{known.line}, or {'rename one' if colon else 'replace that file'}",
            )
            return known
        section = self.sections[name] = Section(name, file, number, here)
        return section


_NAMED = ("program", "group", "eventlistener", "fcgi-program")
_UNIT = ("Unit", "Service", "Install")
_CUT = (
    "a comment (a blank followed by ; or #) cuts a quoted value here; "
    "remove the blank before it, or write the value into an environment variable"
)


def _settle(real: str, data: bytes, info: os.stat_result, *, follow: bool) -> tuple[bytes, os.stat_result]:
    """Returns the content once two reads agree, if the file has just changed: it may be half written."""
    import time

    for _ in range(SETTLE_TRIES):
        if not 0 <= time.time() - info.st_mtime < SETTLE:
            break
        time.sleep(SETTLE_PAUSE)
        again, info = read_file(real, BIGGEST, follow=follow)
        if again == data:
            break
        data = again
    return data, info


def _foreign(text: str, unit: int) -> tuple[int, str] | None:
    from supervice.config.other_formats import problem_of

    return problem_of(text, unit)


def _decoded(reading: Reading, path: str, data: bytes) -> str:
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        why = "not UTF-8 text; save the file as UTF-8"
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            why = "UTF-16 text; save the file as UTF-8"
        reading.complain(path, line, STRICT, why)
        text = data.decode(errors="surrogateescape")
    nul = text.find("\0")
    if nul >= 0:
        message = "a NUL byte, which no option can hold; save the file as text"
        reading.complain(path, text.count("\n", 0, nul) + 1, ERROR, message)
        text = text.replace("\0", "")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text
