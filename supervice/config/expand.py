"""Expands `%(name)s` in values. A bare `%` stays; `%%` is `%`. Pure, but for the name of the host."""

from __future__ import annotations

from supervice.config.problems import nearest, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_FLAGS = "#0- +123456789."
LONGEST_NAME = 1000  # characters, with its default
_CONVERSIONS = "sdiouxXeEfFgGra"


class ExpandError(ValueError):
    """Unknown names, or variables that are not set; `problems` has a message for each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Names:
    """The names allowed between `%(` and `)`: those of `values`, and `ENV_X` from `extra` and `environ`.

    With `deferred`, `process_num` stays in the text: `config.instances` expands it.
    """

    __slots__ = ("deferred", "environ", "extra", "padded", "values")

    def __init__(
        self, environ: Mapping[str, str], values: dict[str, str | int], padded: bool = False
    ) -> None:
        self.environ = environ
        self.values = values
        self.extra: dict[str, str] = {}
        self.padded = padded  # %(process_num)s has two digits, as upstream supervice has it
        self.deferred = False

    def lookup(self, name: str) -> str | int:
        if name in self.values:
            return self.values[name]
        if name == "host_node_name":
            import os

            return os.uname().nodename
        if name.startswith("ENV_"):
            variable, given, default = name[4:].partition(":-")
            value = self.extra.get(variable)
            if value is None:
                value = self.environ.get(variable)
            if given:
                return value or default
            if value is not None:
                return value
            raise ExpandError(
                f"the environment variable {shown(variable)} is not set; "
                f"set it, or write a default: %(ENV_{shown(variable)}:-default)s"
            )
        known = [*self.values, "host_node_name"]
        raise ExpandError(
            f"unknown name %({shown(name)})s"
            + (nearest(name, known) or f"; write one of {', '.join(sorted(known))}, ENV_X")
            + " (%% is a percent sign)"
        )


def expand(text: str, names: Names) -> tuple[str, bool]:
    """Returns the expanded text, and whether it holds a bare `%` (which supervisord refuses).

    ExpandError with everything that is wrong.
    """
    at = text.find("%")
    if at < 0:
        return text, False
    parts = []
    start = 0
    bare = False
    problems: dict[str, None] = {}
    while at >= 0:
        parts.append(text[start:at])
        following = text[at + 1 : at + 2]
        if following == "%":
            parts.append("%")
            start = at + 2
        else:
            # A bounded search: a file of nothing but "%(" must not take quadratic time.
            end = text.find(")", at, at + LONGEST_NAME) if following == "(" else -1
            name = text[at + 2 : end] if end >= 0 else ""
            if _is_name(name):
                try:
                    value, start = _one(text, at, end, name, names)
                    parts.append(value)
                except ExpandError as error:
                    problems.update(dict.fromkeys(error.problems))
                    start = end + 1
            else:
                bare = True
                parts.append("%")
                start = at + 1
        at = text.find("%", start)
    if problems:
        raise ExpandError(*problems)
    parts.append(text[start:])
    return "".join(parts), bare


def _is_name(name: str) -> bool:
    # `%(%H:%M)T` belongs to bash's printf: only what looks like a name is one.
    word = name.partition(":-")[0]
    return bool(word) and word.isascii() and word.replace("_", "a").replace(".", "a").isalnum()


def _one(text: str, at: int, end: int, name: str, names: Names) -> tuple[str, int]:
    after = end + 1
    while after < len(text) and text[after] in _FLAGS:
        after += 1
    flags, conversion = text[end + 1 : after], text[after : after + 1]
    if not conversion or conversion not in _CONVERSIONS:
        raise ExpandError(f"%({shown(name)}) has no format; write %({shown(name)})s (%% is a percent sign)")
    if any(len(digits) > 3 for digits in flags.split(".")):
        raise ExpandError(
            f"%({shown(name)}){shown(flags)}{conversion} is wider than 999; write at most 3 digits"
        )
    if names.deferred and name == "process_num":
        names.lookup(name)
        return text[at : after + 1], after + 1
    value = names.lookup(name)
    if names.padded and name == "process_num" and not flags and conversion == "s":
        return f"{value:02}", after + 1
    try:
        return ("%" + flags + conversion) % value, after + 1
    except (TypeError, ValueError):
        raise ExpandError(
            f"%({shown(name)}){flags}{conversion} does not fit its value; write %({shown(name)})s"
        ) from None
