"""Explains why a process could not be made, and what follows from it. Loaded at the first failure."""

from __future__ import annotations

import errno
import os

from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    # The arguments of a `spawn.SpawnError`: words, whether it is permanent, the exit code, and the errno if
    # the error says nothing about the program.
    Reason = tuple[str, bool, int, int]

NOT_FOUND = 127
NOT_EXECUTABLE = 126
# The whole container lacks pids, memory or descriptors, which says nothing about the program.
SHORTAGE = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
# Switching to a user will not become possible by trying again.
_PERMANENT = frozenset({errno.EPERM})
# Bytes of one word or variable, with its final NUL: MAX_ARG_STRLEN of linux/binfmts.h.
LONGEST_WORD = 32 * 4096


def is_shortage(error: BaseException) -> bool:
    """Returns whether the container lacks something; then the error says nothing about the program."""
    return isinstance(error, MemoryError) or getattr(error, "errno", 0) in SHORTAGE


def is_about_us(error: BaseException) -> bool:
    """Returns whether a check failed to run for a reason that says nothing about the program."""
    number = getattr(error, "errno", 0)
    return is_shortage(error) or number == errno.E2BIG or getattr(error, "filename", None) == os.devnull


def failure(error: Exception, at: float) -> tuple[str, bool, int, float, bool]:
    """Returns the values of `SpawnFailed` for a start that failed at that time."""
    lacks = is_shortage(error)
    if isinstance(error, (OSError, MemoryError)):  # no descriptor is left, or a log file cannot be opened
        where = getattr(error, "filename", None) or "spawn"
        words = f"{where}: {getattr(error, 'strerror', None) or error or 'out of memory'}"
        return clean(words), False, 1, at, lacks
    return clean(str(error)), getattr(error, "permanent", False), getattr(error, "code", 1), at, lacks


def explain(error: Exception, path: str, argv: list[str], env: Mapping[str, str]) -> Reason:
    """Returns why `path` could not be run with these."""
    number = (error.errno if isinstance(error, OSError) else None) or 0
    if number in (errno.ENOENT, errno.ENOTDIR):
        if number == errno.ENOENT and os.path.exists(path):
            return f"{path}: its interpreter (the #! line, or the loader) is missing", False, NOT_FOUND, 0
        return f"command {path} not found", False, NOT_FOUND, 0
    if number == errno.EACCES:
        return f"{path} is not executable (permission denied)", False, NOT_EXECUTABLE, 0
    if number == errno.ENOEXEC:
        words = f"{path} is not a program for this machine (a script needs a #! line)"
        return words, False, NOT_EXECUTABLE, 0
    if number == errno.E2BIG:
        return f"{path}: {_too_long(argv, env)}", True, NOT_EXECUTABLE, number
    words = f"{path}: {os.strerror(number) if number else error}"
    if number in SHORTAGE:
        return f"{words}{_WHAT_LACKS.get(number, '')}", False, 1, number
    return words, number in _PERMANENT, NOT_EXECUTABLE, 0


_WHAT_LACKS = {
    errno.EAGAIN: " (the limit of pids of the container or of the user is reached)",
    errno.EMFILE: " (all descriptors are in use; raise minfds, or docker run --ulimit nofile=N)",
}


def _too_long(argv: list[str], env: Mapping[str, str]) -> str:
    """Returns what E2BIG is about: the one word or variable that is too long, else the longest of all."""
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
