"""Makes text of programs and clients harmless in HTML, and parses forms. Pure.

Whatever a name, a line of output or a health message holds is shown as text: markup is escaped, and
characters with an effect (control characters, marks that change the direction of writing) become visible.
"""

from __future__ import annotations

from supervice.http.messages import unquote

MOST_FIELDS = 200

_ESCAPES = {ord(c): f"&#{ord(c)};" for c in "\"'"} | {38: "&amp;", 60: "&lt;", 62: "&gt;"}
# The symbols for control characters, from U+2400 on; a tab stays a tab.
_PICTURES = {number: chr(0x2400 + number) for number in range(32) if number not in (9, 10)} | {127: "\u2421"}


def html(value: object) -> str:
    """Returns `value` for the inside of an element or of a quoted attribute."""
    return str(value).translate(_ESCAPES)


def visible(line: str) -> str:
    """Returns a line of output without colours, and with nothing invisible in it; newlines and tabs stay."""
    if line.isascii() and line.replace("\n", "").replace("\t", "").isprintable():
        return line
    if "\x1b" in line:
        line = without_colours(line)
    line = line.replace("\r\n", "\n").translate(_PICTURES)
    return "".join(
        c
        if c.isprintable() or c in "\n\t" or (c.isspace() and c not in "\u2028\u2029\x85")
        else f"<U+{ord(c):04X}>"
        for c in line
    )


def without_colours(line: str) -> str:
    """Returns the line without control sequences (ECMA-48, 5.4), most of which are colours."""
    first, *pieces = line.split("\x1b[")
    kept = [first]
    for piece in pieces:
        end = 0
        while end < len(piece) and " " <= piece[end] <= "?":
            end += 1
        whole = end < len(piece) and "@" <= piece[end] <= "~"
        kept.append(piece[end + 1 :] if whole else "\x1b[" + piece)
    return "".join(kept)


def fields(encoded: str) -> list[tuple[str, str]]:
    """Returns the fields of a query or form in their order (application/x-www-form-urlencoded)."""
    pairs = []
    for piece in encoded.split("&", MOST_FIELDS)[:MOST_FIELDS]:
        if piece:
            name, _, value = piece.partition("=")
            pairs.append((unquote(name.replace("+", " ")), unquote(value.replace("+", " "))))
    return pairs


def quote(name: str) -> str:
    """Returns `name` for a query: everything but letters, digits and `-._` is percent-encoded."""
    return "".join(
        chr(byte) if byte < 128 and (chr(byte).isalnum() or byte in b"-._") else f"%{byte:02X}"
        for byte in name.encode("utf-8", "surrogatepass")
    )
