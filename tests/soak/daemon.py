"""`supervice` as it is, but it also writes down how many timers, tasks, handlers and objects it has.

`python -m tests.soak.daemon COUNTS SECONDS ARGS…`: a line in the file COUNTS every SECONDS. What cannot be seen in
/proc can be seen here: a forgotten timer is a leak long before it is a megabyte.
"""

from __future__ import annotations

import gc
import os
import sys

from supervice.cli.main import main
from supervice.lean import loop as our_loop
from supervice.lean.futures import Task
from supervice.process import Process


def count(loop: our_loop.Loop) -> dict[str, int]:
    """What is alive now."""
    gc.collect()  # what is only waiting for a collection is no leak
    found = gc.get_objects()
    counts = {
        "timers": len(loop._timers) - loop._dead_timers,
        "handlers": len(loop._readers) + len(loop._writers),
        "tasks": sum(type(one) is Task and not one.done() for one in found),
        "processes": sum(type(one) is Process for one in found),
        "objects": len(found),
    }
    return counts


def serve(path: str, seconds: float) -> None:
    start = our_loop.Loop.__init__

    def watched(self: our_loop.Loop) -> None:
        start(self)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

        def note() -> None:
            counts = count(self)
            os.write(file, (" ".join(f"{name}={value}" for name, value in counts.items()) + "\n").encode())
            self.call_later(seconds, note)

        self.call_later(seconds, note)

    our_loop.Loop.__init__ = watched  # type: ignore[method-assign]
    main()


if __name__ == "__main__":
    counts_path, interval = sys.argv[1], float(sys.argv[2])
    sys.argv = ["supervice", *sys.argv[3:]]
    serve(counts_path, interval)
