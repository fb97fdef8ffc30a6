"""`Controller`: talks to the daemon from a program that uses asyncio.

Needs nothing of the daemon's code. `supervicectl` does the same without asyncio, in `control.client`.
"""

from __future__ import annotations

import os
import sys

from supervice.control.address import default_paths
from supervice.control.client import (
    Unreachable,
    check_peer,
    connect_message,
    full_queue_of_a_stranger,
    reply_timeout,
)
from supervice.control.protocol import INVALID_REQUEST, MORE, FrameReader, ProtocolError, encode
from supervice.control.render import clean, reload_text, status_table
from supervice.net.peer import peer_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    import socket
    from typing import Any

__all__ = ["NOT_RUNNING", "Controller"]

NOT_RUNNING = "NOT_RUNNING"  # code of the error that stands for "no daemon answered"


def _error(code: str, message: str) -> dict[str, Any]:
    return {"status": "error", "code": code, "message": message}


class Controller:
    """A client of the control socket. Each call has a connection of its own; calls may run concurrently.

    The verbs print what happened (errors on stderr) and return whether it went well; `send_command` returns
    the daemon's reply and prints nothing.
    """

    def __init__(self, socket_path: str = "/tmp/supervice.sock"):
        self.socket_path = socket_path

    async def send_command(self, command: str, **kwargs: Any) -> dict[str, Any]:
        """Returns the daemon's reply to `{"command": command, **kwargs}`.

        When no daemon answers it returns an error reply with the code `NOT_RUNNING`. A `timeout` (seconds) is
        sent to the daemon, which says after that time what an action still waits for. Raises TypeError for
        arguments that are not JSON.
        """
        import asyncio

        try:
            request = encode({"command": command, **kwargs})
        except ValueError as error:
            return _error(INVALID_REQUEST, str(error))
        timeout = kwargs.get("timeout")
        limit = reply_timeout(command, timeout if isinstance(timeout, int | float) else None)
        try:
            return await asyncio.wait_for(self._exchange(request), limit)
        except TimeoutError:
            return _error(NOT_RUNNING, f"the daemon did not answer within {limit:g} s")
        except ProtocolError as error:
            return _error(NOT_RUNNING, f"{self.socket_path}: it is not supervice: {error}")
        except Unreachable as error:
            return _error(NOT_RUNNING, str(error))
        except OSError as error:
            return _error(NOT_RUNNING, connect_message(self.socket_path, error))

    async def _connect(self) -> socket.socket:
        """Returns a connected socket: asyncio itself would take EAGAIN of a full queue for "in progress"."""
        import asyncio
        import socket

        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            while True:
                try:
                    sock.connect(self.socket_path)
                    return sock
                except BlockingIOError:
                    strange = full_queue_of_a_stranger(self.socket_path)
                    if strange:
                        raise Unreachable(strange) from None
                    await asyncio.sleep(0.01)
        except BaseException:
            sock.close()
            raise

    async def _exchange(self, request: bytes) -> dict[str, Any]:
        import asyncio

        reader, writer = await asyncio.open_unix_connection(sock=await self._connect())
        try:
            peer = peer_of(writer.get_extra_info("socket"))
            check_peer(self.socket_path, peer, named=self.socket_path not in default_paths(os.environ))
            frames = FrameReader()
            whole: dict[str, Any] = {}
            more = True
            while more:
                writer.write(request)
                reply = await self._receive(reader, frames)
                if not (whole or reply.get(MORE)):
                    return reply
                if whole and reply.get("status") != whole.get("status"):
                    return reply  # why the next page cannot be had
                from supervice.control.paging import add_page

                more = add_page(whole, reply)
                request = encode({"command": MORE})
            return whole
        finally:
            writer.close()
            try:
                await writer.wait_closed()
            except OSError:
                pass  # the daemon hung up first

    async def _receive(self, reader: asyncio.StreamReader, frames: FrameReader) -> dict[str, Any]:
        while True:
            data = await reader.read(262144)
            if not data:
                return _error(NOT_RUNNING, "the daemon hung up without an answer; look at its log")
            replies = frames.feed(data)
            if replies:
                return replies[0]
            if frames.error is not None:
                raise frames.error

    async def status(self) -> bool:
        """Prints the table of processes."""
        reply = await self.send_command("status")
        if reply.get("status") == "ok":
            print(status_table(reply), end="")
        return self._succeeded(reply)

    async def start_process(self, name: str) -> bool:
        """Starts a process and waits until it has settled."""
        return await self._act("start", name, f"Started {name}")

    async def stop_process(self, name: str) -> bool:
        """Stops a process and waits until it has ended."""
        return await self._act("stop", name, f"Stopped {name}")

    async def restart_process(self, name: str, force: bool = False) -> bool:
        """Restarts a process; with `force` it is killed at once (SIGKILL)."""
        return await self._act("restart", name, f"Restarted {name}", force=force)

    async def start_group(self, name: str) -> bool:
        """Starts the processes of a group."""
        return await self._act("startgroup", name, f"Started group {name}")

    async def stop_group(self, name: str) -> bool:
        """Stops the processes of a group."""
        return await self._act("stopgroup", name, f"Stopped group {name}")

    async def reload(self) -> bool:
        """Has the daemon read its configuration again, and prints what that changed."""
        reply = await self.send_command("reload")
        if reply.get("status") == "ok":
            print(reload_text(reply), end="")
        return self._succeeded(reply)

    async def _act(self, command: str, name: str, done: str, **kwargs: Any) -> bool:
        reply = await self.send_command(command, name=name, **kwargs)
        if reply.get("status") == "ok":
            print(clean(reply.get("message") or done))
        return self._succeeded(reply)

    def _succeeded(self, reply: dict[str, Any]) -> bool:
        if reply.get("status") == "ok":
            return True
        for problem in reply.get("problems") or ():
            print(clean(problem), file=sys.stderr)
        print(f"Error: {clean(reply.get('message') or reply.get('code') or 'unknown')}", file=sys.stderr)
        return False
