"""A plugin of pytest that collects once, and runs the tests of each mutant in a fork of its own.

In the first fork all tests run, unchanged, and say which functions they reach. What `pytest` prints is of no
interest; the verdicts go to a file.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import time
from collections import Counter
from mmap import mmap
from pathlib import Path

import pytest

from tools.mutants import switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# A file of pairs [mutant, its function], and where the verdicts go.
TODO, VERDICTS = "SUPERVICE_MUTANTS", "SUPERVICE_MUTANTS_VERDICTS"
# Examples of a property for each mutant: an equivalent one runs all of them.
EXAMPLES = 40
# A fork that sleeps at so many looks in a row, so many seconds apart, waits for what never comes.
LOOK, IDLE = 0.5, 8
# What @given leaves on a test, under a name that hypothesis uses for itself.
SETTINGS = "_hypothesis_internal_use_settings"

NOTICED, SURVIVED, HANGS, UNREACHED = "noticed", "survived", "hangs", "no test"


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Failures(), "mutants-failures")


class Failures:
    """The first one ends the process."""

    eager = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and Failures.eager:
            os._exit(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    from hypothesis import HealthCheck, Phase, is_hypothesis_test, settings

    for item in items:
        function = getattr(item.obj, "__func__", item.obj)  # type: ignore[attr-defined]
        if is_hypothesis_test(function):
            old: settings = getattr(function, SETTINGS)
            new = settings(
                old,
                max_examples=min(old.max_examples, EXAMPLES),
                phases=(Phase.explicit, Phase.generate),
                derandomize=True,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            )
            setattr(function, SETTINGS, new)


def pytest_runtestloop(session: pytest.Session) -> bool:
    begun = time.monotonic()
    tests = _survey(session.items)
    todo = json.loads(Path(os.environ[TODO]).read_text())
    verdicts: dict[str, str] = {}
    noticed: dict[str, Counter[int]] = {}  # by function: what noticed another of its mutants comes first
    for number, (mutant, function) in enumerate(todo, 1):
        before = noticed.setdefault(function, Counter())
        of_it = [(-before[at], took, at) for at, (took, reached) in enumerate(tests) if function in reached]
        in_turn = [(took, at) for _, took, at in sorted(of_it)]
        verdicts[mutant], last = _verdict(session.items, mutant, in_turn) if in_turn else (UNREACHED, 0)
        if verdicts[mutant] in (NOTICED, HANGS):
            before[last] += 1
        Path(os.environ[VERDICTS]).write_text(json.dumps(verdicts))
        if number % 50 == 0 or number == len(todo):
            spent = time.monotonic() - begun
            print(f"mutants: {number} of {len(todo)} after {spent:.0f} s", file=sys.stderr, flush=True)
    return True


def _verdict(items: list[pytest.Item], mutant: str, tests: list[tuple[float, int]]) -> tuple[str, int]:
    """The verdict, and the test that ran last. A mutant hangs when one takes twenty times as long."""
    running = mmap(-1, 4)  # shared with the fork

    def child() -> None:
        Failures.eager = True
        switch.chosen = mutant
        for took, at in tests:
            most = 3 + int(time.process_time() + 20 * took)
            resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
            running[:] = at.to_bytes(4, "little")
            _run(items[at])

    status = _fork(child)
    last = int.from_bytes(running[:], "little")
    if os.WIFSIGNALED(status):
        return HANGS, last
    return (SURVIVED if os.WEXITSTATUS(status) == 0 else NOTICED), last


def _survey(items: list[pytest.Item]) -> list[tuple[float, list[str]]]:
    """For each test its CPU time and the functions that it reaches."""
    place = Path(os.environ[VERDICTS] + ".tests")
    place.write_text("nothing ran")

    def child() -> None:
        Failures.eager = True
        found = []
        for item in items:
            place.write_text(item.nodeid)
            switch.reached.clear()
            begun = time.process_time()
            _run(item)
            found.append((time.process_time() - begun, sorted(switch.reached)))
        place.write_text(json.dumps(found))

    if _fork(child):
        pytest.exit(f"mutants: a test fails though nothing is changed: {place.read_text()}", returncode=4)
    tests: list[tuple[float, list[str]]] = json.loads(place.read_text())
    return tests


def _run(item: pytest.Item) -> None:
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)


def _fork(child: Callable[[], None]) -> int:
    """Returns the status of a process that runs `child`, and is killed when it waits for what never comes."""
    pid = os.fork()
    if not pid:
        try:
            quiet = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(quiet, fd)
            child()
            os._exit(0)
        except BaseException:
            os._exit(1)
    ended = os.pidfd_open(pid)
    try:
        idle, before = 0, ""
        while not select.select([ended], [], [], LOOK)[0]:
            state, now = _activity(pid)
            idle = idle + 1 if state == "S" and now == before else 0
            before = now
            if idle == IDLE:
                os.kill(pid, signal.SIGKILL)
                break
        return os.waitpid(pid, 0)[1]
    finally:
        os.close(ended)


def _activity(pid: int) -> tuple[str, str]:
    """The state of a process, and its CPU time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return fields[0], f"{fields[11]} {fields[12]}"
