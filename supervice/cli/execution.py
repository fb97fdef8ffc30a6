"""`supervicectl exec NAME -- COMMAND`: takes on the program's settings and becomes the command.

So terminal, job control, window size, signals and exit code are the caller's own. Whatever can go wrong is
reported before exec; after it nothing of this process is left.
"""

from __future__ import annotations

import os
import resource
import sys

from supervice.cli.replies import fetch
from supervice.cli.terminal import FAILED, complain
from supervice.lean.builtin import signal
from supervice.models import Limits
from supervice.pid1.identity import Identity
from supervice.pid1.limits import Impossible, same_bounds, steps
from supervice.pid1.spawn import NOT_EXECUTABLE, NOT_FOUND, SpawnError, find_program
from supervice.pid1.spawn_errors import explain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from supervice.pid1.limits import Step

# Variables about the terminal, which is the caller's.
OF_THE_TERMINAL = ("TERM", "COLORTERM", "COLUMNS", "LINES")
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


class CannotBecome(Exception):
    """A setting of the program that we cannot take on, in words; `code` is a shell's exit code for it."""

    def __init__(self, message: str, code: int = NOT_EXECUTABLE) -> None:
        super().__init__(message)
        self.code = code


def execute(
    name: str,
    argv: Sequence[str],
    socket: str | None = None,
    timeout: float | None = None,
    *,
    variables: Sequence[str] = (),
    user: str | None = None,
    directory: str | None = None,
) -> int:
    """Becomes the command; returns only when that fails, with the exit code."""
    request: dict[str, Any] = {"command": "exec", "name": name, "argv": list(argv)}
    if user is not None:
        request["user"] = user
    reply, code = fetch(request, socket, timeout)
    if reply is None:
        return code
    if reply.get("status") != "ok":
        complain(str(reply.get("message") or reply.get("code")))
        return FAILED
    try:
        _become(reply, list(argv), variables, directory)
    except CannotBecome as error:
        complain(f"exec {name}: {error}")
        return error.code


def environment(lines: Sequence[str], own: dict[str, str], variables: Sequence[str]) -> dict[str, str]:
    """Returns the program's environment, with the caller's terminal variables and `-e NAME[=VALUE]`."""
    pairs = (_text(line).partition("=") for line in lines)
    found = {name: value for name, _, value in pairs}
    for variable in (*OF_THE_TERMINAL, *variables):
        name, given, value = variable.partition("=")
        if given:
            found[name] = value
        elif name in own:
            found[name] = own[name]
        else:
            found.pop(name, None)
    return found


def _become(
    reply: dict[str, Any], argv: list[str], variables: Sequence[str], directory: str | None
) -> NoReturn:
    env = environment(reply["environment"], dict(os.environ), variables)
    place = os.path.join(_text(reply["directory"]), directory or "")
    try:
        os.umask(reply["umask"])
        os.chdir(place)
    except OSError as error:
        raise CannotBecome(f"directory {place}: {error.strerror}") from None
    try:
        path = find_program(argv[0], env, None)
        todo = same_bounds(reply["bounding"], reply["uid"]) + steps(_limits(reply), _identity(reply))
    except Impossible as error:
        raise CannotBecome(str(error)) from None
    except SpawnError as error:
        raise CannotBecome(str(error), error.code) from None
    _take_on(todo, reply)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for signum in _IGNORED_BY_PYTHON:
        signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        os.execve(path, argv, env)
    except OSError as error:
        words, _, code, _ = explain(error, path, argv, env)
        raise CannotBecome(words, code if code in (NOT_FOUND, NOT_EXECUTABLE) else NOT_EXECUTABLE) from None


def _take_on(todo: Sequence[Step], reply: dict[str, Any]) -> None:
    """Does what the child of a spawn does before it becomes the program."""
    for option, step in todo:
        try:
            step()
        except (OSError, ValueError) as error:
            words = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            if option == "user":
                option = f"uid {reply['uid']}"
            raise CannotBecome(f"{option}: {words}; this takes more rights") from None


def _identity(reply: dict[str, Any]) -> Identity | None:
    """Returns the user whose rights the program has; None when they are ours."""
    uid, gid, groups = reply["uid"], reply["gid"], tuple(reply["groups"])
    if (uid, gid) == (os.geteuid(), os.getegid()) and (uid != 0 or set(groups) == set(os.getgroups())):
        return None
    return Identity(uid, gid, groups, "", "")


def _limits(reply: dict[str, Any]) -> Limits:
    """Returns the limits that differ from ours."""
    nice, score = reply["nice"], reply["oom_score_adj"]
    capabilities = reply["capabilities"]
    return Limits(
        nice=None if nice == os.getpriority(os.PRIO_PROCESS, 0) else nice,
        oom_score_adj=None if score is None or score == _score() else score,
        no_new_privs=reply["no_new_privs"],
        capabilities=None if capabilities is None else tuple(capabilities),
        rlimits=tuple(
            (name, soft, hard) for name, soft, hard in reply["rlimits"] if (soft, hard) != _rlimit(name)
        ),
    )


def _rlimit(name: str) -> tuple[int, int] | None:
    try:
        return resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))
    except (AttributeError, OSError, ValueError):
        return None


def _score() -> int | None:
    try:
        with open("/proc/self/oom_score_adj", "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def _text(text: str) -> str:
    """Returns the bytes of a text that has one character per byte."""
    return os.fsdecode(text.encode("latin-1"))
