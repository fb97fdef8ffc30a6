"""What its programs leave behind comes to supervice where it is not PID 1; test_storms.py has PID 1."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from tests.container.helpers import Box, programs

UNDER_INIT = r"""
[supervice]

[program:parent]
command = sh -c 'sh -c "sleep 1000 & echo orphan \$!"; exec sleep 1000'
startsecs = 0

[program:orphanage]
command = sh -c "python3 /programs/orphanage.py 300; exec sleep 1000"
startsecs = 0
"""


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
