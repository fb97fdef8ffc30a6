"""`python -m tests.fuzz.engine TARGET [OPTION OF LIBFUZZER…] [FOLDER…]`: runs one target of `parsers` under atheris.

atheris counts the branches that an input reaches in supervice and in the two libraries that parse for it, so an input that
comes further than others is kept and changed again. `guided` starts it, in a process of its own: it ends as libFuzzer
does, without cleaning up.
"""

from __future__ import annotations

import sys

MEASURED = ["supervice", "h11", "cronsim"]


def main() -> None:
    import atheris

    name, *options = sys.argv[1:]
    # Never left again: functions of ours import when they need something.
    atheris.instrument_imports(include=MEASURED).__enter__()
    from tests.fuzz.parsers import PARSERS, target_of

    target = target_of(name) if name in PARSERS else atheris.instrument_func(target_of(name))
    atheris.Setup([sys.argv[0], *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
