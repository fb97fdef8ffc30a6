"""PID 1 is in every container."""

from tests.conformance.world import Program, World, Wrong

TITLE = "it takes less than 5 MiB for itself, with one program"
SOURCE = "measured, as in docs/benchmarks.md; where interpreters lose"
THEME = "cost"
SINGLE = MANY = True


def check(world: World) -> None:
    world.start(Program("web", "echo 1 >up; exec sleep 1000"))
    world.wait_file("up", "the program does not start")
    world.passes(1.5, lambda: world.top.poll() is None, "it ended by itself")
    if (found := world.memory()) > 5:
        raise Wrong(f"it takes {'more than 20' if found > 20 else 'between 5 and 20'} MiB")
