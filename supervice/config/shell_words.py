"""Finds words that only a shell understands in a command that runs without one; writes the `sh -c` for it.

Pure text, called by `doubts`.
"""

from __future__ import annotations

SHELLS = frozenset(("sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"))
# Words of a shell that are no programs, or have no effect as one.
_BUILTINS = frozenset(
    (
        ".", "cd", "eval", "exec", "export", "for", "if", "set", "shopt", "source", "trap", "ulimit",
        "umask", "unset", "until", "while",
    )
)  # fmt: skip
_OPERATORS = ("&&", "||", "|", "&>", "&", ">", "<", ";")
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")
_LONGEST = 4096  # characters of a command that is looked at
_QUOTED = "\0"  # stands for a character that has no meaning of its own


class _Word:
    """One word of a command: `raw` as written, `bare` without quoted parts, `live` where `$` counts."""

    __slots__ = ("bare", "live", "raw")

    def __init__(self) -> None:
        self.raw = self.bare = self.live = ""

    def add(self, raw: str, bare: str, live: str) -> None:
        self.raw += raw
        self.bare += bare
        self.live += live


def shell_problem(command: str) -> str:
    """Returns what is wrong with the command, and what to write instead; "" when nothing is."""
    words = _words(command) if len(command) <= _LONGEST else []
    if not words:
        return ""
    first = words[0]
    if first.bare == "exec" and len(words) > 1 and not _tokens(words[1:]):
        return f"no shell reads it, and there is no program exec; write command = {command[4:].strip()}"
    tokens = _tokens(words)
    if not tokens:
        return ""
    instead = _instead(words, tokens)
    is_are = "is" if len(tokens) == 1 else "are"
    return (
        f"no shell reads it, so {_listed(tokens)} {is_are} passed on as written; "
        f"write command = {_as_shell(words)}{instead}"
    )


def _words(command: str) -> list[_Word]:
    """Returns the words of the command, by the shell's quoting rules."""
    found: list[_Word] = []
    word: _Word | None = None
    quote = ""
    at, end = 0, len(command)
    while at < end:
        c = command[at]
        at += 1
        if not quote and c in " \t\r\n":
            word = None
            continue
        if word is None:
            word = _Word()
            found.append(word)
        if c == "\\" and quote != "'" and at < end:
            word.add(command[at - 1 : at + 1], _QUOTED, _QUOTED)
            at += 1
        elif quote:
            ended = c == quote
            word.add(c, "" if ended else _QUOTED, "" if ended else c if quote == '"' else _QUOTED)
            quote = "" if ended else quote
        elif c in "\"'":
            quote = c
            word.add(c, "", "")
        else:
            word.add(c, c, c)
    return found


def _tokens(words: list[_Word]) -> list[str]:
    """Returns the parts of the words that only a shell understands, each once."""
    found: dict[str, None] = {}
    inside = False  # behind a shell, or a program that has one: its variables are its own
    head = True
    for number, word in enumerate(words):
        bare = word.bare
        if head and (name := _assigned(bare)):
            found[f"{name}="] = None
            continue
        if head and (bare in _BUILTINS or bare == "[["):
            found[bare] = None
        head = False
        operator = _operator(bare)
        if operator:
            found[operator] = None
        elif bare.endswith(("&", ";")) and (number == len(words) - 1 or bare[-1] == ";"):
            found[bare[-1]] = None
        elif bare == "~" or bare.startswith("~/"):
            found["~/"] = None
        inside = inside or bare.rpartition("/")[2] in SHELLS or (bare[:1] == "-" and bare[-1:] == "c")
        variable = "" if inside else _variable(word.live)
        if variable:
            found[variable] = None
    return list(found)


def _assigned(bare: str) -> str:
    """Returns the name in NAME=value, or ""."""
    name, equals, _ = bare.partition("=")
    return name if equals and name and _NAME.issuperset(name) and not name[0].isdigit() else ""


def _operator(bare: str) -> str:
    rest = bare.lstrip("0123456789")
    if len(rest) < len(bare) and rest[:1] not in (">", "<"):
        return ""
    found = next((operator for operator in _OPERATORS if rest.startswith(operator)), "")
    if found == "<" and rest.endswith(">"):  # <placeholder>
        return ""
    return found


def _variable(live: str) -> str:
    at = live.find("$")
    while at >= 0:
        following = live[at + 1 : at + 2]
        if following == "(":
            return "$(...)"
        end = at + 2 if following == "{" else at + 1
        begin = end
        while end < len(live) and live[end] in _NAME:
            end += 1
        name = live[begin:end]
        if name and not name[0].isdigit():
            return f"${name}"
        at = live.find("$", at + 1)
    return "`...`" if live.count("`") > 1 else ""


def _listed(tokens: list[str]) -> str:
    return tokens[0] if len(tokens) == 1 else f"{', '.join(tokens[:-1])} and {tokens[-1]}"


def _instead(words: list[_Word], tokens: list[str]) -> str:
    """Returns the end of the message: the option that does the same without a shell."""
    if tokens == ["cd", "&&"] and len(words) > 3 and words[2].bare == "&&":
        return f", or directory = {words[1].raw} and the command alone"
    if tokens == ["&"]:
        return ", which keeps it in sight"
    if len(tokens) == 1 and tokens[0].endswith("="):
        return f", or environment = {tokens[0]}... and the command alone"
    if len(tokens) == 1 and tokens[0][0] == "$" and tokens[0][1] != "(":
        return f", or %(ENV_{tokens[0][1:]})s for the variable"
    return ""


def _as_shell(words: list[_Word]) -> str:
    """Returns the command as an argument of `sh -c`, without assigned values, which may be secrets."""
    raws, bares = [word.raw for word in words], [word.bare for word in words]
    if bares[-1] == "&":
        del raws[-1], bares[-1]
    elif bares[-1].endswith("&") and not bares[-1].endswith("&&"):
        raws[-1] = raws[-1][:-1]
    if not _tokens(_words(" ".join(raws))):
        return " ".join(raws)  # it was the & alone
    head = True
    last = 0  # the first word of the last command
    for number, bare in enumerate(bares):
        name = _assigned(bare)
        if head and name:
            raws[number] = f"{name}=..."
            continue
        head = False
        if bare in ("&&", ";") or bare.endswith(";"):
            last = number + 1
            head = True
    simple = not any(bare.startswith(("|", "&")) and bare not in ("&&", "&>") for bare in bares)
    while last < len(bares) and _assigned(bares[last]):
        last += 1
    if simple and last < len(bares) and bares[last] not in _BUILTINS:
        raws.insert(last, "exec")
    inner = " ".join(raws)
    if "'" not in inner:
        return f"sh -c '{inner}'"
    if not any(c in inner for c in '"\\$`'):
        return f'sh -c "{inner}"'
    return "sh -c '" + inner.replace("'", "'\"'\"'") + "'"
