"""Maps words of supervisorctl, docker, kubectl and systemctl to what does the same here. Pure."""

from __future__ import annotations

# Words that do the obvious, with our words for them.
ALIASES = {
    "ps": ("status",),
    "ls": ("status",),
    "tail": ("logs",),
    "kill": ("signal",),
    "update": ("reload",),
    "reread": ("reload", "--dry-run"),
    "run": ("start",),
}

# Words of other tools: whose they are, and what to write here.
_SUPERVISORD, _DOCKER, _KUBECTL, _SYSTEMCTL = "supervisorctl", "docker", "kubectl", "systemctl"
_RELOAD = "reload (it adds, removes and changes what the files say)"
_CONFIGURED = "config [NAME], or graph for which program needs which"
HINTS: dict[str, tuple[str, str]] = {
    "add": (_SUPERVISORD, _RELOAD),
    "remove": (_SUPERVISORD, _RELOAD),
    "avail": (_SUPERVISORD, _CONFIGURED),
    "clear": (_SUPERVISORD, "rotate [NAME]"),
    "fg": (_SUPERVISORD, "attach NAME"),
    "maintail": (_SUPERVISORD, "events -f, or look at the output of the container"),
    "open": (_SUPERVISORD, "-s SOCKET before or after a verb"),
    "quit": (_SUPERVISORD, "nothing outside of the shell; shutdown ends the container"),
    "exit": (_SUPERVISORD, "nothing outside of the shell; shutdown ends the container"),
    "inspect": (_DOCKER, "why NAME for how it is, config NAME for its settings, status --json for both"),
    "stats": (_DOCKER, "top, or status -o wide"),
    "up": (_DOCKER, "start all, and wait until all run"),
    "down": (_DOCKER, "stop all; shutdown ends the container"),
    "rm": (_DOCKER, "take the program out of its file, then reload"),
    "create": (_DOCKER, "write the program into a file, then reload"),
    "rename": (_DOCKER, "rename the section in its file, then reload"),
    "pause": (_DOCKER, "signal STOP NAME"),
    "unpause": (_DOCKER, "signal CONT NAME"),
    "port": (_DOCKER, "config NAME"),
    "build": (_DOCKER, "docker build, outside of the container"),
    "pull": (_DOCKER, "docker pull, outside of the container"),
    "push": (_DOCKER, "docker push, outside of the container"),
    "images": (_DOCKER, "docker images, outside of the container"),
    "cp": (_DOCKER, "docker cp, outside of the container"),
    "commit": (_DOCKER, "docker commit, outside of the container"),
    "diff": (_DOCKER, "reload --dry-run, for what has changed in the files"),
    "compose": (_DOCKER, "the verb alone: status, logs -f, restart NAME"),
    "info": (_DOCKER, "version, or status"),
    "get": (_KUBECTL, "status -o wide, or status -o json"),
    "describe": (_KUBECTL, "why NAME"),
    "apply": (_KUBECTL, _RELOAD),
    "delete": (_KUBECTL, "stop NAME; what is to stay away is taken out of its file, then reload"),
    "edit": (_KUBECTL, "change the file, then reload --dry-run and reload"),
    "patch": (_KUBECTL, "change the file, then reload --dry-run and reload"),
    "set": (_KUBECTL, "change the file, then reload --dry-run and reload"),
    "scale": (_KUBECTL, "set numprocs in the file, then reload"),
    "rollout": (_KUBECTL, "restart NAME, then wait --for ready NAME"),
    "drain": (_KUBECTL, "shutdown (drain_delay is the time before the first stop)"),
    "cordon": (_KUBECTL, "stop NAME"),
    "explain": (_KUBECTL, "supervice check --explain"),
    "api-resources": (_KUBECTL, "help"),
    "cluster-info": (_KUBECTL, "version, or status"),
    "port-forward": (_KUBECTL, "kubectl port-forward, outside of the container"),
    "enable": (_SYSTEMCTL, "set autostart = true in the file, then reload"),
    "disable": (_SYSTEMCTL, "set autostart = false in the file, then reload"),
    "mask": (_SYSTEMCTL, "set autostart = false in the file, then reload"),
    "unmask": (_SYSTEMCTL, "set autostart = true in the file, then reload"),
    "daemon-reload": (_SYSTEMCTL, "reload"),
    "force-reload": (_SYSTEMCTL, "restart NAME"),
    "reload-or-restart": (_SYSTEMCTL, "signal HUP NAME, or restart NAME"),
    "try-restart": (_SYSTEMCTL, "restart NAME"),
    "condrestart": (_SYSTEMCTL, "restart NAME"),
    "reset-failed": (_SYSTEMCTL, "start NAME (it forgets the failures before)"),
    "is-active": (_SYSTEMCTL, "status NAME (exit code 3 when it does not run)"),
    "is-failed": (_SYSTEMCTL, "health NAME (exit code 1 when it is not well)"),
    "is-enabled": (_SYSTEMCTL, "config NAME"),
    "show": (_SYSTEMCTL, "config NAME, or status NAME --json"),
    "cat": (_SYSTEMCTL, "config NAME"),
    "list-units": (_SYSTEMCTL, "status"),
    "list-unit-files": (_SYSTEMCTL, "config"),
    "list-dependencies": (_SYSTEMCTL, "graph"),
    "list-timers": (_SYSTEMCTL, "schedule"),
    "list-sockets": (_SYSTEMCTL, "config"),
    "journalctl": (_SYSTEMCTL, "logs -f NAME"),
    "analyze": (_SYSTEMCTL, "boot"),
    "poweroff": (_SYSTEMCTL, "shutdown"),
    "halt": (_SYSTEMCTL, "shutdown"),
    "reboot": (_SYSTEMCTL, "restart all; a new container is the orchestrator's to make"),
    "isolate": (_SYSTEMCTL, "start NAME"),
}


