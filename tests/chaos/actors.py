"""What happens in the storm all the time: clients that ask and check the answers, and those that crash and reload.

Each act takes the dice of its turn, so that what an actor does at its n-th turn depends on the seed alone; on which
process it falls depends on what there is by then.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.chaos import facts, scene

# Seconds within which any request is answered. A deadline of the test and no promise: four hundred processes share the
# one CPU with the daemon, and the machine may be busy.
ANSWER = 100.0
STATES = {"RUNNING", "STOPPED", "STARTING", "STOPPING", "EXITED", "BACKOFF", "FATAL", "UNHEALTHY"}
AT_REST = {"STOPPED", "EXITED", "BACKOFF", "FATAL"}
NO_DESCRIPTOR = ("No file descriptors available", "Too many open files")  # as musl and as glibc say it


class Gone(Exception):
    """The daemon does not answer any more, which is right once its end has begun."""


@dataclass
class World:
    """What the actors know of each other."""

    seed: str
    clients: int
    over: float  # monotonic
    ending: threading.Event = field(default_factory=threading.Event)
    massacres: int = 0  # odd: one is going on
    _failed: list[str] = field(default_factory=list)

    def is_over(self) -> bool:
        return time.monotonic() > self.over or self.ending.is_set() or bool(self._failed)

    def dice(self, *what: object) -> Random:
        return Random(f"{self.seed} {what}")

    def fail(self, text: str) -> None:
        """Says at once what is wrong: the container may be about to end."""
        self._failed.append(text)
        say(failed=text)


def say(**message: Any) -> None:
    """A line for the driver outside."""
    os.write(1, (json.dumps(message) + "\n").encode())


def ask(command: str, **more: Any) -> dict[str, Any]:
    """Returns the daemon's reply. Gone when there is none to be had."""
    request = json.dumps({"command": command, **more}).encode()
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER)
            connection.connect(scene.SOCKET)
            # Where it has too few descriptors it has said so and hung up by now; the reply is there all the same.
            with contextlib.suppress(BrokenPipeError):
                connection.sendall(struct.pack(">I", len(request)) + request)
            size = struct.unpack(">I", _exactly(connection, 4))[0]
            reply: dict[str, Any] = json.loads(_exactly(connection, size))
    except TimeoutError:
        raise AssertionError(f"{command} {more}: no answer for {ANSWER:g} s") from None
    except OSError as error:
        raise Gone(str(error)) from None
    if reply.get("code") == "SHUTTING_DOWN":
        raise Gone("it ends")
    if reply.get("code") == "BUSY":  # it has too few descriptors, and says so
        time.sleep(0.05)
        return ask(command, **more)
    return reply


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise Gone("the connection has ended")
        data += part
    return data


def rows() -> dict[str, dict[str, Any]]:
    reply = ask("status")
    assert reply["status"] == "ok", reply
    return {row["name"]: row for row in reply["processes"]}


def client(number: int, world: World, random: Random) -> None:
    """One request about a program that is this client's own, and whether the answer is true."""
    name = f"own{number}"
    verb = random.choice(["start", "stop", "restart", "garbage"])
    if verb == "garbage":
        _garbage(random)
        return
    kills = world.massacres
    before = facts.seen(rows()[name]["pid"])
    reply = ask(verb, name=name, timeout=60)
    if reply["status"] != "ok":
        assert reply.get("message"), reply
        return
    after = rows()[name]
    now = facts.seen(after["pid"])
    if verb == "stop":
        assert after["state"] == "STOPPED", (reply, after)
        assert after["pid"] is None, (reply, after)
        assert not facts.lives(before), (reply, before, "lives")
    elif kills == world.massacres and kills % 2 == 0:
        assert after["state"] == "RUNNING", (reply, after)
        assert facts.lives(now) or kills != world.massacres, (reply, after, "does not live")
        if verb == "restart" and before:
            assert now != before, (reply, before, after)


