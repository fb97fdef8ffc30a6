"""The first crash is no crash loop."""

import os
import time

from tests import procfs
from tests.conformance.world import Program, World, Wrong

TITLE = "a program that was up and crashes is back within 0.3 s"
SOURCE = "measured: supervisors that wait or look once in a while"
THEME = "start"
SINGLE, MANY = False, True


def check(world: World) -> None:
    world.start(Program("a", "echo run >>runs; exec sleep 1000"), Program("b", "exec sleep 999"))
    world.wait_file("runs", "the program does not start")
    world.passes(2.5, lambda: world.top.poll() is None, "it ended by itself")
    for pid in world.processes():
        if procfs.read(f"/proc/{pid}/cmdline").split("\0")[:2] == ["sleep", "1000"]:
            os.kill(pid, 9)
    began = time.monotonic()
    world.until(lambda: world.file("runs").count("run") == 2, "it is not started again")
    if time.monotonic() - began > 0.3:
        raise Wrong("it takes longer")
