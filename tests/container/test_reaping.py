"""PID 1 collects every process that ends in the container, its own or not."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.container.helpers import Box, eventually, programs

# Crashers end with a code of their own every few dozen milliseconds; the steady ones do nothing.
CONFIG = """
[supervice]

[program:steady]
command = sleep 1000
numprocs = 5
startsecs = 0

[program:crasher]
command = sh -c "sleep 0.05; exit 1%(process_num)02d"
numprocs = 20
startsecs = 0
backoff = 0.02
backoff_factor = 1
"""

ORPHANS = 10_000

UNDER_INIT = r"""
[supervice]

[program:parent]
command = sh -c 'sh -c "sleep 1000 & echo orphan \$!"; exec sleep 1000'
startsecs = 0

[program:orphanage]
command = sh -c "python3 /programs/orphanage.py 300; exec sleep 1000"
startsecs = 0
"""


def orphanage(box: Box, count: int) -> dict[str, Any]:
    """Has `count` orphans die at once; what orphanage.py saw."""
    seen: dict[str, Any] = json.loads(
        box.exec("python3", "/programs/orphanage.py", str(count), check=True).output
    )
    return seen


def test_ten_thousand_orphans_while_programs_restart(
    run: Callable[..., Box], image_for: Callable[[str], str], base: str
) -> None:
    box = run(config=CONFIG, image=image_for(base), files=programs("orphanage.py"))
    steady = [f"steady:{number:02d}" for number in range(5)]
    before = box.wait_state(*steady)
    crashes = sum(process["restarts"] for process in before.values())

    seen = orphanage(box, ORPHANS)
    assert seen["orphans"] == ORPHANS
    assert seen["parents"] == [1]
    assert seen["left"] == 0, seen
    assert seen["seconds"] < 1.0

    after = box.status()
    for name in steady:
        assert after[name]["state"] == "RUNNING"
        assert after[name]["pid"] == before[name]["pid"]
        assert after[name]["restarts"] == 0
    # The crashers went on meanwhile, and go on.
    assert sum(process["restarts"] for process in after.values()) > crashes + 100
    now = after["crasher:07"]["restarts"]
    eventually(lambda: box.status()["crasher:07"]["restarts"] > now)
    eventually(lambda: not box.zombies(), message="no zombie")

    assert box.stop() == 0
    log = box.logs()
    ends = re.findall(r"(crasher:(\d\d)): ended, (.*)", log)
    # Every status is the one's own, and none was lost: each run that began has its end in the log.
    wrong = [(name, how) for name, number, how in ends if how != f"exit code 1{number} (unexpected)"]
    assert wrong == []
    ran = Counter(re.findall(r"(crasher:\d\d): running", log))
    ended = Counter(name for name, _, _ in ends)
    for name in ran:
        assert ran[name] - ended[name] in (0, 1), name  # the last run may have been stopped


def test_under_an_init_orphans_come_to_us_and_not_to_it(run: Callable[..., Box]) -> None:
    """`docker run --init`: not PID 1, so supervice has to be a subreaper for what its programs leave."""
    box = run(config=UNDER_INIT, files=programs("orphanage.py"), init=True, wait=["parent", "orphanage"])
    us = int(box.ctl("pid").output)
    assert us != 1
    orphan = re.search(r"orphan (\d+)", box.wait_log("orphan "))
    assert orphan
    stat = box.exec("cat", f"/proc/{orphan[1]}/stat", check=True).output
    assert int(stat.rpartition(")")[2].split()[1]) == us
    seen = json.loads(next(line for line in box.wait_log('"left"').splitlines() if '"left"' in line))
    assert (seen["orphans"], seen["parents"], seen["left"]) == (300, [us], 0)
    assert box.zombies() == []
    assert box.stop() == 0
