"""Every place and every set of rights that an orchestrator may give us, each with each.

{PID 1, under an init, in another container's PID namespace} x {root, a uid without a passwd entry} x {writable
root, read-only with a tmpfs, read-only without} x {default rights, none}. The cells run side by side, those
of the shared namespace all in the same one; the test of a cell is to wait for its report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import product
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple, cast

import pytest
from testcontainers.core.docker_client import DockerClient

import docker
from tests.container.helpers import Box, eventually
from tests.container.images import CONFIG, LABEL, SESSION

PLACES = ("pid1", "init", "shared")
USERS: dict[str, dict[str, Any]] = {"root": {}, "uid": {"user": "12345:12345"}}
ROOTS: dict[str, dict[str, Any]] = {
    "rw": {},
    "ro-tmpfs": {"read_only": True, "tmpfs": {"/tmp": ""}},
    "ro": {"read_only": True},
}
RIGHTS: dict[str, dict[str, Any]] = {
    "default": {},
    "none": {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]},
}
AT_ONCE = 4
GREETING = "hello 100% of $HOME; # and more"

CONFIGURATION = """\
[supervice]

[program:told]
command = sh /srv/told.sh
startsecs = 0

[program:parent]
command = sh /srv/parent.sh
startsecs = 0
"""
SCRIPTS = {
    "told.sh": 'echo "told <$GREETING>"\nexec sleep 1000\n',
    # One orphan that ends soon, and one that called setsid and stays: only we are there to collect the
    # first and to stop the second.
    "parent.sh": """\
(sh -c 'echo "brief $$"; sleep 0.1' &)
(setsid sh -c 'trap "echo stray got TERM; exit" TERM; echo "stray $$"; while :; do sleep 0.02; done' &)
exec sleep 1000
""",
}
# The other container of the shared namespace: its PID 1, like a pause container's, and an application. Each
# says which signals it gets.
OTHER = """
import os, signal, time
def note(signum, _frame):
    os.write(1, f"{name} got {signum}\\n".encode())
name = "application" if os.fork() == 0 else "pause"
for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    signal.signal(signum, note)
os.write(1, f"{name} {os.getpid()}\\n".encode())
while True:
    time.sleep(1000)
