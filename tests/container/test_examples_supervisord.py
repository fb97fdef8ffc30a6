"""examples/from-supervisord: a stock file runs as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.container.helpers import Box, eventually

FETCH = "import sys, urllib.request as r; sys.stdout.write(r.urlopen(sys.argv[1], timeout=5).read().decode())"


def test_from_supervisord(run: Callable[..., Box], build_example: Callable[[str], str]) -> None:
    box = run(image=build_example("from-supervisord"), wait=["gunicorn", "nginx", "cron"])
    status = box.wait_state("ticker:ticker_01", "ticker:ticker_02")
    assert list(status) == ["gunicorn", "nginx", "cron", "ticker:ticker_01", "ticker:ticker_02"]

    def page() -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(
            box.exec("python3", "-c", FETCH, "http://127.0.0.1/", check=True).output
        )
        return answer

    assert eventually(page) == {
        "GREETING": "hello, world",
        "RATE": "100%",
        "HOME": "/var/www",
        "SUPERVISOR_PROCESS_NAME": "gunicorn",
        "SUPERVISOR_GROUP_NAME": "gunicorn",
        "uid": 33,
    }
    box.wait_log("ticker 2 of 2\n")
    assert '"GET / HTTP/1.1" 200' in box.wait_log("GET / HTTP/1.1")
    assert box.exec("ls", "/var/log/cron.log").code == 0
    checked = box.exec("supervice", "check", check=True).output
    assert " error" not in checked.replace("no errors", "")
    explained = box.exec("supervice", "check", "--explain", check=True).output
    assert "what differs from supervisord for this file" in explained
    assert re.search(r"\[/etc/supervisor/supervisord.conf:\d+\]", explained)

    # A change in the included piece touches nothing else.
    pids = {name: row["pid"] for name, row in box.status().items()}
    box.exec("sed", "-i", "s/^numprocs=2/numprocs=3/", "/etc/supervisor/conf.d/ticker.conf", check=True)
    assert "ticker:ticker_03" in box.ctl("reload").output
    after = box.wait_state("ticker:ticker_03")
    changed = {name for name, pid in pids.items() if after[name]["pid"] != pid}
    assert changed <= {"ticker:ticker_01", "ticker:ticker_02"}  # what they say of numprocs has changed
    assert box.stop() == 0
    assert box.logs().count("left behind") == 0
