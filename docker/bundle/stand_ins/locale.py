"""Stands in for `locale`: there is one, C, and its encoding is UTF-8, whatever the environment says."""

from __future__ import annotations

from _locale import LC_ALL, LC_COLLATE, LC_CTYPE, LC_MESSAGES, LC_MONETARY, LC_NUMERIC, LC_TIME, Error

__all__ = [
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_MESSAGES",
    "LC_MONETARY",
    "LC_NUMERIC",
    "LC_TIME",
    "Error",
    "getencoding",
    "getlocale",
    "getpreferredencoding",
    "setlocale",
]


def getencoding() -> str:
    return "utf-8"


def getpreferredencoding(do_setlocale: bool = True) -> str:
    return "utf-8"


def getlocale(category: int = LC_CTYPE) -> tuple[None, str]:
    return None, "UTF-8"


def setlocale(category: int, locale: object = None) -> str:
    if locale not in (None, "", "C", "POSIX"):
        raise Error("the bundle has the locale C alone")
    return "C"
