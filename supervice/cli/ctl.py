"""`supervicectl`: the entry point.

Scripts, HEALTHCHECKs and people run `status`, `health`, `pid`, `why` and `logs` all day. Their plain forms
are parsed here without click, which takes longer to load than the answer takes. Everything else goes to
`ctl_commands`.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# How many names these verbs take: at least, at most.
ONE_NAME = {"why": (1, 1), "pid": (0, 1)}
LOGS = {"-f": "follow", "--follow": "follow", "--stderr": "stderr"}
HELP = ("--help", "-h", "help")
FULL = 80  # columns that the page of help takes
FAST = ("status", "health", "pid", "why", "logs")


def parse_simple(argv: list[str]) -> dict[str, Any] | None:
    """Returns `{socket, json, wide, timeout, request}` for `[OPTION…] VERB [NAME…]` with a verb of FAST.

    None for anything else, mistakes included: click explains them better.
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
            if not text.isascii() or not text.isdecimal():
                return None
            parsed["timeout"] = float(text)
        elif word in ("--live", "--ready") and request.get("command") == "health":
            request["kind"] = word[2:]
        elif request.get("command") == "logs" and word in LOGS:
            request[LOGS[word]] = True
        elif request.get("command") == "logs" and word in ("-n", "--lines"):
            text = next(words, "")
            if not text.isascii() or not text.isdecimal() or len(text) > 9:
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
    if len(argv) == 1 and argv[0] in HELP and "_SUPERVICECTL_COMPLETE" not in os.environ:
        from supervice.cli.help_page import PAGE
        from supervice.cli.terminal import width_of, write

        if width_of(sys.stdout) == 0 or width_of(sys.stdout) >= FULL:
            write(PAGE)
            return 0
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
    """Runs the console script; never returns."""
    closed = sys.stdout is None
    if closed or sys.stdin is None or sys.stderr is None:
        _fill_standard_streams()
    try:
        code = run(sys.argv[1:])
        if closed:
            raise OSError("it is closed")
        sys.stdout.flush()
    except BrokenPipeError:
        # `supervicectl status | head -1`: the rest is not wanted, and must not fail a second time at exit.
        code = 1
    except OSError as error:
        code = 1
        from supervice.cli.terminal import complain

        complain(f"stdout: {error.strerror or error}")
    except KeyboardInterrupt:
        code = 130
    except SystemExit as end:  # click's, when the pipe that it writes to is closed
        code = end.code if isinstance(end.code, int) else 1
    # All is done, and taking the interpreter down in order would cost milliseconds.
    os._exit(code)


def _fill_standard_streams() -> None:
    """Opens /dev/null where one of descriptors 0 to 2 is closed, so that no socket gets its number."""
    while os.open(os.devnull, os.O_RDWR) <= 2:
        pass
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


if __name__ == "__main__":
    main()
