"""A server on the sockets that it is handed: answers each connection with its pid, or with what it was given."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
import time


def main() -> None:
    slow = float(os.environ.get("SLOW", "0"))
    time.sleep(slow)  # a server takes its time to start
    given = {name: os.environ.get(name) for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")}
    facts = {**given, "pid": os.getpid(), "argv": sys.argv[1:], "uid": os.getuid()}
    if os.environ.get("OWN_PORT"):  # what a server does without us
        own = socket.create_server(("127.0.0.1", int(os.environ["OWN_PORT"])), backlog=512)
        sockets = [own]
    else:
        sockets = [socket.socket(fileno=3 + number) for number in range(int(given["LISTEN_FDS"] or 0))]
    facts["stdin"] = os.path.realpath("/proc/self/fd/0")
    facts["first"] = os.path.realpath("/proc/self/fd/3")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    chosen = selectors.DefaultSelector()
    for sock in sockets:
        sock.setblocking(False)
        chosen.register(sock, selectors.EVENT_READ)
    if os.environ.get("UNLINK"):
        os.unlink(os.environ["UNLINK"])
    print("serving", flush=True)
    while True:
        for key, _ in chosen.select():
            listening = key.fileobj
            assert isinstance(listening, socket.socket)
            # The client that it has accepted is answered before it ends.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            try:
                connection, _ = listening.accept()
                with connection:
                    connection.sendall(json.dumps(facts).encode())
            except BlockingIOError:
                pass
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


main()
