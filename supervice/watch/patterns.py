"""What `watch` and `watch_ignore` name: paths and globs, and the names that no glob matches. Pure.

`*` and `?` stay within a name; `**` is any number of directories, including none. Names that begin with a dot
match only a pattern that has the dot; `..data` of a ConfigMap is reached through the links beside it.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Final

_WILD: Final = frozenset("*?[")
# Names that editors, version control and runtimes leave beside the files that are meant.
_NEVER: Final = frozenset(("node_modules", "__pycache__"))
_NEVER_ENDINGS: Final = ("~", ".swp", ".tmp")
ANY_DEPTH: Final = "**"


def is_glob(text: str) -> bool:
    return not _WILD.isdisjoint(text)


class Pattern:
    """An absolute path or glob in parts: the literal path up to the first wildcard, and the rest."""

    __slots__ = ("base", "parts", "text")

    def __init__(self, text: str) -> None:
        names = [name for name in text.split("/") if name]
        wild = next((place for place, name in enumerate(names) if is_glob(name)), len(names))
        self.text = text
        self.base = "/" + "/".join(names[:wild])
        # Each part is a name, ANY_DEPTH, or an expression for a name.
        self.parts: list[str | re.Pattern[str]] = []
        for name in names[wild:]:
            if name == ANY_DEPTH:
                if self.parts[-1:] != [ANY_DEPTH]:
                    self.parts.append(ANY_DEPTH)
            else:
                self.parts.append(re.compile(_translate(name)) if is_glob(name) else name)


def is_found(name: str, part: str | re.Pattern[str]) -> bool:
    """Returns whether a wildcard matches a name; it matches no hidden ones, nor those of editors."""
    if name in _NEVER or name.endswith(_NEVER_ENDINGS):
        return False
    if isinstance(part, str):  # ANY_DEPTH
        return not name.startswith(".")
    if name.startswith(".") and not part.pattern.startswith("\\."):
        return False
    return name not in (".git",) and part.fullmatch(name) is not None


def ignoring(globs: Iterable[str], own_files: Iterable[str]) -> Callable[[str], bool]:
    """Returns a test for paths that are not watched: `watch_ignore`, and the log files of supervice.

    A glob with a slash is for whole paths (a relative one for their ends), one without for any name in a
    path.
    """
    names, paths = [], []
    for glob in globs:
        text = glob.rstrip("/").removesuffix("/**")
        if "/" in text:
            paths.append(_translate(text if text.startswith("/") else f"/**/{text}") + "(?:/.*)?")
        elif text:
            names.append(_translate(text))
    name = re.compile("|".join(names)) if names else None
    path = re.compile("|".join(paths), re.DOTALL) if paths else None
    logs = tuple(own_files)
    backups = tuple(f"{file}." for file in logs)

    def is_ignored(whole: str) -> bool:
        if whole in logs or whole.startswith(backups):
            return True
        if path is not None and path.fullmatch(whole):
            return True
        return name is not None and any(map(name.fullmatch, whole.split("/")))

    return is_ignored


def _translate(glob: str) -> str:
    """Returns a regular expression for a name, or for a path with slashes."""
    return "/".join(_name(part) for part in glob.split("/")).replace(f"{_DEPTHS}/", _DEPTHS)


_DEPTHS: Final = "(?:[^/]+/)*"


def _name(glob: str) -> str:
    if glob == ANY_DEPTH:
        return _DEPTHS
    found, place = "", 0
    while place < len(glob):
        char = glob[place]
        place += 1
        if char == "*":
            found += "[^/]*"
        elif char == "?":
            found += "[^/]"
        elif char == "[":
            end = glob.find("]", place + 1 + (glob[place : place + 1] in ("!", "^")))
            if end < 0:
                found += "\\["
                continue
            found += _one_of(glob[place:end])
            place = end + 1
        else:
            found += re.escape(char)
    return found


def _one_of(inside: str) -> str:
    """Returns an expression for what stands between brackets.

    A range that ends before it begins holds nothing, and none holds a slash.
    """
    negated = inside.startswith(("!", "^"))
    found, place = "", int(negated)
    while place < len(inside):
        first = last = inside[place]
        if inside[place + 1 : place + 2] == "-" and place + 2 < len(inside):
            place += 2
            last = inside[place]
        if first <= last:
            found += f"{re.escape(first)}-{re.escape(last)}"
        place += 1
    if negated:
        return f"[^/{found}]"
    return f"(?!/)[{found}]" if found else "(?!)"
