"""Two programs that write at the same time."""

from tests.conformance.world import Program, World, Wrong

TITLE = "lines of two programs are not mixed, though written in two pieces"
SOURCE = "Supervisor/supervisor#553; every log parser"
THEME = "output"
SINGLE, MANY = False, True
LINES = 60


def check(world: World) -> None:
    script = "i=0; while [ $i -lt %d ]; do printf '<%s'; sleep 0.01; printf '%s>\\n'; i=$((i+1)); done; echo 1 >done-%s; exec sleep 1000"
    world.start(*(Program(name, script % (LINES, name * 9, name * 9, name)) for name in ("a", "b")))
    for name in ("a", "b"):
        world.wait_file(f"done-{name}", "the program does not run", 20)

    def whole() -> int:
        return sum(
            line.rstrip().endswith(("<" + "a" * 18 + ">", "<" + "b" * 18 + ">")) for line in _lines(world)
        )

    try:
        world.until(lambda: whole() == 2 * LINES, "", 3)
    except Wrong:
        raise Wrong("lines are torn or missing") from None


def _lines(world: World) -> list[str]:
    return world.said().splitlines()
