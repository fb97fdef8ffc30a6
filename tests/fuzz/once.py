"""`python -m tests.fuzz.once TARGET FILE…` runs inputs through a target of `parsers`, and shows what goes wrong.

With `--smaller PATH` it looks for the smallest input that goes wrong in the same way as the first one, and writes it.
It needs no atheris.
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.parsers import PARSERS, target_of

# Seconds that one input may take, and bytes that this process may: what takes more has found something.
SLOW = 10
MOST_MEMORY = 1 << 30
# Seconds to look for something smaller.
PATIENCE = 60.0


class TooSlow(BaseException):
    """Not an Exception: what is tested may catch those."""


def late(_signum: int, _frame: object) -> None:
    raise TooSlow(f"not done after {SLOW} s")


def failure(target: Callable[[bytes], None], data: bytes) -> BaseException | None:
    """What the target raises, None when all is well."""
    signal.alarm(SLOW)
    try:
        target(data)
    except (Exception, TooSlow) as error:
        return error
    finally:
        signal.alarm(0)
    return None


def kind_of(error: BaseException | None) -> object:
    """What two failures have in common that are the same: the type, and where it was raised."""
    if error is None or isinstance(error, TooSlow):
        return error and TooSlow
    frames = traceback.extract_tb(error.__traceback__)
    return type(error), frames[-1].filename, frames[-1].lineno


def smaller(data: bytes, fails: Callable[[bytes], bool], give_up: float = float("inf")) -> bytes:
    """The smallest input found until `give_up` (monotonic) that still fails: parts are left out, then bytes made plain."""
    size = len(data)
    while size:
        at = 0
        while at < len(data) and time.monotonic() < give_up:
            shorter = data[:at] + data[at + size :]
            if fails(shorter):
                data = shorter
            else:
                at += size
        size //= 2
    for plain in b"a0 ":
        for at in range(len(data)):
            simpler = data[:at] + bytes([plain]) + data[at + 1 :]
            if data[at] not in b"a0 " and time.monotonic() < give_up and fails(simpler):
                data = simpler
    return data


def alike(target: Callable[[bytes], None], data: bytes, error: BaseException) -> bytes:
    """The smallest input that fails as `data` does, with `error`."""
    kind = kind_of(error)
    return smaller(data, lambda one: kind_of(failure(target, one)) == kind, time.monotonic() + PATIENCE)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz.once", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--smaller", metavar="PATH", type=Path, help="write the smallest input that fails alike"
    )
    parser.add_argument("target", help=f"of {', '.join(PARSERS)}, or a file with a function `target`")
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path)
    arguments = parser.parse_args()
    if arguments.target not in PARSERS and not Path(arguments.target).is_file():
        parser.error(f"there is no target {arguments.target}; there are {', '.join(PARSERS)}")
    signal.signal(signal.SIGALRM, late)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, resource.RLIM_INFINITY))
    target, wrong = target_of(arguments.target), 0
    for path in arguments.files:
        data = path.read_bytes()
        error = failure(target, data)
        wrong += error is not None
        if error is None:
            print(f"{path}: nothing found")
        elif arguments.smaller is None:
            print(f"{path}: {data[:200]!r}")
            traceback.print_exception(error, file=sys.stdout)
        else:
            arguments.smaller.write_bytes(alike(target, data, error))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
