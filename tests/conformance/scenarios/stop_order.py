"""What is needed stops last."""

from tests.conformance.world import Program, World, Wrong

TITLE = "what others need is told to stop when they are gone"
SOURCE = "Supervisor/supervisor#520; F1bonacc1/process-compose#145"
THEME = "stop"
SINGLE, MANY = False, True
WAIT = "trap '{}echo {} >>order; exit' TERM; echo 1 >up-{}; while :; do sleep 0.05; done"


def check(world: World) -> None:
    db = Program("db", WAIT.format("", "db", "db"))
    world.start(db, Program("web", WAIT.format("sleep 0.5; ", "web", "web"), needs="db"))
    world.wait_file("up-web", "the program does not start")
    world.stop()
    if world.file("order").split() != ["web", "db"]:
        raise Wrong(f"they ended as {', '.join(world.file('order').split())}")
