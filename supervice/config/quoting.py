"""Splits command lines. Quotes in `KEY=value` lists are left to `pairs`; no other module has quoting rules.

Pure. It imports `shlex` (and so `re`) only for what the fast path cannot parse.
"""

from __future__ import annotations


def split_command(command: str) -> list[str]:
    """Splits a command line by the shell's quoting rules, without expansions.

    ValueError when a quote is not closed, or there is no word.
    """
    if (
        '"' not in command
        and "'" not in command
        and "\\" not in command
        and command.isascii()
        and command.isprintable()
    ):
        argv = command.split(" ")
        if "" in argv:
            argv = command.split()
    else:
        import shlex

        try:
            argv = shlex.split(command)
        except ValueError as error:
            reason = str(error).lower()
            hint = "; a comment begins at a blank with ; or # behind it" if "quot" in reason else ""
            raise ValueError(f"cannot be split into arguments ({reason}{hint})") from None
    if not argv:
        raise ValueError("is empty")
    return argv
