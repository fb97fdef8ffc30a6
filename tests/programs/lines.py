"""Writes numbered lines as fast as it can: lines.py TAG COUNT [SIZE] [--hold].

A line is `TAG NUMBER LENGTH xxxx...` and SIZE bytes long with its newline; without SIZE the lengths differ
from line to line (up to about 300), so that a limit in bytes never falls on the end of a line by itself.
The pieces that are written do not end at ends of lines. With --hold the program stays when it is done.
"""

from __future__ import annotations

import os
import signal
import sys

PIECE = 30_001


def line(tag: str, number: int, size: int) -> bytes:
    head = f"{tag} {number:08d} ".encode()
    length = size or len(head) + 20 + number * 7919 % 251
    return (head + b"%04d " % length).ljust(length - 1, b"x") + b"\n"


def write(data: memoryview) -> None:
    while data:
        data = data[os.write(1, data) :]


def main() -> None:
    arguments = [word for word in sys.argv[1:] if word != "--hold"]
    tag, count = arguments[0], int(arguments[1])
    size = int(arguments[2]) if len(arguments) > 2 else 0
    waiting = bytearray()
    for number in range(count):
        waiting += line(tag, number, size)
        while len(waiting) >= PIECE:
            write(memoryview(bytes(waiting[:PIECE])))
            del waiting[:PIECE]
    write(memoryview(bytes(waiting)))
    if "--hold" in sys.argv:
        signal.pause()


if __name__ == "__main__":
    main()
