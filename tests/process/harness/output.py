"""A router on a loop, and real children writing into it. Both loops: ours and asyncio's."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from supervice.lean.loop import Loop, sleep
from supervice.models import ProgramConfig
from supervice.output.process_output import ProgramOutput
from supervice.output.router import OutputRouter


def descriptors() -> dict[str, str]:
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            pass  # the listing's own
    return found


class Program:
    """What the driver of a process does, as far as output goes."""

    def __init__(self, lab: Lab, config: ProgramConfig) -> None:
        self.lab = lab
        self.config = config
        self.output: ProgramOutput = lab.router.open(config)
        self.child: subprocess.Popen[bytes] | None = None

    def start(self, *argv: str) -> subprocess.Popen[bytes]:
        out, err = self.output.prepare()
        try:
            self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        except OSError:
            self.output.abandon()
            raise
        self.output.started(self.child.pid)
        return self.child

    def sh(self, script: str) -> subprocess.Popen[bytes]:
        return self.start("/bin/sh", "-c", script)

    def python(self, code: str) -> subprocess.Popen[bytes]:
        return self.start(sys.executable, "-S", "-I", "-c", code)

    def reap(self, timeout: float = 20.0) -> int:
        """Lets the loop run until the child ends, and tells the output at once."""
        assert self.child is not None
        child = self.child
        self.lab.until(lambda: child.poll() is not None, timeout, "the child ends")
        self.output.exited()
        assert child.returncode is not None
        return child.returncode


class Lab:
    def __init__(self, kind: str) -> None:
        self.loop: Any = Loop() if kind == "ours" else asyncio.new_event_loop()
        self.messages: list[tuple[str, str]] = []
        self.routers: list[OutputRouter] = []
        self.programs: list[Program] = []
        self.errors: list[object] = []
        if kind == "ours":
            self.loop.on_error = self.errors.append
        else:
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
            if program.child is not None and program.child.poll() is None:
                program.child.kill()
                program.child.wait()
        for router in self.routers:
            router.close()
        self.loop.close()


@pytest.fixture(params=["ours", "asyncio"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    before = descriptors()
    made = Lab(request.param)
    yield made
    made.close()
    assert not made.errors
    left = {fd: target for fd, target in descriptors().items() if before.get(fd) != target}
    assert not left, "descriptors leaked"


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

    def close(self) -> None:
        for fd in (self.fd, self.write_end):
            try:
                os.close(fd)
            except OSError:
                pass


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()


@pytest.fixture
def second_reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()