"""


class Cell(NamedTuple):
    place: str
    user: str
    root: str
    rights: str

    def __str__(self) -> str:
        return "-".join(self)

    @property
    def options(self) -> dict[str, Any]:
        return {**USERS[self.user], **ROOTS[self.root], **RIGHTS[self.rights]}


CELLS = [Cell(*words) for words in product(PLACES, USERS, ROOTS, RIGHTS)]


def client() -> docker.DockerClient:
    """One for a thread: it does not read the environment, in which pytest writes meanwhile."""
    made = DockerClient().client
    made.api.trust_env = False
    return made


class Matrix:
    """Runs the cells; `report(cell)` returns when the cell is through, or raises what went wrong in it."""

    def __init__(self, image: str, directory: Path, cells: list[Cell]) -> None:
        self.image = image
        self.directory = directory
        for name, text in {"supervice.conf": CONFIGURATION, **SCRIPTS, "other.py": OTHER}.items():
            (directory / name).write_text(text)
            (directory / name).chmod(0o644)
        self._clients: SimpleQueue[docker.DockerClient] = SimpleQueue()
        for _ in range(AT_ONCE):
            self._clients.put(client())
        self._other: Box | None = None
        if any(cell.place == "shared" for cell in cells):
            self._other_client = client()
            self._other = self._start(
                self._other_client, Cell("pid1", "root", "rw", "default"), ["-u", "/srv/other.py"], "python3"
            )
            self._other.wait_log("application ")
            self._other.wait_log("pause ")
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._reports: dict[Cell, Future[None]] = {cell: self._pool.submit(self._try, cell) for cell in cells}

    def report(self, cell: Cell) -> None:
        self._reports[cell].result(timeout=240)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        if self._other is not None:
            self._other.container.remove(force=True, v=True)
            self._other_client.close()
        while not self._clients.empty():
            self._clients.get().close()

    def check_others(self) -> None:
        """No process of the other container was touched by any of the cells."""
        if self._other is None:
            pytest.skip("no cell of the shared namespace was selected")
        assert self._other.alive()
        log = self._other.logs()
        assert re.findall(r".* got .*", log) == []
        names = self._other.exec("sh", "-c", "cat /proc/[0-9]*/comm", check=True).output.split()
        assert names.count("python3") == 2

    def _start(
        self, client: docker.DockerClient, cell: Cell, command: list[str] | None = None, entrypoint: str = ""
    ) -> Box:
        files = {"supervice.conf": CONFIG, **{name: f"/srv/{name}" for name in (*SCRIPTS, "other.py")}}
        options = cell.options
        if cell.place == "init":
            options["init"] = True
        if cell.place == "shared":
            assert self._other is not None
            options["pid_mode"] = f"container:{self._other.id}"
        if entrypoint:
            options["entrypoint"] = entrypoint
        container = client.containers.create(
            self.image,
            command,
            environment={"GREETING": GREETING},
            volumes={
                str(self.directory / name): {"bind": path, "mode": "ro"} for name, path in files.items()
            },
            labels={LABEL: SESSION},
            network_mode="none",
            **options,
        )
        try:
            container.start()
        except BaseException:
            container.remove(force=True, v=True)
            raise
        return Box(container)

    def _try(self, cell: Cell) -> None:
        one = self._clients.get()
        try:
            box = self._start(one, cell)
            try:
                self._scenario(cell, box)
            except Exception as error:
                raise AssertionError(f"{cell}: {error}\n--- its log\n{box.logs(tail=50)}") from error
            finally:
                box.container.remove(force=True, v=True)
        finally:
            self._clients.put(one)

    def _scenario(self, cell: Cell, box: Box) -> None:
        # It boots, runs both programs, and answers; the environment is passed on as it is.
        box.wait_state("told", "parent", timeout=60)
        box.wait_log(
            f"told <{GREETING}>\n", timeout=30
        )  # the environment, and which program is faster is open
        log = box.wait_log("stray ", timeout=30)
        us = int(box.ctl("pid").output)
        assert (us == 1) == (cell.place == "pid1")

        # Orphans come to us, and are collected.
        (stray,) = re.findall(r"^stray (\d+)$", log, re.M)
        (brief,) = re.findall(r"^brief (\d+)$", box.wait_log("brief "), re.M)
        assert parent_of(box, stray) == us
        eventually(lambda: parent_of(box, brief) == 0, message="the brief orphan is collected")

        # It restarts what dies and what it is told to.
        first = box.pid("told")
        box.exec("sh", "-c", f"kill -KILL {first}", check=True)
        eventually(lambda: box.status()["told"]["pid"] not in (None, first), 20, 0.05, "a replacement")
        second = box.wait_state("told")["told"]["pid"]
        box.ctl("restart", "told")
        assert box.pid("told") not in (first, second)
        assert box.ctl("health").code == 0

        # No zombie of ours is left (the others of the namespace may have some of their own for a moment).
        eventually(lambda: not [pid for pid in box.zombies() if parent_of(box, str(pid)) == us])

        # It ends in time, with code 0, and takes what is its own with it.
        assert box.stop(20) == 0, "the exit code"
        log = box.logs()
        assert "stray got TERM\n" in log
        assert "SIGKILL" not in log.partition("shutting down")[2]
        expected = r"told: ended, killed by SIGKILL|running without a pid file"
        assert re.findall(rf".* (?:WARNING|ERROR) (?!{expected}).*", log) == []


def parent_of(box: Box, pid: str) -> int:
    """0 when there is no such process."""

    def said() -> str:  # nothing where the engine lost it
        return box.exec(
            "sh", "-c", f"cat /proc/{pid}/stat 2>/dev/null || echo none", check=True
        ).output.strip()

    stat = eventually(said, message="what the engine says")
    return 0 if stat == "none" else int(stat.rpartition(")")[2].split()[1])


@pytest.fixture(scope="module")
def matrix(
    request: pytest.FixtureRequest, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Matrix]:
    wanted = [
        cast(Cell, item.callspec.params["cell"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path and "cell" in item.fixturenames
    ]
    made = Matrix(image, tmp_path_factory.mktemp("placement"), wanted)
    yield made
    made.close()


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_it_works_in(matrix: Matrix, cell: Cell) -> None:
    matrix.report(cell)


def test_no_other_process_in_the_shared_namespace_was_touched(matrix: Matrix) -> None:
    matrix.check_others()
