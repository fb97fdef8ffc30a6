"""A server on the first socket that it is handed: answers with its pid, and ends what it has begun when told to.

SLOW: seconds until it serves. OWN_PORT: it opens that itself. The files in the directory DO change what it does
from its start on: `fail` ends it, `hang` has it never serve, `stubborn` has it ignore SIGTERM, `crash` ends it
when it is ready, `linger` holds it for a second after SIGTERM. UNLINK: a file that it removes at its end.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time

do = os.environ.get("DO", "")


def told(word: str) -> bool:
    return bool(do) and os.path.exists(os.path.join(do, word))


stubborn, linger = told("stubborn"), told("linger")
wake, wakes = os.pipe()
os.set_blocking(wakes, False)
signal.set_wakeup_fd(wakes)
signal.signal(signal.SIGTERM, (lambda *_: None))
print("begun", os.getpid(), os.environ.get("SETTING", ""), flush=True)
if told("fail"):
    sys.exit(7)
time.sleep(float(os.environ.get("SLOW", "0")))
while told("hang"):
    time.sleep(0.05)
port = os.environ.get("OWN_PORT")
sock = socket.create_server(("127.0.0.1", int(port)), backlog=512) if port else socket.socket(fileno=3)
sock.setblocking(False)
print("serving", flush=True)
if told("crash"):
    sys.exit(8)
while True:
    found, _, _ = select.select([sock.fileno(), wake], [], [])
    if wake in found and not stubborn:
        time.sleep(1 if linger else 0)
        if os.environ.get("UNLINK"):
            os.unlink(os.environ["UNLINK"])
        sys.exit(0)
    if wake in found:
        os.read(wake, 100)
    try:
        connection, _ = sock.accept()
    except BlockingIOError:
        continue
    with connection:
        connection.sendall(b"%d" % os.getpid())