def here(words: list[str]) -> list[str]:
    """Returns `words`, which begin with an alias, in words of ours."""
    first, *rest = words
    if first == "kill":
        rest = _signal_first(rest)
    lines = rest[0][1:] if rest and rest[0][:1] == "-" else ""
    if first == "tail" and lines.isascii() and lines.isdigit():
        rest = ["-n", lines, *rest[1:]]  # tail -100 NAME
    return [*ALIASES[first], *rest]


def _signal_first(rest: list[str]) -> list[str]:
    """Returns `-9 NAME`, `-HUP NAME` and `-s HUP NAME` as `9 NAME`."""
    if rest[:1] == ["-s"]:
        return rest[1:]
    word = rest[0] if rest else ""
    return (
        [word[1:], *rest[1:]]
        if len(word) > 1 and word[0] == "-" and word[1] != "-" and word != "-l"
        else rest
    )


def unknown(word: str, verbs: list[str]) -> str:
    """Returns the message for a word that is no verb: the verb that does it here, or a similar one."""
    hint = HINTS.get(word.lower())
    if hint is not None:
        whose, what = hint
        return f"{word} is a word of {whose}; write here: {what}"
    if word.lower() in (*verbs, *ALIASES):
        return f"no such verb: {word}; write {word.lower()}"
    near = _nearest(word.lower(), [*verbs, *ALIASES])
    return f"no such verb: {word}; did you mean {near}?" if near else f"no such verb: {word}"


def unknown_option(option: str, verb: str, options: dict[str, list[str]]) -> str:
    """Returns the error for an option that `verb` ("": none) does not have; `options`: of each verb."""
    whose = f"{verb} has" if verb else "there is"
    if not option.startswith("--"):
        return f"{whose} no option {option}"
    near = _nearest(option[2:], [known[2:] for known in options.get(verb, []) if known.startswith("--")])
    others = [other for other, known in options.items() if other and option in known]
    if others and len(others) < len(options) - 1:
        have = f"{' and '.join(others)} {'has' if len(others) == 1 else 'have'}"
        return f"{whose} no option {option}; {have} one"
    return f"{whose} no option {option}{f'; did you mean --{near}?' if near else ''}"


def _nearest(word: str, known: list[str]) -> str:
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, known, 1)), "")
