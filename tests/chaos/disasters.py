"""What befalls the daemon and its programs, one after the other, and is made good again.

Pauses, and a container that may have no more pids, come from outside (`container.py`).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator
from random import Random

from tests.chaos import facts, scene
from tests.chaos.actors import Gone, World, ask

LIBC = ctypes.CDLL(None, use_errno=True)
MNT_DETACH = 2
Disaster = Callable[[World, Random], object]


# What is going on now, and how often each was done.
_now: set[str] = set()
done: dict[str, int] = {}


def disaster(world: World, random: Random) -> None:
    """The next one; two actors have two at a time, but not twice the same."""
    kinds = [massacre, massacre, hog, bomb, full_disk, vanished_disk, few_descriptors, crowd]
    if os.path.exists(scene.CLOCK):
        kinds += [clock, clock]
    kind = random.choice(kinds)
    name = "disk" if kind in (full_disk, vanished_disk) else kind.__name__
    if name not in _now:
        _now.add(name)
        try:
            kind(world, random)
        finally:
            _now.discard(name)
        done[kind.__name__] = done.get(kind.__name__, 0) + 1
    hold(world, random.uniform(0, 1))


def hold(world: World, seconds: float) -> None:
    world.ending.wait(min(seconds, max(0.0, world.over - time.monotonic())))


def massacre(world: World, random: Random) -> None:
    """SIGKILL to everything but PID 1 and this process."""
    world.massacres += 1
    try:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
    finally:
        world.massacres += 1


def hog(world: World, random: Random) -> None:
    """A program takes all memory there is; the kernel has to kill it, and PID 1 is the last it may take."""
    ask("start", name="hog", timeout=0)
    hold(world, random.uniform(1, 4))
    ask("stop", name="hog", timeout=60)


def bomb(world: World, random: Random) -> None:
    """A program forks until there are no more pids; what `stop` says of it is true."""
    ask("start", name="bomb", timeout=0)
    hold(world, random.uniform(0.3, 2))
    reply = ask("stop", name="bomb", timeout=90)
    if reply["status"] == "ok":
        left = facts.members("bomb")
        assert not left, f"{reply}: {len(left)} processes of it live"


def full_disk(world: World, random: Random) -> None:
    filler = f"{scene.SMALL}/filler"
    try:
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        hold(world, random.uniform(0.5, 3))
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(filler)


def vanished_disk(world: World, random: Random) -> None:
    """The log files' disk is taken away under the daemon, which holds them open, and another one comes."""
    if LIBC.umount2(scene.SMALL.encode(), MNT_DETACH):
        raise OSError(ctypes.get_errno(), "umount2")
    try:
        hold(world, random.uniform(0.5, 3))
    finally:
        mount_small()


def mount_small() -> None:
    arguments = (b"tmpfs", scene.SMALL.encode(), b"tmpfs", 0, scene.SMALL_OPTIONS.encode())
    if LIBC.mount(*arguments):
        raise OSError(ctypes.get_errno(), "mount")


@contextlib.contextmanager
def _limited_to(most: int) -> Iterator[None]:
    before = resource.prlimit(facts.PID1, resource.RLIMIT_NOFILE)
    resource.prlimit(facts.PID1, resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        yield
    finally:
        resource.prlimit(facts.PID1, resource.RLIMIT_NOFILE, before)


def few_descriptors(world: World, random: Random) -> None:
    """PID 1 may open hardly anything more."""
    with _limited_to(facts.highest_descriptor() + 1 + random.randint(0, 3)):
        hold(world, random.uniform(0.3, 2))


def crowd(world: World, random: Random) -> None:
    """Connections that ask for nothing, or for half of something."""
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            try:
                connection = stack.enter_context(socket.socket(socket.AF_UNIX))
                connection.settimeout(1)
                connection.connect(scene.SOCKET)
                connection.sendall(random.choice([b"", b"\0\0", b"\0\0\0\x40{"]))
            except OSError as error:
                if isinstance(error, FileNotFoundError | ConnectionRefusedError):
                    raise Gone(str(error)) from None
        hold(world, random.uniform(0, 2))


def clock(world: World, random: Random) -> None:
    """The wall clock is set, by a second or by years."""
    seconds = random.choice([-1, 1, 30, -3600, 3600, -86400, 30 * 86400, -5 * 365 * 86400])
    with open(f"{scene.CLOCK}.new", "w") as file:
        file.write(f"{seconds:+d}\n")
    os.replace(f"{scene.CLOCK}.new", scene.CLOCK)
    hold(world, random.uniform(0, 2))
