"""A router on a loop, and real children writing into it. Both loops: ours and asyncio's."""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from supervice.lean.loop import Loop, sleep
from supervice.models import ProgramConfig
from supervice.output.process_output import ProgramOutput
from supervice.output.router import OutputRouter

SPEW = """
import os, sys
def spew(tag, size, block=65536):
    line = lambda n: (b"%s %08d " % (tag, n)).ljust(119, b".") + b"\\n"
    data = b"".join(line(n) for n in range(size // 120))
    view = memoryview(data)
    while view:
        view = view[os.write(1, view[:block]):]
"""


class Program:
    """What the driver of a process does, as far as output goes."""

    def __init__(self, lab: Lab, config: ProgramConfig) -> None:
        self.lab = lab
        self.config = config
        self.output: ProgramOutput = lab.router.open(config)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def child(self) -> subprocess.Popen[bytes]:
        assert self._child is not None, "it was not started"
        return self._child

    def start(self, *argv: str) -> subprocess.Popen[bytes]:
        out, err = self.output.prepare()
        try:
            self._child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        except OSError:
            self.output.abandon()
            raise
        self.output.started(self.child.pid)
        return self.child

    def sh(self, script: str) -> subprocess.Popen[bytes]:
        return self.start("/bin/sh", "-c", script)

    def python(self, code: str) -> subprocess.Popen[bytes]:
        return self.start(sys.executable, "-S", "-I", "-c", code)

    def kill(self) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait()

    def reap(self, timeout: float = 20.0) -> int:
        """Lets the loop run until the child ends, and tells the output at once."""
        self.ends(timeout)
        self.output.exited()
        return self.child.wait()

    def ends(self, timeout: float = 10.0, reader: Reader | None = None) -> None:
        """Lets the loop run until the child ends; meanwhile the reader reads."""
        self.lab.until(
            lambda: (reader is None or reader.read() is not None) and self.child.poll() is not None,
            timeout,
            "the child ends",
        )


class Lab:
    def __init__(self, kind: str) -> None:
        self.loop: Any
        self.messages: list[tuple[str, str]] = []
        self.routers: list[OutputRouter] = []
        self.programs: list[Program] = []
        self.errors: list[object] = []
        if kind == "ours":
            self.loop = Loop()
            self.loop.on_error = self.errors.append
        else:
            self.loop = asyncio.new_event_loop()
            self.loop.set_exception_handler(lambda _loop, context: self.errors.append(context))

    def make(self, **options: Any) -> OutputRouter:
        options.setdefault("log", lambda level, message: self.messages.append((level, message)))
        self.routers.append(OutputRouter(self.loop, **options))
        return self.routers[-1]

    @property
    def router(self) -> OutputRouter:
        return self.routers[-1] if self.routers else self.make()

    def program(self, name: str = "web", **fields: Any) -> Program:
        self.programs.append(Program(self, ProgramConfig(name, "unused", **fields)))
        return self.programs[-1]

    def until_stalled(self, reader: Reader) -> None:
        """Until nothing more can be written. A sink is blocked once before that, and then makes the pipe bigger."""
        self.until(lambda: self.router.own(0).blocked and reader.is_full())

    def until(self, predicate: Callable[[], object], timeout: float = 10.0, message: str = "") -> None:
        """`eventually` with the loop running in between."""

        async def poll() -> bool:
            deadline = self.loop.time() + timeout
            while not predicate():
                if self.loop.time() > deadline:
                    return False
                await sleep(self.loop, 0.002)
            return True

        if not self.loop.run_until_complete(poll()):
            raise AssertionError(f"not within {timeout:g} s: {message or predicate}")

    def turn(self, seconds: float = 0.02) -> None:
        """Some turns of the loop: for things that must *not* happen."""
        self.loop.run_until_complete(sleep(self.loop, seconds))

    def idle(self, timeout: float = 20.0) -> None:
        called: list[bool] = []
        self.router.on_idle(lambda: called.append(True))
        self.until(lambda: called, timeout, "all output is written")
        assert not self.router.pending()

    def close(self) -> None:
        for program in self.programs:
            program.kill()
        for router in self.routers:
            router.close()
        self.loop.close()


class Reader:
    """The other end of what stands for our stdout; reads when it is asked to."""

    def __init__(self) -> None:
        self.fd, self.write_end = os.pipe()
        os.set_blocking(self.fd, False)
        self.data = b""

    def read(self) -> bytes:
        try:
            while chunk := os.read(self.fd, 1 << 20):
                self.data += chunk
        except BlockingIOError:
            pass
        return self.data

    def is_full(self) -> bool:
        """Whether nothing more can be written."""
        poll = select.poll()
        poll.register(self.write_end, select.POLLOUT)
        return not poll.poll(0)

    def close(self) -> None:
        for fd in (self.fd, self.write_end):
            try:
                os.close(fd)
            except OSError:
                pass


def numbered(tag: bytes, size: int) -> list[bytes]:
    return [(b"%s %08d " % (tag, n)).ljust(119, b".") for n in range(size // 120)]
