"""Leaves N orphans to PID 1 and has them die all at once: orphanage.py N; says what it saw as JSON.

    "orphans"  how many were re-parented (to which process: "parent") before they died
    "left"     how many of them could still be seen LIMIT seconds after the last one's exit, zombies included
    "seconds"  from the last exit until none could be seen any more

Run it inside the container, where PID 1 is what is tested.
"""

from __future__ import annotations

import gc
import json
import os
import select
import sys
import time

BROOD = 500  # children of one mother
LIMIT = 10.0


def stat(pid: int) -> tuple[str, int] | None:
    """State and parent of `pid`; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1])


def breed(count: int, gate: int, pids: int) -> None:
    """A mother: forks `count` children that wait at the gate, says their pids, and ends."""
    for number in range(count):
        pid = os.fork()
        if pid == 0:
            os.read(gate, 1)  # until no process holds the other end any more
            os._exit(number % 256)
        os.write(pids, f"{pid}\n".encode())
    os._exit(0)


def main() -> int:
    wanted = int(sys.argv[1])
    gc.freeze()  # so that the forks go on sharing their memory
    gc.disable()
    gate, opener = os.pipe()
    pids, say = os.pipe()
    over, alive = os.pipe()  # its end of file: every orphan has exited
    found: list[int] = []
    for begin in range(0, wanted, BROOD):
        count = min(BROOD, wanted - begin)
        mother = os.fork()
        if mother == 0:
            os.close(opener)
            breed(count, gate, say)
        os.waitpid(mother, 0)
        text = b""
        while text.count(b"\n") < count:
            text += os.read(pids, 1 << 16)
        found += map(int, text.split())
    os.close(alive)
    parents = {seen[1] for seen in map(stat, found) if seen is not None}
    os.close(opener)  # now
    select.select([over], [], [])
    last_exit = time.monotonic()
    left = found
    # One more look after the limit, so that what is reported is what was there then.
    while left:
        late = time.monotonic() - last_exit > LIMIT
        left = [pid for pid in left if (seen := stat(pid)) is not None and seen[1] in parents]
        if late:
            break
    seconds = time.monotonic() - last_exit
    print(
        json.dumps({"orphans": len(found), "parents": sorted(parents), "left": len(left), "seconds": seconds})
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
