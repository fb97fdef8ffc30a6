"""bench-child in Python, where there is no compiler: what child.c does, apart from counting and orphans."""

import os
import signal
import sys
import time

WIDTH = 120
DIGITS = 12


def tell(kind: str, *values: int) -> None:
    line = " ".join([kind, NAME, str(os.getpid()), str(time.monotonic_ns()), *map(str, values)]) + "\n"
    file = os.open(FIFO, os.O_WRONLY | os.O_CLOEXEC)
    os.write(file, line.encode())
    os.close(file)


def lines(total: int, block: int) -> None:
    rows = max(1, block // WIDTH)
    rest = b" " + b"x" * (WIDTH - DIGITS - 2) + b"\n"
    tell("up")
    for first in range(0, total, rows):
        text = b"".join(b"%012d%s" % (number, rest) for number in range(first, min(total, first + rows)))
        while text:
            text = text[os.write(1, text) :]
    tell("written", total)


def main() -> None:
    if MODE == "exec":
        tell("exec")
        os.execvp(VALUES[0], VALUES)
    elif MODE == "lines":
        lines(int(VALUES[0]) // WIDTH, int(VALUES[1]) if len(VALUES) > 1 else 65536)
    elif MODE == "term":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        tell("up")
        signal.sigwait([signal.SIGTERM])
        tell("term")
        return
    elif MODE == "die":
        tell("up")
        sys.exit(1)
    else:
        tell("up")
    while True:
        signal.pause()


if __name__ == "__main__":
    WORDS = sys.argv[1].split(" ") if " " in sys.argv[1] else sys.argv[1:]
    MODE, FIFO, NAME, *VALUES = WORDS
    main()
