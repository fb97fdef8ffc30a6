"""Parses `KEY=value` lists with quotes, in both dialects. Loaded for the first list that is not empty.

Pure. It imports `shlex` (and so `re`) only for what the fast path cannot parse.
"""

from __future__ import annotations

_BLANK = " \t\r\n"
# The characters of a word for supervisord's shlex, in `environment`.
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/.+-():")


def pairs(text: str) -> list[tuple[str, str]]:
    r"""Parses `KEY=value` items, separated by  commas or line ends, with the shell's quotes in a value.

    Outside quotes a value ends at a comma or line end, the blanks around it are dropped, and a backslash
    escapes the next character. In double quotes a backslash escapes only `"` and `\`, in single quotes
    nothing.
    """
    found: list[tuple[str, str]] = []
    at, end = 0, len(text)
    while True:
        while at < end and (text[at] in _BLANK or text[at] == ","):
            at += 1
        if at >= end:
            return found
        equals = text.find("=", at)
        key = text[at:equals].strip() if equals >= 0 else ""
        if not key or any(c in key for c in " \t\r\n,\"'"):
            shown = key if key and "," not in key and "\n" not in key else ""
            raise ValueError(
                f"item {len(found) + 1}{f' ({shown.split()[0]})' if shown else ''} is not "
                "KEY=value; put a value with commas or line ends into quotes"
            )
        value, at = _value(text, equals + 1, end, key)
        found.append((key, value))


def _value(text: str, at: int, end: int, key: str) -> tuple[str, int]:
    parts: list[str] = []
    while at < end and text[at] in " \t":
        at += 1
    blanks = ""
    while at < end:
        c = text[at]
        if c == "," or c == "\n":
            break
        if c in " \t\r":
            blanks += c
            at += 1
            continue
        if blanks:
            parts.append(blanks)
            blanks = ""
        if c == '"' or c == "'":
            at = _quoted(text, at, end, key, parts)
        elif c == "\\" and at + 1 < end:
            parts.append(text[at + 1])
            at += 2
        else:
            parts.append(c)
            at += 1
    return "".join(parts), at + 1


def _quoted(text: str, at: int, end: int, key: str, parts: list[str]) -> int:
    quote = text[at]
    at += 1
    while at < end:
        c = text[at]
        if c == quote:
            return at + 1
        if c == "\\" and quote == '"' and text[at + 1 : at + 2] in ('"', "\\"):
            parts.append(text[at + 1])
            at += 2
        else:
            parts.append(c)
            at += 1
    raise ValueError(f"the quote at the beginning of the value of {key} is not closed; close it")


def supervisord_pairs(text: str, cut: list[str] | None = None) -> list[tuple[str, str]]:
    """Parses `environment` as supervisord 4.3 does: shlex in its non-POSIX mode, no escapes in quotes.

    Adds to `cut` the names of values that this cuts short. ValueError for what supervisord refuses.
    """
    found: list[tuple[str, str]] = []
    for item in text.strip().split(",") if text.strip() else ():
        key, equals, value = item.partition("=")
        key, value = key.strip(), value.strip()
        if value[:1] in ('"', "'") and len(value) > 1 and value[0] == value[-1]:
            bare = value[1:-1]
            if '"' in bare or "'" in bare or "\n" in bare:
                break
        else:
            bare = value
            if not _WORD.issuperset(bare):
                break
        if not equals or not key or not value or not _WORD.issuperset(key):
            break
        found.append((key, bare))
    else:
        return found
    return _by_shlex(text, [] if cut is None else cut)


def _by_shlex(text: str, cut: list[str]) -> list[tuple[str, str]]:
    import shlex

    lexer = shlex.shlex(text)
    lexer.wordchars += "/.+-():"
    try:
        tokens = list(lexer)
    except ValueError:
        raise ValueError("a quote is not closed; close it") from None
    found = []
    for i in range(0, len(tokens), 4):
        if len(tokens[i : i + 3]) != 3 or tokens[i + 1] != "=":
            raise ValueError(f"item {i // 4 + 1} is not KEY=value; put such a value into quotes")
        found.append((tokens[i], tokens[i + 2].strip("'\"")))
        # it skips whatever stands in place of a comma
        if tokens[i + 3 : i + 4] not in ([], [","]):
            cut.append(tokens[i])
    if found and "#" in text and _has_comment(text):
        cut.append(found[-1][0])
    return found


def _has_comment(text: str) -> bool:
    """Returns whether shlex takes what follows a # for a comment."""
    import shlex

    def tokens(commenters: str) -> list[str]:
        lexer = shlex.shlex(text)
        lexer.wordchars += "/.+-():"
        lexer.commenters = commenters
        return list(lexer)

    try:
        return tokens("#") != tokens("")
    except ValueError:  # of a quote behind it
        return True
