"""Keeps a number for its clients on /tmp/store: `add N` adds to it, anything else reads it."""

from __future__ import annotations

import os
import socketserver

PATH = "/tmp/store"
total = 0


class Client(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        global total
        for line in self.rfile:
            word, _, number = line.decode().partition(" ")
            if word == "add":
                total += int(number)
            self.wfile.write(f"{total}\n".encode())


def main() -> None:
    if os.path.exists(PATH):  # of the last time, if the container was restarted
        os.unlink(PATH)
    with socketserver.UnixStreamServer(PATH, Client) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
