"""Stands in for `gettext`: click's messages are in English."""

from __future__ import annotations


def gettext(message: str) -> str:
    return message


def ngettext(one: str, many: str, number: int) -> str:
    return one if number == 1 else many
