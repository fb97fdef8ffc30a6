"""Answers HTTP with its pid on the first socket that it is handed, and ends what it has begun when told to.

argv[1]: seconds until it serves. Where /tmp/bad is there it ends with 7 instead.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time

over: list[bool] = []
signal.signal(signal.SIGTERM, lambda *_: over.append(True))
time.sleep(float(sys.argv[1]))
if os.path.exists("/tmp/bad"):
    sys.exit(7)
listening = socket.socket(fileno=3)
listening.setblocking(False)
print("serving", flush=True)
while not over:
    if select.select([listening], [], [], 0.05)[0]:
        try:
            connection, _ = listening.accept()
        except BlockingIOError:
            continue
        with connection:
            connection.setblocking(True)
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n%d" % os.getpid())
