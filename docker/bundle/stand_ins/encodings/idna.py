"""Stands in for `encodings.idna`, which encodes host names and needs `unicodedata`, 1 MB.

Takes names in ASCII, `xn--…` for others.
"""

from __future__ import annotations

import codecs

LONGEST = 63  # characters of a label, RFC 1035


def encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
    if not text.isascii():
        raise UnicodeError(f"{text!r} is not ASCII; write the host name in its xn-- form")
    labels = text.split(".")
    if labels[-1] == "":
        labels.pop()
    if any(not 0 < len(label) <= LONGEST for label in labels):
        raise UnicodeError(f"{text!r}: a label of a host name has 1 to {LONGEST} characters")
    return text.encode("ascii"), len(text)


def decode(data: bytes, errors: str = "strict") -> tuple[str, int]:
    return bytes(data).decode("ascii"), len(data)


def getregentry() -> codecs.CodecInfo:
    return codecs.CodecInfo(name="idna", encode=encode, decode=decode)
