"""The programs of the storm, as a configuration. Each holds a lock while it runs, so that a second copy shows itself."""

from __future__ import annotations

from random import Random

FOLDER = "/tmp/chaos"  # of a container of its own
SOCKET = f"{FOLDER}/control.sock"
CONFIG = f"{FOLDER}/supervice.conf"
DOUBLES = f"{FOLDER}/doubles"
SHUTDOWN_TIMEOUT = 10

# What each program does once it has its lock; the lock is inherited, so that what a run leaves behind holds it too.
KINDS = {
    "steady": ("exec sleep 1000", ""),
    "crasher": ("sleep 0.3; exit 1", "startretries = -1\nbackoff = 0.2\nbackoff_max = 1s\n"),
    "family": ("sleep 1000 & sleep 0.5; exit 1", "startretries = -1\nbackoff = 0.2\nbackoff_max = 1s\n"),
    "deaf": ('trap "" TERM; while :; do sleep 0.2; done', "stopwaitsecs = 1\n"),
    "once": ("exit 0", "type = oneshot\n"),
    "needy": ("exec sleep 1000", "depends_on = steady:started, once:completed\n"),
}


def program(name: str, work: str, options: str) -> str:
    lock = f'exec 9>>{FOLDER}/$0.lock; flock -n 9 || echo "$1 $$ $(cat {FOLDER}/$0.lock)" >> {DOUBLES}; echo $$ >&9; {work}'
    return (
        f"[program:{name}]\ncommand = sh -c '{lock}' %(program_name)s%(process_num)02d %(program_name)s\n"
        f"startsecs = 0\nstopwaitsecs = 3\n{options}".replace(
            "stopwaitsecs = 3\nstopwaitsecs = 1", "stopwaitsecs = 1"
        )
    )


def configuration(random: Random, clients: int) -> str:
    """Returns a configuration; `random` decides about the programs that a reload adds, changes and removes."""
    parts = [
        f"[supervice]\nsocket = {SOCKET}\nshutdown_timeout = {SHUTDOWN_TIMEOUT}\nexit_when_idle = false\n",
        *(program(name, *kind) for name, kind in KINDS.items()),
        program("many", "exec sleep 1000", "numprocs = 5\n"),
        *(program(f"own{i}", "exec sleep 1000", "autostart = false\n") for i in range(clients)),
    ]
    for i in range(random.randint(0, 6)):
        kind, options = random.choice(list(KINDS.values()))
        parts.append(program(f"spare{i}", kind, f"{options}nice = {random.randint(0, 3)}\n"))
    return "\n".join(parts)
