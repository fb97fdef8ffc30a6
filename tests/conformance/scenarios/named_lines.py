"""Whose line is it?"""

from tests.conformance.world import Program, World

TITLE = "each line can have the name of its program in front"
SOURCE = "Supervisor/supervisor#553; s6-overlay#447, #593; canonical/pebble#5"
THEME = "output"
SINGLE, MANY = False, True


def check(world: World) -> None:
    world.start(
        *(Program(name, f"echo line-of-{name}; exec sleep 1000", named=True) for name in ("alpha", "beta"))
    )

    def named(name: str) -> bool:
        return any(
            name in line.partition(f"line-of-{name}")[0]
            for line in world.said().splitlines()
            if f"line-of-{name}" in line
        )

    world.until(lambda: named("alpha") and named("beta"), "they have none")
