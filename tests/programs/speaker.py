"""Sends by sd_notify what it finds as N.msg in a directory, with a barrier behind it, and then makes N.done.

`FDS=N` in the first line sends N descriptors along. `FORK`: starts another of itself, names it as MAINPID and
ends. `EXIT`: ends with 3.
"""

import array
import os
import socket
import sys
import time
from pathlib import Path


def send(address: str, text: str, fds: list[int]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sock.connect(address.replace("@", "\0", 1))
        sock.sendmsg([text.encode()], extra)


def barrier(address: str) -> None:
    read, write = os.pipe()
    send(address, "BARRIER=1", [write])
    os.close(write)
    assert os.read(read, 1) == b""
    os.close(read)


def main(box: Path) -> None:
    address = os.environ["NOTIFY_SOCKET"]
    (box / "watchdog").write_text(os.environ.get("WATCHDOG_USEC", ""))
    (box / "part").write_text(address)
    (box / "part").rename(box / "address")
    number = 1
    while True:
        note = box / f"{number}.msg"
        if not note.exists():
            time.sleep(0.01)
            continue
        text = note.read_text()
        if text == "EXIT":
            (box / f"{number}.done").touch()
            sys.exit(3)
        if text == "FORK":
            pid = os.fork()
            if pid:
                send(address, f"MAINPID={pid}", [])
                (box / f"{number}.done").touch()
                os._exit(0)
        else:
            fds = []
            if text.startswith("FDS="):
                first, _, text = text.partition("\n")
                fds = [1] * int(first[4:])
            send(address, text, fds)
            barrier(address)
            (box / f"{number}.done").touch()
        number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
