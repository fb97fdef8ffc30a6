"""Turns sections into a configuration: the kinds of sections, groups, and rules for the whole."""

from __future__ import annotations

from supervice.config.context import FAILED, Context
from supervice.config.options import FIELDS, NAME, default, rows
from supervice.config.problems import shown
from supervice.config.program import MOST_PROCESSES, Group, Program, name_fault
from supervice.config.stop_budget import cut_stops, timeout_for, worst_stop
from supervice.lifecycle.graph import Fault, is_unchecked, problems
from supervice.models import ProgramConfig, SupervisorConfig, program_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from typing import Any

    from supervice.config.reader import Reading, Section
    from supervice.config.supervisord_sections import Server

_OURS = ("supervice", "include", "program:", "group:")
_STOCK = (
    "supervisord",
    "include",
    "program:",
    "group:",
    "eventlistener:",
    "fcgi-program:",
    "unix_http_server",
    "inet_http_server",
    "supervisorctl",
    "rpcinterface:",
    "ctlplugin:",
)
_NAMED = ("program", "group", "eventlistener", "fcgi-program")
_STOCK_ONLY = ("eventlistener", "fcgi-program", "unix_http_server", "inet_http_server")
# Sections for supervisord's client and plug-ins, which our daemon does not need.
_IGNORED = ("supervisorctl", "rpcinterface", "ctlplugin")


