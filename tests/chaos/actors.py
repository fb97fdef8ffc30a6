"""What happens in the storm: clients that ask and check the answers, and those that crash, freeze and reload."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import scene  # type: ignore[import-not-found]  # beside it, in the container

ANSWER = 40.0  # seconds within which any request is answered
FREEZE = 3.0


class Gone(Exception):
    """The daemon does not answer any more, which is right once its end has begun."""


def ask(command: str, **more: Any) -> dict[str, Any]:
    """Returns the daemon's reply. Gone when there is none to be had."""
    request = json.dumps({"command": command, **more}).encode()
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER)
            connection.connect(scene.SOCKET)
            connection.sendall(struct.pack(">I", len(request)) + request)
            size = struct.unpack(">I", _exactly(connection, 4))[0]
            reply: dict[str, Any] = json.loads(_exactly(connection, size))
            return reply
    except TimeoutError:
        raise AssertionError(f"{command} {more}: no answer for {ANSWER:g} s") from None
    except OSError as error:
        raise Gone(str(error)) from None


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise Gone("the connection has ended")
        data += part
    return data


def row(name: str) -> dict[str, Any]:
    return next(r for r in ask("status")["processes"] if r["name"] == name)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def client(number: int, random: Random) -> None:
    """One request about a program that is this client's own, and whether the answer is true."""
    name = f"own{number}"
    before = row(name)
    verb = random.choice(["start", "stop", "restart", "status", "garbage"])
    if verb == "garbage":
        _garbage(random)
        return
    if verb == "status":
        assert before["state"] in ("RUNNING", "STOPPED", "STARTING", "STOPPING", "EXITED", "BACKOFF"), before
        return
    reply = ask(verb, name=name, timeout=30)
    if reply.get("code") == "SHUTTING_DOWN":
        raise Gone("it ends")
    if reply["status"] != "ok":
        assert reply.get("message"), reply
        return
    after = row(name)
    if verb == "stop":
        assert after["state"] == "STOPPED", (reply, after)
        assert not (before["pid"] and is_alive(before["pid"])), (reply, before, "lives")
    else:
        assert after["state"] == "RUNNING", (reply, after)
        assert is_alive(after["pid"]), (reply, after, "does not live")
        if verb == "restart" and before["pid"]:
            assert after["pid"] != before["pid"], (reply, before, after)


def _garbage(random: Random) -> None:
    """A client that costs the daemon nothing but this connection."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(scene.SOCKET)
            connection.sendall(random.choice([b"\xff" * 9, b"\0\0\0\5{}", b"\0\0\0\2{}", b""]))
    except OSError:
        pass


def stranger(random: Random) -> None:
    """Requests about programs that all share: they only have to be answered."""
    name = random.choice([*scene.KINDS, "many:*"])
    verb = random.choice(["start", "stop", "restart", "status"])
    reply = ask(verb, **({} if verb == "status" else {"names": [name], "timeout": random.choice([0, 1, 5])}))
    assert reply["status"] in ("ok", "error"), reply


def crasher(random: Random) -> None:
    """SIGKILL to a process of a program that no client has for itself."""
    rows = [r for r in ask("status")["processes"] if r["pid"] and not r["name"].startswith("own")]
    if rows:
        try:
            os.kill(random.choice(rows)["pid"], random.choice([signal.SIGKILL, signal.SIGTERM]))
        except ProcessLookupError:
            pass
    time.sleep(random.uniform(0, 0.3))


def reloader(random: Random, clients: int) -> None:
    with open(f"{scene.CONFIG}.new", "w") as file:
        file.write(scene.configuration(random, clients))
    os.replace(f"{scene.CONFIG}.new", scene.CONFIG)
    reply = ask("reload")
    assert reply["status"] == "ok" or "shutting down" in reply["message"], reply
    time.sleep(random.uniform(0, 1))


def freezer(random: Random, pid: int) -> None:
    time.sleep(random.uniform(0.5, 4))
    try:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(random.uniform(0.05, FREEZE))
    finally:
        os.kill(pid, signal.SIGCONT)


def again_and_again(
    act: Callable[[], object], over: Callable[[], bool], failures: list[str], what: str
) -> None:
    """Acts until it is over; keeps what it finds wrong."""
    while not over():
        try:
            act()
        except Gone as error:
            if not over():
                failures.append(f"{what}: the daemon does not answer: {error}")
            return
        except ProcessLookupError:
            return
        except Exception as error:
            failures.append(f"{what}: {type(error).__name__}: {error}")
            return
