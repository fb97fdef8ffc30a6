"""`supervicectl`: the entry point.

`status`, `health`, `pid`, `why` and `logs` are what scripts, HEALTHCHECKs and people run all day. So their
plain forms are understood here without click, which alone takes longer than the answer. All else goes to
`ctl_commands`.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# How many names these take.
ONE_NAME = {"why": (1, 1), "pid": (0, 1)}
LOGS = {"-f": "follow", "--follow": "follow", "--stderr": "stderr"}
FAST = ("status", "health", "pid", "why", "logs")


def parse_simple(argv: list[str]) -> dict[str, Any] | None:
    """`{socket, json, wide, timeout, request}` for `[-s S] [--json] [--timeout N] VERB [NAME…]` of FAST.

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
        elif request.get("command") == "logs" and word in LOGS:
            request[LOGS[word]] = True
        elif request.get("command") == "logs" and word in ("-n", "--lines"):
            text = next(words, "")
            if not text.isdecimal() or not text.isascii():
                return None
            request["lines"] = int(text)
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
    most = ONE_NAME.get(request["command"])
    if most is not None and not most[0] <= len(names) <= most[1]:
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
    if simple["request"]["command"] == "logs":
        from supervice.cli.logs import logs

        return logs(simple["request"], simple["socket"], simple["timeout"], simple["json"])
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
