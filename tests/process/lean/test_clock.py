"""A clock that is stepped moves no timer: nothing that waits or measures looks at the wall clock.

The clock of a container is the host's, so no test steps it; the tests see that the code does not look at it.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervice.lean.loop import Loop
from tests.paths import ROOT

PACKAGE = ROOT / "supervice"
MODULES = sorted(PACKAGE.rglob("*.py"))
# Where it is said when something happened, for people to read; supervisord's ticks and schedules are times of day.
STAMPS = {
    "api/logs.py",
    "cli/ctl_options.py",
    "cli/explain_times.py",
    "cli/moments.py",
    "logger.py",
    "output/formats.py",
    "output/ring.py",
    "runner/driver.py",
    "runner/reporting.py",
    "supervision/journal.py",
    "supervision/start_record.py",
    "supervisord/listeners/hub.py",
    "supervisord/rpc/info.py",
    "web/actions.py",
    "web/site.py",
}
# Where it is reckoned with: against the times of files, which are of the wall clock, and to see that it was set.
RECKONING = {
    "config/reader.py",
    "fs/private_directory.py",
    "net/unix_listener.py",
    "schedules/set_clock.py",
    "watch/scanner.py",
}
WALL = {"time", "time_ns", "localtime"}


def wall_clock(tree: ast.AST) -> Iterator[ast.Call]:
    """Every call that asks what time it is in the world."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            if (name == "time" and node.func.attr in WALL) or (
                name in ("datetime", "date") and node.func.attr in ("now", "utcnow", "today")
            ):
                yield node


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_wall_clock_is_for_stamps_only(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        assert not (isinstance(node, ast.ImportFrom) and node.module == "time"), (
            "by its full name, so that it is found here"
        )
    calls = list(wall_clock(tree))
    name = str(path.relative_to(PACKAGE))
    if name in RECKONING:
        return
    if name not in STAMPS:
        assert [call.lineno for call in calls] == []
    # Also where it may be read, nothing is reckoned with it: no difference, no comparison.
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            assert not set(calls) & {node.left, *node.comparators}, f"line {node.lineno}"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Add):
            assert not set(calls) & {node.left, node.right}, f"line {node.lineno}"


@pytest.mark.parametrize("name", sorted(STAMPS | RECKONING))
def test_no_exception_is_left_over(name: str) -> None:
    text = (PACKAGE / name).read_text()
    assert list(wall_clock(ast.parse(text))) or "time.time" in text


def test_it_would_be_found() -> None:
    text = "import time\nfrom datetime import datetime\nx = time.time()\ny = datetime.now()\nz = time.monotonic()\n"
    assert [call.lineno for call in wall_clock(ast.parse(text))] == [3, 4]


def test_the_loop_is_monotonic() -> None:
    loop = Loop()
    before = time.monotonic()
    assert before <= loop.time() <= time.monotonic()
    loop.close()
