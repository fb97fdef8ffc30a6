"""What a supervisor has open is its own."""

import os

from tests import procfs
from tests.conformance.world import Program, World, Wrong

TITLE = "programs have no descriptors of the supervisor's"
SOURCE = "CVE-2024-21626's kind"
THEME = "given"
SINGLE = MANY = True


def check(world: World) -> None:
    world.start(Program("web", "exec sleep 1000"))
    pid = world.until(lambda: next(filter(_sleeps, world.processes()), 0), "the program does not start")
    more = set(os.listdir(f"/proc/{pid}/fd")) - {"0", "1", "2"}
    if more:
        targets = {os.readlink(f"/proc/{pid}/fd/{number}") for number in more}
        kinds = sorted({target.partition(":")[0].partition("/")[0] or "file" for target in targets})
        raise Wrong(f"it has more than the standard streams ({', '.join(kinds)})")


def _sleeps(pid: int) -> bool:
    return procfs.read(f"/proc/{pid}/cmdline").split("\0")[:2] == ["sleep", "1000"]
