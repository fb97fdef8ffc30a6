"""The programs of the storm, as a configuration. Each runs under a lock, so that a second copy shows itself."""

from __future__ import annotations

from random import Random

FOLDER = "/srv/chaos"  # of a container of its own
SOCKET = f"{FOLDER}/control.sock"
CONFIG = f"{FOLDER}/supervice.conf"
CLOCK = f"{FOLDER}/clock"  # libfaketime reads it: how far the wall clock is off
SMALL = "/small"  # a tmpfs that is filled up and taken away
SMALL_OPTIONS = "size=512k,mode=1777"
PLACES = ("/run", "/tmp")  # where the daemon has its directory for notifications
SHUTDOWN_TIMEOUT = 10
# A program that finds its lock taken ends with it: another copy lives, or what that one has left.
DOUBLE = 99
NAME = "CHAOS_NAME"  # in the environment of each process: what `status` calls it

TALK = "while :; do echo alpha beta gamma delta epsilon; sleep 0.02; done"
# Says it is ready, then lives on.
READY = (
    "import os, signal, socket;"
    "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);"
    's.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", chr(0), 1));'
    "signal.pause()"
)
# More than the container may have; each page is touched.
HOG = 'a = []; [a.append(b"x" * (8 << 20)) for _ in iter(int, 1)]'

AGAIN = "startretries = -1\nbackoff = 0.2\nbackoff_max = 1s\n"
# What each does once it has its lock; the lock is inherited, so that what a run leaves behind holds it too. Retries have
# no end: what a kill or a lack of pids does to a start must not decide about the code of the end.
KINDS = {
    "steady": ("sleep 1000", AGAIN),
    "crasher": ("sh -c 'sleep 0.3; exit 1'", AGAIN),
    "family": ("sh -c 'sleep 1000 & sleep 0.5; exit 1'", AGAIN),
    "deaf": ("sh -c 'trap \"\" TERM; while :; do sleep 0.2; done'", f"{AGAIN}stopwaitsecs = 1\n"),
    "once": ("true", f"{AGAIN}type = oneshot\n"),
    "needy": ("sleep 1000", f"{AGAIN}depends_on = steady:started, once:completed\n"),
    "teller": (f"python3 -c '{READY}'", f"{AGAIN}ready = notify\n"),
    "asked": (
        "sleep 1000",
        f"{AGAIN}healthcheck_type = script\nhealthcheck_command = true\nhealthcheck_interval = 0.3\n",
    ),
    "talker": (
        f"sh -c '{TALK}'",
        f"{AGAIN}stdout_logfile = {SMALL}/talker.log\nstdout_logfile_maxbytes = 64KB\nstdout_logfile_backups = 2\n",
    ),
    # One process: what a run leaves lives on, and the next time does not wait for it.
    "timed": ("sleep 0.2", "schedule = every 1s\n"),
}
# Started by a disaster alone.
DISASTERS = {
    "bomb": (
        "sh -c 'exec 2>/dev/null; b() { b | b & }; b; sleep 1000'",
        "autostart = false\nautorestart = false\n",
    ),
    "hog": (f"python3 -c '{HOG}'", "autostart = false\nautorestart = false\n"),
}
# These have processes that lead a session beside their own: a check.
WITH_HELPERS = ("asked",)


def program(name: str, work: str, options: str) -> str:
    number = "" if "numprocs" not in options else ":%(process_num)02d"
    # What these leave lives on, and a start by hand does not wait for it.
    lock = "" if name in DISASTERS else f"flock -n -F -E {DOUBLE} {FOLDER}/{name}{number}.lock "
    text = f'[program:{name}]\ncommand = {lock}{work}\nenvironment = {NAME}="{name}{number}"\n{options}'
    defaults = {"startsecs": 0, "stopwaitsecs": 3}
    if "schedule" in options:
        del defaults["startsecs"]
    return text + "".join(f"{key} = {value}\n" for key, value in defaults.items() if key not in options)


def configuration(random: Random, clients: int) -> str:
    """Returns a configuration; `random` decides about the programs that a reload adds, changes and removes."""
    parts = [
        f"[supervice]\nsocket = {SOCKET}\nshutdown_timeout = {SHUTDOWN_TIMEOUT}\nexit_when_idle = false\n"
        'environment = LD_PRELOAD=""\n',
        *(program(name, *kind) for name, kind in (KINDS | DISASTERS).items()),
        program("many", "sleep 1000", f"{AGAIN}numprocs = 5\n"),
        *(program(f"own{i}", "sleep 1000", f"{AGAIN}autostart = false\n") for i in range(clients)),
    ]
    for i in range(random.randint(0, 6)):
        work, options = random.choice([kind for name, kind in KINDS.items() if name not in WITH_HELPERS])
        parts.append(program(f"spare{i}", work, f"{options}nice = {random.randint(0, 3)}\n"))
    return "\n".join(parts)
