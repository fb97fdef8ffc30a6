"""nginx without `daemon off`: the classic mistake."""

from tests import procfs
from tests.conformance.world import Program, World, Wrong, alive

TITLE = "a program that goes into the background is left running, and has TERM and its time at the stop"
SOURCE = "every question about nginx under a supervisor"
THEME = "stop"
SINGLE, MANY = False, True
DAEMON = "trap 'sleep 0.2; echo 1 >told; exit' TERM; echo $$ >pid; while :; do sleep 0.05; done"


def check(world: World) -> None:
    (world.folder / "daemon.sh").write_text(DAEMON)
    start = f"setsid sh {world.folder}/daemon.sh & while ! [ -e pid ]; do sleep 0.02; done; exit 0"
    world.start(Program("web", start, restart=False), Program("b", "exec sleep 1000"))
    world.wait_file("pid", "the program does not start")
    inside = next((pid for pid in world.processes() if _runs(pid, "daemon.sh")), 0)
    world.passes(1.5, lambda: alive(inside), "it is killed while the container runs")
    world.stop()
    if not world.file("told"):
        raise Wrong("it has no TERM at the stop, or no time to act on it")


def _runs(pid: int, what: str) -> bool:
    return what in procfs.read(f"/proc/{pid}/cmdline")
