"""What the soaked daemon runs: a configuration with something of everything, and ever new versions of it."""

from __future__ import annotations

import sys

# Listens on the port and answers nothing, which is enough for a tcp check.
SERVER = (
    "import socket, sys\n"
    "listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
    "while True:\n"
    "    listener.accept()[0].close()\n"
)
# Says it is ready, and ends a moment later.
READY = (
    "import os, socket, time\n"
    "with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:\n"
    "    s.sendto(b'READY=1', os.environ['NOTIFY_SOCKET'].replace('@', chr(0), 1))\n"
    "time.sleep(1.5)\n"
)
# Runs COUNT lines a moment, for ever.
WRITER = "while :; do seq 1 3000; sleep 0.05; done"
# Orphans, some with a session of their own: all of them become the daemon's.
ORPHANS = "while :; do (sleep 0.05 &); (setsid sleep 0.1 &); (true &); sleep 0.1; done"
# Is ill for two seconds of every eight, and of itself.
MOODY = "test $(( $(date +%s) % 8 )) -lt 6"

# The last lines of each program are few, so that all are full before the warm-up is over.
HEAD = """\
[supervice]
socket = {folder}/s.sock
logfile = {folder}/daemon.log
log_maxbytes = 64KB
log_backups = 2
pidfile = none
log_buffer = 1KB
exit_when_idle = false
http = unix:{folder}/http.sock

[group:all-of-them]
programs = steady, toggle

[program:steady]
command = sleep 100000
numprocs = 5

[program:toggle]
command = sleep 100000
startsecs = 0

[program:first]
type = oneshot
command = true

[program:after]
command = sleep 100000
depends_on = first:completed, steady:started

[program:orphans]
command = sh -c "{orphans}"

[program:port]
command = {python} {folder}/server.py {port}
healthcheck_type = tcp
healthcheck_port = {port}
healthcheck_interval = 200ms
healthcheck_start_period = 2s

[program:asked]
command = sleep 100000
healthcheck_type = script
healthcheck_command = true
healthcheck_interval = 500ms

[program:moody]
command = sleep 100000
startretries = -1
backoff = 100ms
backoff_max = 200ms
healthcheck_type = script
healthcheck_command = sh -c "{moody}"
healthcheck_interval = 300ms
healthcheck_retries = 2
healthcheck_start_period = 0

[program:timed]
command = sh -c "echo on time"
schedule = every 1s

[program:late]
command = sleep 3
schedule = every 2s
schedule_overlap = queue

[program:watching]
command = sleep 100000
startsecs = 0
watch = {folder}/watched, {folder}/watched.d/*.conf
watch_action = signal:CONT
watch_interval = 200ms
watch_delay = 100ms

[program:notifies]
command = {python} {folder}/ready.py
ready = notify
startretries = -1
backoff = 500ms
backoff_factor = 1

[program:nowhere]
command = /nonexistent/program
startretries = -1
backoff = 300ms
backoff_factor = 1
"""

CRASHING = """
[program:crash-{number}]
command = sh -c "echo crash {number}; exit {code}"
startsecs = 0
autorestart = true
startretries = -1
backoff = 250ms
backoff_factor = 1
"""

ROTATING = """
[program:writer-{number}]
command = sh -c "{writer}"
stdout_logfile = {folder}/writer-{number}.log
stdout_logfile_maxbytes = 256KB
stdout_logfile_backups = 2
"""

# Always a new name: what is kept for each name that there ever was is seen to grow.
PASSING = """
[program:passing-{number}]
command = sh -c "echo here I am; exec sleep 100000"
environment = VERSION="{version}"
stdout_logfile = {folder}/passing.log
"""


def configuration(folder: str, port: int, version: int) -> str:
    """The text of the `version`-th configuration: three programs of one version leave with the next but one."""
    parts = [HEAD.format(folder=folder, port=port, python=sys.executable, orphans=ORPHANS, moody=MOODY)]
    parts += [CRASHING.format(number=number, code=number % 3) for number in range(6)]
    parts += [ROTATING.format(number=number, folder=folder, writer=WRITER) for number in range(3)]
    parts += [
        PASSING.format(number=number, version=version // 2, folder=folder)
        for number in (version, version + 1, version + 2)
    ]
    return "".join(parts).replace("%", "%%")
