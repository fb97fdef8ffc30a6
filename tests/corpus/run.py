"""Runs supervisord files under supervisord and under supervice, with stubs for commands, and compares the two.

    python -m tests.corpus.run                        # $SUPERVICE_CORPUS, else tests/corpus/stock
    python -m tests.corpus.run DIRECTORY [NAME ...]   # NAME: how the name of a file begins
    python -m tests.corpus.run --failing [DIRECTORY]  # no command ever comes up: retries, FATAL, exit codes

Each file runs in a PID namespace of its own, so nothing outlives it. Prints a line for each file: what differs, and
which row of docs/migrating-from-supervisord.md has it. Exit code 1 when a difference is in no row.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xmlrpc.client
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from supervisor.xmlrpc import SupervisorTransport

from tests.corpus.compare import STOCK, cases
from tests.corpus.stubs import Stubs, failing, prepare, stub

THEIRS = [sys.executable, "-c", "from supervisor.supervisord import main; main()", "-n"]
OURS = [sys.executable, "-m", "supervice.cli"]
ALONE = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
ON_THE_WAY = ("STARTING", "BACKOFF", "STOPPING", "UNKNOWN")
STARTS, ENDS = 40, 45  # seconds, beside the longest startsecs
FIELDS = ("statename", "exitstatus")
# What a difference has to look like, and the row of the migration page that has it.
ROWS = {
    r"refuses.*Format string": "a bare % is a percent sign",
    r"refuses.*Illegal seek": "devices are never rotated",
    r"each line twice": "a device as logfile has each line once",
}
# Where no command comes up. What is retried without an end is caught in one state or another.
FAILING_ROWS = {
    r"exitstatus: supervisord 0 .*, supervice 3": "a failed start keeps its exit code",
    r"exit code: supervisord 0, supervice 3": "the exit code is that of a program that is FATAL",
    r"statename: supervisord FATAL.*, supervice BACKOFF": "failed starts wait longer",
    r"statename: supervisord (EXITED|RUNNING|STARTING|BACKOFF).*, supervice BACKOFF": "what dies again waits",
    r"refuses.*Illegal seek": ROWS[r"refuses.*Illegal seek"],
    r"refuses.*Format string": ROWS[r"refuses.*Format string"],
}


class Outcome(NamedTuple):
    """What came of a file."""

    processes: dict[str, dict[str, Any]]
    stopped: list[str]  # the names in the order of the log
    code: int | None  # None: it did not end in time
    said: str  # on stdout
    speaks: bool  # whether it says on stdout what it stops
    twice: bool  # whether it says so twice


class Running:
    """A daemon in a PID namespace of its own."""

    def __init__(self, command: list[str], socket: Path, cwd: Path, environment: dict[str, str]) -> None:
        self._socket = socket
        self.process = subprocess.Popen(
            [*ALONE, *command],
            cwd=cwd,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join([str(cwd), *filter(None, sys.path)]),
                "SUPERVICE_SOCKET": f"{socket}.own",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._said: list[bytes] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        self._said.extend(self.process.stdout)

    def said(self) -> str:
        """Its output, once it is killed."""
        return b"".join(self._said).decode(errors="replace")

    def ask(self) -> list[dict[str, Any]] | None:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        try:
            answer: Any = xmlrpc.client.ServerProxy("http://here", transport).supervisor.getAllProcessInfo()
        except (OSError, xmlrpc.client.Error, ValueError):
            return None
        finally:
            transport.close()
        return list(answer)

    def settled(self, autostart: set[str], seconds: float) -> list[dict[str, Any]]:
        """The processes as they are once none of them is on its way any more, or at the end of the time."""
        until = time.monotonic() + seconds
        answer: list[dict[str, Any]] = []
        while self.process.poll() is None and time.monotonic() < until:
            answer = self.ask() or answer
            waiting = [p for p in answer if _is_on_its_way(p, autostart)]
            if answer and not waiting:
                break
            if not autostart and answer == [] and self.ask() == []:
                break
            time.sleep(0.2)
        return answer

    def stop(self, seconds: float) -> int | None:
        """Its exit code after TERM."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        try:
            if daemon := children.read_text().split():
                os.kill(int(daemon[0]), signal.SIGTERM)
            return self.process.wait(seconds)
        except (subprocess.TimeoutExpired, FileNotFoundError, ProcessLookupError):
            return self.process.poll()

    def kill(self) -> None:
        """Ends it with all that it started: the end of the namespace's PID 1 is that of the namespace."""
        self.process.kill()
        self.process.wait()
        self._reader.join(5)
        if self.process.stdout and not self._reader.is_alive():
            self.process.stdout.close()


def _is_on_its_way(process: dict[str, Any], autostart: set[str]) -> bool:
    return process["statename"] in ON_THE_WAY or (
        process["statename"] == "STOPPED" and _name(process) in autostart
    )


def _name(process: dict[str, Any]) -> str:
    return f"{process['group']}:{process['name']}"


