"""A running container as the tests see it: `Box`, and the same questions for a bare SDK container."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from supervice.control.client import Client, Unreachable
from tests.eventually import eventually

if TYPE_CHECKING:
    from docker.models.containers import Container

__all__ = ["Box", "Ran", "eventually", "exec_", "programs", "status", "zombies"]

FIRST_LINE = (
    "supervice 0.1.0: /etc/supervice/supervice.conf, 1 program (2 processes) and the command sh, "
    "control socket /tmp/supervice.sock"
)
# The default places of the control socket. Neither folder is a link in our images, so both are the container's.
SOCKETS = ("/run/supervice.sock", "/tmp/supervice.sock")
PROGRAMS = Path(__file__).resolve().parents[1] / "programs"

# Reads /proc with the shell alone: `ps` is in no slim image, and Python would be a process more.
# A process that ends between the listing and the read is no error.
ZOMBIES = """
for dir in /proc/[0-9]*; do
    while IFS= read -r line; do
        case $line in State:*Z*) echo "${dir#/proc/}" ;; Threads:*) break ;; esac
    done 2>/dev/null <"$dir/status"
done
exit 0
"""


def programs(*names: str) -> dict[str, str | bytes | Path]:
    """For `run(files=...)`: these of tests/programs, as /programs/NAME."""
    return {f"/programs/{name}": PROGRAMS / name for name in names}


class Ran(NamedTuple):
    """How a command in a container ended; `output` is both streams."""

    code: int
    output: str


# On a busy machine the engine at times loses what a command says that ends at once; these can be asked again.
TRIES = 6
QUESTIONS = {"cat", "health", "pid", "status", "version"}


def exec_(container: Container, *argv: str, user: str = "", check: bool = False, **options: Any) -> Ran:
    """Run `argv` in the container; with `check` anything but exit code 0 fails the test."""
    for _ in range(TRIES):
        code, output = container.exec_run(list(argv), user=user, **options)
        assert code is not None  # it is None for what is not waited for
        assert isinstance(output, bytes)  # not in pieces
        ran = Ran(code, output.decode(errors="replace"))
        if ran.code != 0 or ran.output or not QUESTIONS & set(argv):
            break
    if check and ran.code != 0:
        raise AssertionError(f"{' '.join(argv)}: exit code {ran.code}\n{ran.output}")
    return ran


def zombies(container: Container) -> list[int]:
    """The pids (as the container numbers them) of the dead that are not collected."""
    return [int(pid) for pid in exec_(container, "sh", "-c", ZOMBIES, check=True).output.split()]


def status(container: Container) -> dict[str, dict[str, Any]]:
    """What the daemon says of its processes, by their names."""
    reply = asked_at_its_socket(container) or asked_inside(container)
    assert reply["status"] == "ok", reply
    return {process["name"]: process for process in reply["processes"]}


def asked_at_its_socket(container: Container) -> dict[str, Any] | None:
    """The reply to `status` without `docker exec`, which takes 200 ms of CPU; None where this cannot ask."""
    if not container.attrs["State"].get("Running"):
        container.reload()
    for place in SOCKETS:
        try:
            with Client(f"/proc/{container.attrs['State']['Pid']}/root{place}") as client:
                return client.ask({"command": "status"}, 10)
        except (OSError, Unreachable):
            pass
    return None


def asked_inside(container: Container) -> dict[str, Any]:
    """What `supervicectl --json status` says."""
    # Its streams apart: a warning on stderr must not spoil the JSON.
    streams: Any  # (stdout, stderr), which the stubs do not know
    for _ in range(TRIES):
        code, streams = container.exec_run(["supervicectl", "--json", "status"], demux=True)
        out, err = streams
        if code != 0 or out:  # on a busy machine the engine may lose what a command says that ends at once
            break
    try:
        reply: dict[str, Any] = json.loads(out or b"")
    except ValueError:
        raise AssertionError(
            f"supervicectl --json status: exit code {code}, "
            f"said {(out or b'').decode()!r} and {(err or b'').decode()!r}"
        ) from None
    return reply


class Box:
    """One container under test. `container` is the docker SDK's object for everything not here."""

    def __init__(self, container: Container) -> None:
        self.container = container

    @property
    def id(self) -> str:
        assert self.container.id
        return self.container.id

    def exec(self, *argv: str, user: str = "", check: bool = False, **options: Any) -> Ran:
        return exec_(self.container, *argv, user=user, check=check, **options)

    def ctl(self, *args: str, user: str = "", check: bool = True) -> Ran:
        return self.exec("supervicectl", *args, user=user, check=check)

    def status(self) -> dict[str, dict[str, Any]]:
        return status(self.container)

    def state(self, name: str) -> str:
        return str(self.status()[name]["state"])

    def pid(self, name: str) -> int:
        pid = self.status()[name]["pid"]
        assert isinstance(pid, int), f"{name} has no pid: {pid!r}"
        return pid

    def zombies(self) -> list[int]:
        return zombies(self.container)

    def wait_state(
        self, *names: str, state: str = "RUNNING", timeout: float = 20.0
    ) -> dict[str, dict[str, Any]]:
        """Until all of `names` (none: every process) are in `state`; the status that said so."""

        def reached() -> dict[str, dict[str, Any]] | None:
            now = self.status()
            wanted = names or tuple(now)
            missing = {name: now[name]["state"] for name in wanted if now[name]["state"] != state}
            assert not missing, missing
            return now if wanted else None

        what = f"{', '.join(names) or 'every process'} {state}"
        return eventually(reached, timeout, 0.05, what) or {}

    def logs(self, **options: Any) -> str:
        text: bytes = self.container.logs(**options)
        return text.decode(errors="replace")

    def wait_log(self, text: str, timeout: float = 20.0) -> str:
        """Until `text` is in the container's log; the log."""
        assert text not in FIRST_LINE, f"{text!r} is in the first line that supervice logs itself"
        eventually(lambda: text in self.logs(), timeout, 0.05, f"{text!r} in the log")
        return self.logs()

    def put(self, path: str, text: str) -> None:
        """Write a file in the running container."""
        self.exec("sh", "-c", f'printf %s "$0" >{path}', text, check=True)

    def kill(self, signal: str | int = "KILL") -> None:
        """Send a signal to PID 1 from outside, as `docker kill` does."""
        self.container.kill(signal=signal)

    def stop(self, timeout: int = 10) -> int:
        """`docker stop`; the exit code."""
        self.container.stop(timeout=timeout)
        return self.wait()

    def wait(self, timeout: float = 30.0) -> int:
        """Until the container has ended; its exit code."""
        return int(self.container.wait(timeout=timeout)["StatusCode"])

    def alive(self) -> bool:
        self.container.reload()
        return bool(self.container.status == "running")
