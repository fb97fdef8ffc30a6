"""Starts a command as PID 1 of a new PID namespace and sends it one signal so long after its exec.

`unshare --pid first_process.py SIGNAL MILLISECONDS COMMAND…`: the first child of this process is PID 1. Ends with
the exit code of the command; 125 when it does not end. 124: neither does it end nor did it block signals when it got
that one, which is the fault of the kernel when its first instruction was still to come.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

# The namespace's own /proc, which is not for this process: its view of PID 1 is that of the machine.
ENTER = ["unshare", "--mount", "sh", "-c", 'mount -t proc proc /proc && exec "$@"', "sh"]


def state(pid: int) -> tuple[str, bool]:
    """The name of the program that it is by now, and whether it blocks signals."""
    with open(f"/proc/{pid}/status") as file:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return fields["Name"], int(fields["SigBlk"], 16) != 0


def main() -> int:
    signum, after, command = int(sys.argv[1]), float(sys.argv[2]) / 1000, sys.argv[3:]
    pid = os.fork()
    if pid == 0:
        os.execvp(ENTER[0], [*ENTER, *command])
    while state(pid)[0] != os.path.basename(command[0]):
        pass
    until = time.monotonic() + after
    while time.monotonic() < until:
        pass
    deaf = not state(pid)[1]
    os.kill(pid, signum)
    ended = os.pidfd_open(pid)
    if not select.select([ended], [], [], 3 if deaf else 30)[0]:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return 124 if deaf else 125
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    os._exit(main() & 255)
