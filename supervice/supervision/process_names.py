"""Finds the processes that a user names: `web`, `web:00`, `group:web`, `group:*`, `all`."""

from __future__ import annotations

from supervice.models import group_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervice.process import Process

SEE = "; see supervicectl status"
SHOWN = 5  # groups that an error names


class UnknownName(LookupError):
    """There is no such process or group; the message suggests a similar name, if there is one."""


def resolve_names(processes: Mapping[str, Process], words: list[str]) -> list[Process]:
    """Returns the processes that the words mean, each once. UnknownName."""
    found: dict[str, Process] = {}
    for word in words:
        for process in _resolve(processes, word):
            found[process.config.name] = process
    return list(found.values())


def _resolve(processes: Mapping[str, Process], word: str) -> list[Process]:
    if word in processes:
        return [processes[word]]
    if word == "all":
        return list(processes.values())
    group, colon, member = word.partition(":")
    if colon:
        members = members_of(processes, group)
        if member == "*" and members:
            return members
        for process in members:
            if process.config.name == member:
                return [process]
    of_program = [p for p in processes.values() if p.config.program == word]
    if len(of_program) == 1:
        return of_program
    if of_program:
        raise UnknownName(
            f"{word} has {len(of_program)} processes; write {word}:* for all, or {of_program[0].config.name}"
        )
    raise UnknownName(_nothing(processes, word))


def members_of(processes: Mapping[str, Process], group: str) -> list[Process]:
    """Returns the processes of a group; a program with several processes is a group of its own too."""
    return [p for p in processes.values() if group_of(p.config) == group] or [
        p for p in processes.values() if p.config.program == group
    ]


def _nothing(processes: Mapping[str, Process], word: str) -> str:
    members = members_of(processes, word)
    if members:
        return f"{word} is a group; write {word}:* for all of it, or {members[0].config.name}"
    if not word:
        return "no name is given; see supervicectl status"
    import difflib

    near = difflib.get_close_matches(word, list(processes), n=1)
    return f"Process not found: {word}" + (f" (did you mean {near[0]}?)" if near else SEE)


def no_group(processes: Mapping[str, Process], word: str) -> str:
    """Returns the message for a group that does not exist: a similar name, or the first few names."""
    import difflib

    groups = sorted({group_of(process.config) for process in processes.values()})
    near = difflib.get_close_matches(word, groups, n=1)
    if near:
        return f"Group not found: {word} (did you mean {near[0]}?)"
    more = " ..." if len(groups) > SHOWN else ""
    return f"Group not found: {word}" + (
        f"; the groups are {', '.join(groups[:SHOWN])}{more}" if groups else SEE
    )
