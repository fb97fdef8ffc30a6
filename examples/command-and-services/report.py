"""What the container is for: reads the number and says it. report.py [MINIMUM]: exit code 3 below that."""

from __future__ import annotations

import socket
import sys


def main() -> int:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("/tmp/store")
        client.sendall(b"read\n")
        number = int(client.recv(100))
    print(f"the number is {number}")
    minimum = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    return 0 if number >= minimum else 3


if __name__ == "__main__":
    sys.exit(main())
