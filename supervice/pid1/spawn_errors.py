"""Why a process could not be made: in words, with what follows from it for a retry and an exit code."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_FOUND = 127
NOT_EXECUTABLE = 126
# What the whole container lacks: pids, memory, descriptors. It says nothing about the program.
SHORTAGE = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
# A user that cannot be switched to will not become possible by trying again.
_PERMANENT = frozenset({errno.EPERM})
# Bytes of one word or variable, with its final NUL: MAX_ARG_STRLEN of linux/binfmts.h.
LONGEST_WORD = 32 * 4096


class SpawnError(Exception):
    """A process could not be started. `code` is what a shell would exit with: 127, 126 or 1.

    `permanent`: trying again does not help. `number`: the errno, where it is one that says nothing about the
    program.
    """

    def __init__(self, message: str, *, permanent: bool = False, code: int = 1, number: int = 0) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.code = code
        self.number = number


def is_shortage(error: BaseException) -> bool:
    """Whether the container lacks something, so that it says nothing about the program."""
    if isinstance(error, SpawnError):
        return error.number in SHORTAGE
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in SHORTAGE)


def is_about_us(error: BaseException) -> bool:
    """Whether a check could not be run for a reason that says nothing about who is checked."""
    if isinstance(error, OSError) and error.filename == os.devnull:
        return True
    return is_shortage(error) or (isinstance(error, SpawnError) and error.number == errno.E2BIG)


def explain(error: Exception, path: str, argv: list[str], env: Mapping[str, str]) -> SpawnError:
    """The reason why `path` could not be run with these, with the exit code that a shell would give it."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOENT:
        if os.path.exists(path):
            return SpawnError(
                f"{path}: its interpreter (the #! line, or the loader) is missing", code=NOT_FOUND
            )
        return SpawnError(f"command {path} not found", code=NOT_FOUND)
    if number == errno.ENOTDIR:
        return SpawnError(f"command {path} not found", code=NOT_FOUND)
    if number == errno.EACCES:
        return SpawnError(f"{path} is not executable (permission denied)", code=NOT_EXECUTABLE)
    if number == errno.ENOEXEC:
        return SpawnError(
            f"{path} is no program for this machine (a script needs a #! line)", code=NOT_EXECUTABLE
        )
    if number == errno.E2BIG:
        return SpawnError(
            f"{path}: {_too_long(argv, env)}", permanent=True, code=NOT_EXECUTABLE, number=number
        )
    words = os.strerror(number) if number is not None else str(error)
    if number is not None and number in SHORTAGE:
        return SpawnError(f"{path}: {words}{_WHAT_LACKS.get(number, '')}", number=number)
    return SpawnError(f"{path}: {words}", permanent=number in _PERMANENT, code=NOT_EXECUTABLE)


_WHAT_LACKS = {
    errno.EAGAIN: " (no process is to be had: the limit of pids of the container or of the user is reached)",
    errno.EMFILE: " (no descriptor is to be had; raise minfds, or docker run --ulimit nofile=N)",
}


def _too_long(argv: list[str], env: Mapping[str, str]) -> str:
    """What E2BIG is about: the word or the variable that is too long alone, else the longest of them all."""
    sizes = [(_size(f"{name}={value}"), f"the variable {name}") for name, value in env.items()]
    sizes += [(_size(word), f"word {number} of the command") for number, word in enumerate(argv, 1)]
    size, what = max(sizes, default=(0, "the command"))
    if size > LONGEST_WORD:
        return f"{what} is too long: {size} bytes, and the kernel takes {LONGEST_WORD}; pass it in a file"
    every = sum(size for size, _ in sizes)
    return (
        f"the command and its environment are too long together: {every} bytes; "
        f"the longest is {what} with {size}; pass it in a file, or raise rlimit_stack"
    )


def _size(text: str) -> int:
    return len(os.fsencode(text)) + 1


def find_program(name: str, env: Mapping[str, str], directory: str | None) -> str:
    """Where the program is, searched in the program's own PATH, as a shell in its directory would."""
    if "/" in name:
        return name
    seen_not_executable = ""
    search = env.get("PATH", os.defpath)
    for place in search.split(":"):
        path = os.path.join(place, name) if place else name
        looked = path if directory is None or path.startswith("/") else os.path.join(directory, path)
        if os.access(looked, os.X_OK) and not os.path.isdir(looked):
            return path if "/" in path else f"./{path}"
        if not seen_not_executable and os.path.isfile(looked):
            seen_not_executable = path
    if seen_not_executable:
        raise SpawnError(f"{seen_not_executable} is not executable", code=NOT_EXECUTABLE)
    raise SpawnError(f"command {name!r} not found in PATH", code=NOT_FOUND)