def _garbage(random: Random) -> None:
    """A client that costs the daemon nothing but this connection."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(scene.SOCKET)
            connection.sendall(random.choice([b"\xff" * 9, b"\0\0\0\5{}", b"\0\0\0\2{}", b""]))
    except OSError:
        pass


def stranger(world: World, random: Random) -> None:
    """Requests about programs that all share: they only have to be answered."""
    name = random.choice([*scene.KINDS, "many:*"])
    verb = random.choice(["start", "stop", "restart", "status"])
    reply = ask(verb, **({} if verb == "status" else {"names": [name], "timeout": random.choice([0, 1, 5])}))
    assert reply["status"] in ("ok", "error"), reply


def crasher(world: World, random: Random) -> None:
    """A signal to a process of a program that no client has for itself."""
    shared = [row for row in rows().values() if row["pid"] and not row["name"].startswith("own")]
    choice, signum = random.random(), random.choice([signal.SIGKILL, signal.SIGTERM])
    if shared:
        victim = shared[int(choice * len(shared))]
        # Between status and signal another process may have got the number: one of a client, of which it is not known.
        if facts.named(victim["pid"]) == victim["name"]:
            try:
                os.kill(victim["pid"], signum)
            except ProcessLookupError:
                pass
    time.sleep(random.uniform(0, 0.3))


def reloader(world: World, random: Random) -> None:
    with open(f"{scene.CONFIG}.new", "w") as file:
        file.write(scene.configuration(random, world.clients))
    # Of long ago, so that the daemon does not sleep a moment to see whether it is written still: under libfaketime a
    # sleep of Python's ends with EINVAL.
    os.utime(f"{scene.CONFIG}.new", (1, 1))
    os.replace(f"{scene.CONFIG}.new", scene.CONFIG)
    reply = ask("reload")
    # A refusal for want of descriptors is true: nothing was reloaded.
    assert reply["status"] == "ok" or any(why in str(reply.get("problems")) for why in NO_DESCRIPTOR), reply
    time.sleep(random.uniform(0, 1))


def auditor(world: World, random: Random) -> None:
    """What `status` says of every process, against /proc."""
    told = rows()
    found = facts.leaders()
    suspects = set()
    for name, row in told.items():
        assert row["state"] in STATES, row
        assert (row["pid"] is None) if row["state"] in AT_REST else True, row
        if row["pid"] and facts.seen(row["pid"]) is None:
            suspects.add(name)
        if not row["pid"] and name in found and name not in scene.WITH_HELPERS:
            suspects.add(name)
    for name, those in found.items():
        if name not in scene.WITH_HELPERS and len(those) > 1:
            assert sum(map(facts.lives, those)) < 2, f"two copies at once: {name} {those}"
    if suspects:
        _ask_again(told, found, suspects)
    time.sleep(random.uniform(0.1, 0.5))


def _ask_again(told: dict[str, Any], found: dict[str, list[facts.Seen]], suspects: set[str]) -> None:
    """What was so before this question is still so after it, or `status` was only overtaken by what happened."""
    gone = {name for name in suspects if told[name]["pid"] and facts.seen(told[name]["pid"]) is None}
    again = rows()
    for name in suspects & set(again):
        pid = again[name]["pid"]
        if name in gone:
            assert pid != told[name]["pid"] or facts.seen(pid) is not None, f"no such process: {again[name]}"
        alive = [one for one in found.get(name, []) if facts.lives(one)]
        if not told[name]["pid"] and alive:
            assert pid == alive[0].pid, f"{alive} lives, but: {again[name]}"


def again_and_again(act: Callable[[World, Random], object], world: World, what: str) -> None:
    """Acts until it is over; says what it finds wrong."""
    turn = 0
    while not world.is_over():
        turn += 1
        try:
            act(world, world.dice(what, turn))
        except Gone as error:
            # A moment: the one who ends it all says so first, but in another thread.
            if not world.ending.wait(1):
                world.fail(f"{what}, turn {turn}: the daemon does not answer: {error}")
            return
        except Exception as error:
            if not world.ending.is_set():
                world.fail(f"{what}, turn {turn}: {type(error).__name__}: {error}")
            return