def run(command: list[str], source: Path, expected: dict[str, Any], stubs: Stubs = stub) -> Outcome:
    """Runs a copy of the file to its end."""
    processes = [(g["name"], p) for g in expected.get("groups", []) for p in g["processes"]]
    autostart = {f"{group}:{p['name']}" for group, p in processes if p["autostart"]}
    longest = max((p["startsecs"] for _, p in processes), default=0)
    root = Path(tempfile.mkdtemp(prefix="corpus-"))
    root.chmod(0o755)
    try:
        scene = prepare(source, expected, root, stubs)
        running = Running(
            [*command, "-c", str(scene.config)], scene.socket, scene.config.parent, scene.environment
        )
        try:
            answer = running.settled(autostart, STARTS + longest)
            code = running.stop(ENDS)
        finally:
            running.kill()
        said = running.said()
        heard = _order(said)
        log = scene.log.read_text() if scene.log.exists() else ""
        stopped = list(dict.fromkeys(heard or _order(log)))
        said = said.replace(str(root), "ROOT")
        return Outcome(
            {_name(p): p for p in answer}, stopped, code, said, bool(heard), len(heard) > len(stopped)
        )
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _order(said: str) -> list[str]:
    """The names of what was stopped, as either daemon says it: without the group."""
    found = (re.search(r"stopped: (\S+) \(|(\S+): stopped\b", line) for line in said.splitlines())
    return [(match[1] or match[2]).rpartition(":")[2] for match in found if match]


def compare(theirs: Outcome, ours: Outcome, expected: dict[str, Any]) -> list[str]:
    """What is not the same, one line for each difference."""
    if not theirs.processes and theirs.code not in (0, None):
        reason = re.search(r"Error: .*", theirs.said)
        if expected["verdict"] == "reject" and not ours.processes and ours.code not in (0, None):
            return []
        return [f"supervisord refuses it: {reason[0] if reason else theirs.said[-200:]}"]
    found = []
    count = sum(len(group["processes"]) for group in expected.get("groups", []))
    if len(theirs.processes) != count:
        found.append(f"supervisord has {len(theirs.processes)} processes where its parser has {count}")
    for name in sorted(theirs.processes.keys() | ours.processes.keys()):
        real, mine = theirs.processes.get(name), ours.processes.get(name)
        if real is None or mine is None:
            found.append(f"{name} is only in {'supervisord' if mine is None else 'supervice'}")
            continue
        for field in FIELDS:
            if real[field] != mine[field]:
                values = [f"{it[field]} {it['spawnerr']}".rstrip() for it in (real, mine)]
                found.append(f"{name} {field}: supervisord {values[0]}, supervice {values[1]}")
    if theirs.code != ours.code or theirs.code is None:
        found.append(f"exit code: supervisord {theirs.code}, supervice {ours.code}")
    return found


def compare_ends(theirs: Outcome, ours: Outcome, expected: dict[str, Any]) -> list[str]:
    """What is not the same in how the programs that ran were stopped, and in what is said of it."""
    if not theirs.processes:
        return []
    found = []
    running = {p["name"] for p in theirs.processes.values() if p["statename"] == "RUNNING"}
    if running != set(theirs.stopped):
        found.append(f"supervisord says that it stopped {sorted(theirs.stopped)}, and {sorted(running)} ran")
    if theirs.speaks and not ours.speaks:
        found.append("supervisord's log is on stdout too")
    if theirs.twice:
        found.append("supervisord says each line twice")
    return found + _orders(theirs.stopped, ours.stopped, expected)


def _orders(theirs: list[str], ours: list[str], expected: dict[str, Any]) -> list[str]:
    """Differences in what was stopped, and in the order of groups whose priorities differ."""
    if sorted(theirs) != sorted(ours):
        return [f"stopped: supervisord {sorted(theirs)}, supervice {sorted(ours)}"]
    level = {p["name"]: g["priority"] for g in expected.get("groups", []) for p in g["processes"]}
    orders = [[level.get(name, 0) for name in names] for names in (theirs, ours)]
    return [f"order of stopping: supervisord {theirs}, supervice {ours}"] if orders[0] != orders[1] else []


def side_by_side(case: Path) -> list[str]:
    """The differences of one file between the two daemons."""
    expected = json.loads(case.read_text())
    source = case.parent / expected["file"]
    theirs, ours = run(THEIRS, source, expected), run(OURS, source, expected)
    return compare(theirs, ours, expected) + compare_ends(theirs, ours, expected)


def failing_side_by_side(case: Path) -> list[str]:
    """The same where no command comes up."""
    expected = json.loads(case.read_text())
    source = case.parent / expected["file"]
    return compare(run(THEIRS, source, expected, failing), run(OURS, source, expected, failing), expected)


def row(difference: str, rows: dict[str, str] = ROWS) -> str | None:
    """The row of the migration page that has the difference."""
    return next((text for pattern, text in rows.items() if re.search(pattern, difference)), None)


def _try(what: Callable[[Path], list[str]], case: Path) -> list[str]:
    try:
        return what(case)
    except Exception as error:
        return [f"the comparison itself failed: {error!r}"]


def main(words: list[str]) -> int:
    what, known = side_by_side, ROWS
    if words[:1] == ["--failing"]:
        what, known, words = failing_side_by_side, FAILING_ROWS, words[1:]
    folder = Path(words[0] if words else os.environ.get("SUPERVICE_CORPUS", STOCK))
    chosen = [case for case in cases(folder) if not words[1:] or case.name.startswith(tuple(words[1:]))]
    wrong = 0
    with ThreadPoolExecutor(4) as pool:
        for case, found in zip(chosen, pool.map(lambda case: _try(what, case), chosen), strict=True):
            new = [difference for difference in found if row(difference, known) is None]
            rows = sorted({row(difference, known) or "" for difference in found})
            wrong += bool(new)
            verdict = "differs" if new else f"as the page says: {'; '.join(rows)}" if rows else "the same"
            print(f"{case.name.removesuffix('.expected.json')}: {verdict}", flush=True)
            for difference in new:
                print(f"    {difference}", flush=True)
    print(f"{len(chosen)} files, {wrong} with differences that the migration page does not have")
    return 1 if wrong or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
