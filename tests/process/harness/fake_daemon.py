"""A socket that gives every client the same bytes, whatever it asks."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path


class FakeDaemon:
    """Listens at `path`. `reply` None: never answers. With `uid` the listener is a process of that user."""

    def __init__(self, path: Path, reply: bytes | None, uid: int | None = None) -> None:
        self.path = path
        self.reply = reply
        self.asked = 0
        self._child = 0
        self._clients: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        if uid is None:
            self._listener.listen()
            self._thread = threading.Thread(target=self._serve, daemon=True)
            self._thread.start()
        else:
            self._listen_as(uid)

    def _listen_as(self, uid: int) -> None:
        """The kernel notes who called listen(), so that has to be another process."""
        read, write = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.setresuid(uid, uid, uid)
            self._listener.listen()
            os.write(write, b"x")
            signal.pause()
        os.close(write)
        assert os.read(read, 1) == b"x"
        os.close(read)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._clients.append(client)
            if self.reply is None:
                continue
            client.recv(4096)
            self.asked += 1
            try:
                client.sendall(self.reply)
            except OSError:
                pass
            client.close()

    def close(self) -> None:
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
        else:
            # Closing alone does not wake up a thread in accept().
            self._listener.shutdown(socket.SHUT_RDWR)
            self._thread.join(10)
        self._listener.close()
        for client in self._clients:
            client.close()

    def __enter__(self) -> FakeDaemon:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
