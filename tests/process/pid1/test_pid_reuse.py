"""No signal ever reaches a process that got the number of one of ours: with 180 numbers for everything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

ROUNDS_SECONDS = 12
# Once they have all been used the kernel gives out those from 300 on only: 180 for everything.
PID_MAX = 480
NUMBERS = PID_MAX - 300

# Run in a new PID namespace. Makes the numbers scarce, has the daemon run as PID 1, and around it bystanders:
# they come and go all the time, and one that gets a signal that was not for it writes that down.
STAGE = r"""
import json, os, signal, subprocess, sys, time

directory, seconds, smallest, command = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
try:
    before = int(open("/proc/sys/kernel/pid_max").read())
    with open("/proc/sys/kernel/pid_max", "w") as file:
        file.write(str(smallest))
except OSError as error:
    print(json.dumps({"skip": f"pid_max of a namespace cannot be set: {error}"}))
    sys.exit(0)
print(json.dumps({"pid_max": int(open("/proc/sys/kernel/pid_max").read())}), flush=True)
os.execv(command[0], command)
"""

BYSTANDERS = r"""
import os, signal, sys, time

directory, seconds, least = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
wanted = [n for n in signal.valid_signals() if n not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD)]
log = os.open(f"{directory}/hits", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
born = os.open(f"{directory}/born", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
over, alive = os.pipe()  # each bystander has the end for writing; those of a third are no children of ours

def hit(signum, _frame):
    os.write(log, f"{os.getpid()} got {signum}\n".encode())

for signum in wanted:
    signal.signal(signum, hit)

def live(how):
    # A third leads a group, a third leads a session, a third leaves the group to a child: the number of a
    # group is as good as that of a process.
    os.write(born, b"%d\n" % os.getpid())
    if how == 0:
        os.setpgid(0, 0)
    elif how == 1:
        os.setsid()
    else:
        os.setsid()
        try:
            if os.fork() == 0:
                time.sleep(0.02)
        except OSError:  # no numbers left for a moment
            pass
        os._exit(0)
    time.sleep(0.004 * (1 + os.getpid() % 5))
    os._exit(0)

until = time.monotonic() + seconds
latest = until + 2 * seconds  # a busy machine needs longer for as many
mine = 0
number = 0
while time.monotonic() < until or number < least and time.monotonic() < latest:
    number += 1
    try:
        pid = os.fork()
    except OSError:  # no numbers left for a moment
        pid = -1
        time.sleep(0.001)
    if pid == 0:
        live(number % 3)
    mine += pid > 0
    while mine > 60 or (pid < 0 and mine):
        dead, status = os.waitpid(-1, 0)
        mine -= 1
        if os.WIFSIGNALED(status):
            os.write(log, f"{dead} was killed by {os.WTERMSIG(status)}\n".encode())
        if mine <= 60:
            break
while mine:
    _, status = os.waitpid(-1, 0)
    mine -= 1
    if os.WIFSIGNALED(status):
        os.write(log, f"{_} was killed by {os.WTERMSIG(status)}\n".encode())
# Then nothing is left that the end of the container would have to stop.
os.close(alive)
os.read(over, 1)
with open(f"{directory}/done", "w") as file:
    file.write(str(number))
"""

# Programs that crash at once and leave members of their group behind, which go by themselves or have to be
# stopped; one that is restarted and one whose check fails, both by hand and all the time.
CONFIG = """
[supervice]
socket = {directory}/s.sock
shutdown_timeout = 10
loglevel = warning

[program:bystanders]
command = {python} -I -S {directory}/bystanders.py {directory} {seconds} {least}
autorestart = false
startsecs = 0
main = true
killasgroup = false

[program:leaves]
command = sh -c "sleep 1000 & sleep 0.01 & sleep 0.03; exit 3"
numprocs = 6
startsecs = 0
backoff = 0.01
backoff_factor = 1
stopwaitsecs = 0.05

[program:deaf]
command = sh -c "trap '' TERM; (while :; do sleep 0.01; done) & sleep 0.02; exit 4"
numprocs = 2
startsecs = 0
backoff = 0.01
backoff_factor = 1
stopwaitsecs = 0.03

[program:dies]
command = sh -c "exit 5"
numprocs = 6
startsecs = 0
backoff = 0.01
backoff_factor = 1

[program:steady]
command = sleep 1000
startsecs = 0
stopwaitsecs = 0.1
healthcheck_type = script
healthcheck_command = sh -c "sleep 1000 & sleep 1000"
healthcheck_interval = 0.05
healthcheck_timeout = 0.05
healthcheck_retries = 1000000
"""

DRIVER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from supervice.control.client import Client, Unreachable
until = time.monotonic() + float(sys.argv[3])
count = 0
while time.monotonic() < until:
    try:
        with Client(sys.argv[2]) as client:
            client.ask({"command": "restart", "name": "steady", "force": bool(count % 2)}, 20)
            client.ask({"command": "signal", "names": ["leaves:*", "dies:*"], "signal": "USR1"}, 20)
            client.ask({"command": "restart", "names": ["leaves:*"]}, 20)
        count += 1
    except (OSError, Unreachable):  # not there yet, or gone when this began late
        time.sleep(0.01)
print(count)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="a PID namespace needs root")
def test_no_bystander_is_ever_signalled(tmp_path: Path) -> None:
    host = Path("/proc/sys/kernel/pid_max").read_text()
    (tmp_path / "stage.py").write_text(STAGE)
    (tmp_path / "bystanders.py").write_text(BYSTANDERS)
    config = tmp_path / "supervice.conf"
    config.write_text(
        CONFIG.format(directory=tmp_path, python=sys.executable, seconds=ROUNDS_SECONDS, least=21 * NUMBERS)
    )
    words = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, str(tmp_path / "stage.py")]
    words += [str(tmp_path), str(ROUNDS_SECONDS), str(PID_MAX)]
    words += [sys.executable, "-m", "supervice.cli", "-c", str(config)]
    with (tmp_path / "out").open("wb") as out:
        daemon = subprocess.Popen(words, cwd=ROOT, stdout=out, stderr=out)
        driver = subprocess.run(
            [
                sys.executable,
                "-c",
                DRIVER,
                str(ROOT),
                str(tmp_path / "s.sock"),
                str(ROUNDS_SECONDS - 1),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        code = daemon.wait(60)
    assert Path("/proc/sys/kernel/pid_max").read_text() == host
    text = (tmp_path / "out").read_text()
    first = json.loads(text.partition("\n")[0])
    if "skip" in first:
        pytest.skip(first["skip"])
    assert first["pid_max"] == PID_MAX
    assert code == 0, text[-3000:]
    hits = (tmp_path / "hits").read_text()
    born = (tmp_path / "born").read_text().split()
    assert hits == ""
    # It was a test: every number was in use many times, and the daemon had much to signal meanwhile.
    assert len(set(born)) > NUMBERS * 0.9
    assert len(born) > 20 * NUMBERS
    assert max(map(int, born)) < PID_MAX
    assert driver.returncode == 0, driver.stderr
    assert int(driver.stdout) > 0
    assert text.count("leaves:") > 100