class Builder:
    """Turns a `Reading` into the parts of `Loaded`; problems go to `ctx`."""

    def __init__(self, ctx: Context, reading: Reading) -> None:
        self.ctx = ctx
        self.reading = reading
        self.config = SupervisorConfig()
        self.given: frozenset[str] = frozenset()
        self.processes: list[ProgramConfig] = []
        self.servers: list[Server] = []
        self.from_environment: list[Section] = []  # settings in variables of the daemon's environment
        self._environment: dict[str, str] = {}
        self._user: str | None = None  # for programs that set none; supervisord's dialect only

    def build(self) -> None:
        by_kind: dict[str, list[Section]] = {}
        for section in self.reading.sections.values():
            kind = self._kind(section)
            if kind:
                by_kind.setdefault(kind, []).append(section)
        self._supervisor(by_kind)
        members = self._groups(by_kind)
        for kind in ("program", "fcgi-program", "eventlistener"):
            for section in by_kind.get(kind, ()):
                self._program(section, kind, members.get(section.name, []))
        for kind in ("unix_http_server", "inet_http_server"):
            for section in by_kind.get(kind, ()):
                from supervice.config.supervisord_sections import server

                made = server(self.ctx, section, kind)
                if made is not None:
                    self.servers.append(made)
        self._unique()
        self._one_main()
        self._one_user()
        self._dependencies()
        self._stop_budget(by_kind)

    def _kind(self, section: Section) -> str:
        """Returns the kind of a section; "" after reporting one that has no effect."""
        name, ctx = section.name, self.ctx
        kind, colon, rest = name.partition(":")
        if ctx.stock and not colon and kind in _NAMED:
            kind = ""
        where = f"[{shown(name)}]"
        if kind in _NAMED and (ctx.stock or kind in ("program", "group")):
            bad = [c for c in rest if c in " :/"]
            if not ctx.stock:
                bad += [c for c in rest if c in ",*\t"]
            if kind == "program" and rest == "all" and not ctx.stock:
                message = f"{where}: `all` means every process; choose another name"
                ctx.error(section.file, section.line, "", message)
                return ""
            why = name_fault(rest)
            if not rest or bad:
                why = (
                    f"a name cannot hold {bad[0]!r}; write letters, digits, - and _"
                    if bad
                    else f"no name; write [{kind}:NAME]"
                )
            if why:
                ctx.error(section.file, section.line, "", f"{where}: {why}")
                return ""
            return kind
        if kind in ("unix_http_server", "inet_http_server") and ctx.stock:
            return kind
        if kind in _IGNORED:
            if not ctx.stock or name not in ("supervisorctl", "rpcinterface:supervisor"):
                why = (
                    "it is for supervisord's client" if name == "supervisorctl" else "plug-ins are not loaded"
                )
                ctx.warning(section.file, section.line, "", f"{where} has no effect: {why}")
            return ""
        if name == ("supervisord" if ctx.stock else "supervice"):
            return name
        if not ctx.stock and name == "supervisord":
            message = f"{where} cannot stand beside [supervice]; move its options there"
        elif not ctx.stock and kind in _STOCK_ONLY:
            message = f"{where} is for stock supervisord files; remove it, or [supervice]"
        else:
            hint = ctx.guess(name, _STOCK if ctx.stock else _OURS)
            known = ", ".join(f"[{s}NAME]" if s.endswith(":") else f"[{s}]" for s in _OURS)
            message = f"unknown section {where}{hint or ('' if ctx.stock else f'; write one of {known}')}"
        ctx.complain(section.file, section.line, "", message)
        return ""

    def _supervisor(self, by_kind: dict[str, list[Section]]) -> None:
        ctx = self.ctx
        kind = "supervisord" if ctx.stock else "supervice"
        if ctx.stock:
            self.config.exit_when_idle = False  # as supervisord: many programs there go into the background
            if self.config.minfds is None:
                self.config.minfds = 1024  # supervisord's default
        given = set()
        silent = False
        for section in (*by_kind.get(kind, ()), *self.from_environment):
            names = ctx.names(section, {}, here=section.here)
            # A variable belongs to our dialect even beside a stock file, and beats the files.
            ours = section in self.from_environment
            found = (
                [rows("supervice")[name] for name in section.options] if ours else ctx.check(section, kind)
            )
            for row in found:
                value = ctx.value(section, row, names)
                ctx.effect(section, row, value)
                name = row[NAME]
                field = FIELDS.get(name, name)
                if ctx.stock and not ours and name == "user" and value not in (FAILED, "root", "0"):
                    self._user = value
                if ctx.stock and not ours and name in ("user", "silent"):
                    silent = silent or (name == "silent" and value is True)
                    continue
                if value is FAILED or field not in SupervisorConfig.__annotations__:
                    continue
                setattr(self.config, field, value)
                given.add("socket" if field == "socket_path" else field)
        if ctx.stock:  # as supervisord makes them
            umask = self.config.umask
            self.config.logfile_mode = 0o666 & ~(0o022 if umask is None else umask)
            self.config.log_on_stdout_too = not silent
        if silent and "logfile" not in given:
            self.config.logfile = "/dev/null"
            given.add("logfile")
        self.given = frozenset(given)
        self._rotation(by_kind.get(kind, ()))
        self._environment = self.config.environment
        if any(option.startswith("http_") for option in given):
            from supervice.config.http_rules import http_problems

            http_problems(ctx, self.config, (*self.from_environment, *by_kind.get(kind, ())))

    def _rotation(self, sections: Iterable[Section]) -> None:
        for section in sections:
            if any(name.endswith(("_rotate", "_suffix")) for name in section.options):
                from supervice.config.rotation_rules import rotation_problems

                config = self.config
                fields = ((name, FIELDS.get(name, name)) for name in section.options)
                values = {name: getattr(config, field) for name, field in fields if hasattr(config, field)}
                rotation_problems(self.ctx, section.options, f"[{section.name}]", values)

    def _groups(self, by_kind: dict[str, list[Section]]) -> dict[str, list[Group]]:
        """Returns the groups of each member, by the name of its section."""
        ctx = self.ctx
        members: dict[str, list[Group]] = {}
        known = {s.name for kind in ("program", "fcgi-program") for s in by_kind.get(kind, ())}
        for section in by_kind.get("group", ()):
            name = section.name.partition(":")[2]
            names = ctx.names(section, self._environment, here=section.here, group_name=name)
            values: dict[str, Any] = {}
            for row in ctx.check(section, "group"):
                values[row[NAME]] = ctx.value(section, row, names)
            priority: Any = values.get("priority", default(rows("group")["priority"], ctx.stock))
            group = Group(name, None if priority is FAILED else priority)
            programs: Any = values.get("programs")
            if programs is FAILED:
                continue
            _, file, line = section.options.get("programs", ("", section.file, section.line))
            where = f"[{shown(section.name)}]"
            if not programs and not ctx.stock:
                ctx.error(file, line, "programs", f"{where} names no program; write programs = NAME, NAME")
                continue
            own = f"program:{name}"
            if not ctx.stock and own in known and name not in (programs or ()):
                ctx.error(
                    file,
                    line,
                    "",
                    f"{where} has the name of a program that is not its member; rename one of them",
                )
            for program in dict.fromkeys(programs or ()):
                problem = self._member(program, group, known, members)
                if problem:
                    ctx.error(file, line, "programs", f"{where} programs: {problem}")
        return members

    def _member(self, program: str, group: Group, known: set[str], members: dict[str, list[Group]]) -> str:
        """Adds `program` to `group`; returns what is wrong with that, or ""."""
        target = f"program:{program}"
        if target not in known and f"fcgi-program:{program}" in known:
            target = f"fcgi-program:{program}"
        if target not in known:
            hint = self.ctx.guess(program, [name.partition(":")[2] for name in known])
            return f"there is no program {shown(program)!r}{hint}"
        groups = members.setdefault(target, [])
        if groups and not self.ctx.stock:
            return f"{shown(program)} is already in group {groups[0].name}; remove it from one of them"
        groups.append(group)
        return ""

    def _program(self, section: Section, kind: str, groups: list[Group]) -> None:
        choices: list[Group | None] = [*groups] or [None]
        for group in choices:
            program = Program(self.ctx, section, kind, group, self._environment, prefixed=len(groups) > 1)
            if kind == "eventlistener" and "priority" not in section.options:
                program.defaults["priority"] = -1
            if self._user is not None and "user" not in section.options:
                program.defaults["user"] = self._user
            program.build(MOST_PROCESSES - len(self.processes))
            if kind == "eventlistener":
                from supervice.config.supervisord_sections import listener

                listener(self.ctx, section, program, plugins=self._plugins())
            elif kind == "fcgi-program":
                from supervice.config.supervisord_sections import fcgi_socket

                fcgi_socket(self.ctx, section, program)
            if program.template is not None:
                self.config.programs.append(program.template)
            self.processes.extend(program.processes)

    def _plugins(self) -> bool:
        """Returns whether the file loads plug-ins into supervisord, which may have their own events."""
        names = [name for name in self.reading.sections if name.startswith("rpcinterface:")]
        return names not in ([], ["rpcinterface:supervisor"])

    def _unique(self) -> None:
        seen: dict[str, ProgramConfig] = {}
        for config in self.processes:
            if config.name in seen:
                section = self.reading.sections[section_of(config)]
                _, file, line = section.options.get("process_name", ("", section.file, section.line))
                message = (
                    f"[{shown(section.name)}] a second process is called {shown(config.name)}; rename one"
                )
                self.ctx.complain(file, line, "process_name", message)
            seen[config.name] = config
        if len(seen) != len(self.processes):
            self.processes = list(seen.values())  # the last one wins, as in supervisord

    def _one_main(self) -> None:
        first = ""
        for program in self.config.programs:
            if program.main:
                section = self.reading.sections[f"program:{program.name}"]
                _, file, line = section.options["main"]
                if first:
                    message = f"[{program.name}] main = true: {first} is the main program already; keep one"
                    self.ctx.error(file, line, "main", message)
                first = first or program.name

    def _one_user(self) -> None:
        """Warns of a `user` that cannot take effect: a daemon that is not root cannot switch."""
        own = self.config.user
        if own is None or own.partition(":")[0] in ("root", "0"):
            return
        for program in self.config.programs:
            if program.user is not None and program.user != own:
                section = self.reading.sections[f"program:{program.name}"]
                _, file, line = section.options["user"]
                message = (
                    f"[{shown(section.name)}] user: supervice itself runs as {shown(own)} and cannot switch"
                )
                self.ctx.warning(file, line, "user", f"{message}; remove one of the two")

    def _dependencies(self) -> None:
        """Checks the dependency graph of all programs."""
        programs = {program.name: program for program in self.config.programs}
        if not any(program.depends_on for program in programs.values()):
            return
        sections = {
            name.partition(":")[2]: section
            for name, section in self.reading.sections.items()
            if name.startswith("program:")
        }
        self._expand_groups(sections)
        # programs with errors too: they are known all the same
        needs: dict[str, dict[tuple[str, str], None]] = {name: {} for name in sections}
        for process in self.processes:  # with %(process_num)s each may have its own
            needs[program_of(process)].update((pair, None) for pair in process.depends_on)
        found = problems(
            {name: list(pairs) for name, pairs in needs.items()},
            unchecked={n for n, p in programs.items() if is_unchecked(p)},
            not_oneshot={n for n, p in programs.items() if p.type != "oneshot"},
            guess=self.ctx.guess,
        )
        planned = {name for name, program in programs.items() if program.schedule is not None}
        for name, pairs in needs.items() if planned else ():
            found += [
                Fault(name, f"{needed} runs at times of its own (schedule), nothing can wait for it")
                for needed in dict.fromkeys(needed for needed, _ in pairs if needed in planned)
            ]
        for fault in found:
            section = sections[fault.program]
            _, file, line = section.options.get("depends_on", ("", section.file, section.line))
            self.ctx.error(file, line, "depends_on", f"[{shown(section.name)}] depends_on: {fault.message}")

    def _expand_groups(self, sections: Container[str]) -> None:
        """Replaces the name of a group by its programs, unless a program has the same name."""
        members: dict[str, dict[str, None]] = {}
        for process in self.processes:
            if process.group is not None and process.group not in sections:
                members.setdefault(process.group, {})[program_of(process)] = None
        for config in (*self.config.programs, *self.processes):
            if any(name in members for name, _ in config.depends_on):
                pairs = [
                    (one, word) for name, word in config.depends_on for one in members.get(name, (name,))
                ]
                config.depends_on = tuple(dict.fromkeys(pairs))

    def _stop_budget(self, by_kind: dict[str, list[Section]]) -> None:
        """Warns when a stop may not fit `shutdown_timeout`: better now than when it is cut short."""
        have = self.config.shutdown_timeout
        cut = cut_stops(self.processes, have)
        if not cut:
            return
        need, drain = worst_stop(self.processes), self.config.drain_delay
        before = f"; {drain:g} s of drain_delay come before it" if drain else ""
        section = next((s for kind in ("supervice", "supervisord") for s in by_kind.get(kind, ())), None)
        section = section or next(iter(self.reading.sections.values()))
        _, file, line = section.options.get("shutdown_timeout", ("", section.file, section.line))
        names = ", ".join(f"{name} gets {got:.3g} of its {all_:g} s" for name, (all_, got) in cut.items())
        self.ctx.warning(
            file,
            line,
            "shutdown_timeout",
            f"stopping everything may take {need:g} s, one level after the other, and shutdown_timeout is"
            f" {have:g} s{before}: waits are cut, {names}; write shutdown_timeout = {timeout_for(need):g}"
            " (and a longer grace period of the orchestrator), or lower stopwaitsecs",
        )


def section_of(config: ProgramConfig) -> str:
    """Returns the name of the section that defines a program."""
    kind = "eventlistener" if config.listener else "fcgi-program" if config.socket else "program"
    return f"{kind}:{program_of(config)}"


def container_defaults(config: SupervisorConfig, given: frozenset[str]) -> None:
    """Sets the daemon's defaults where the file says nothing: log to stdout, no pid file.

    It sets `socket_path` to "": the caller chooses the place.
    """
    if "logfile" not in given:
        config.logfile = ""
    if "pidfile" not in given:
        config.pidfile = "none"
    if "socket" not in given:
        config.socket_path = ""
