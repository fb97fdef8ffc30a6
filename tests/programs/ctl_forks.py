"""supervisorctl without the quarter of a second that its imports take: ctl_forks.py SOCKET

Listens there; a connection brings a line of JSON (`argv`, `cwd`, `stdin`) and gets what a fork prints in which
supervisorctl's own `main` has run, then a NUL and its exit code. Ends with the process that started it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import traceback
from typing import Any

from supervisor.supervisorctl import main


def become(client: socket.socket, order: dict[str, Any]) -> int:
    """The exit code; the standard streams are the connection and what the order has for stdin."""
    os.chdir(order["cwd"])
    text = tempfile.TemporaryFile()
    text.write(order["stdin"].encode())
    text.seek(0)
    for number, fd in enumerate((text.fileno(), client.fileno(), client.fileno())):
        os.dup2(fd, number)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")
    sys.argv = ["supervisorctl", *order["argv"]]
    try:
        main()
        code: object = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


def answer(client: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    order = json.loads(client.makefile().readline())
    pid = os.fork()
    if pid == 0:
        os._exit(become(client, order))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    client.sendall(b"\0%d" % code)


def serve(path: str) -> None:
    started_by = os.getppid()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(200)
    listener.settimeout(2)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while os.getppid() == started_by:
        try:
            client, _ = listener.accept()
        except TimeoutError:
            continue
        if os.fork() == 0:
            listener.close()
            client.settimeout(None)
            answer(client)
            os._exit(0)
        client.close()


if __name__ == "__main__":
    serve(sys.argv[1])
