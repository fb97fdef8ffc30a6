"""`supervicectl`: the entry point.

`status` and `health` are what scripts and HEALTHCHECKs run all day, so their plain forms are understood here
without click, which alone takes longer than the whole answer. Everything else goes to `ctl_commands`.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FAST = ("status", "health")


def parse_simple(argv: list[str]) -> dict[str, Any] | None:
    """`{socket, json, wide, timeout, request}` for `[-s S] [--json] [--timeout N] status|health [NAME…]`.

    None for whatever else, mistakes included: click explains them better.
    """
    parsed: dict[str, Any] = {"socket": None, "json": False, "wide": False, "timeout": None}
    request: dict[str, Any] = {}
    names: list[str] = []
    words = iter(argv)
    for word in words:
        if word in ("-s", "--socket"):
            parsed["socket"] = next(words, None) or ""
        elif word.startswith("--socket="):
            parsed["socket"] = word[9:]
        elif word == "--json":
            parsed["json"] = True
        elif word in ("-o", "--output") or word.startswith("--output="):
            how = word[9:] if "=" in word else next(words, "")
            if how not in ("wide", "json"):
                return None
            parsed["json" if how == "json" else "wide"] = True
        elif word == "--timeout" or word.startswith("--timeout="):
            text = word[10:] if "=" in word else next(words, "")
            if not text.isdecimal():
                return None
            parsed["timeout"] = float(text)
        elif word in ("--live", "--ready") and request.get("command") == "health":
            request["kind"] = word[2:]
        elif word.startswith("-") or not word:
            return None
        elif request:
            names.append(word)
        elif word in FAST:
            request["command"] = word
        else:
            return None
    if not request or parsed["socket"] == "":
        return None
    from supervice.cli.replies import names_of

    request.update(names_of(names))
    parsed["request"] = request
    return parsed


def run(argv: list[str]) -> int:
    """Does what `argv` says and returns the exit code."""
    simple = None if "_SUPERVICECTL_COMPLETE" in os.environ else parse_simple(argv)
    if simple is None:
        from supervice.cli.ctl_commands import run as run_click

        return run_click(argv)
    from supervice.cli.replies import ask
    from supervice.cli.terminal import cut_nothing

    cut_nothing(simple["wide"])
    return ask(simple["request"], simple["socket"], simple["timeout"], simple["json"])


def main() -> None:
    """The console script; does not return."""
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        # `supervicectl status | head -1`: the rest is not wanted. What is left must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
    except KeyboardInterrupt:
        code = 130
    # Nothing is left to be done, and taking the interpreter down in order costs milliseconds.
    os._exit(code)


if __name__ == "__main__":
    main()
