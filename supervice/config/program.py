"""Turns a `[program:NAME]` section into `ProgramConfig`s: one for the program, one for each process."""

from __future__ import annotations

from supervice.config.check_rules import is_doubtful, readiness_problems
from supervice.config.context import FAILED
from supervice.config.expand import ExpandError, Names, expand
from supervice.config.options import KIND, NAME, NESTED, PROGRAM, default, rows
from supervice.config.problems import shown
from supervice.models import HealthCheckConfig, Limits, ProgramConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from supervice.config.context import Context
    from supervice.config.options import Row
    from supervice.config.reader import Section

LONGEST_NAME = 128  # characters; a line of `status` and a frame of the control socket hold many names
MOST_PROCESSES = 20_000  # of one configuration: a typo must not fill the memory
_CHECKS = ("healthcheck_", "readiness_")
# Shared by all programs without a check.
_NO_CHECK = HealthCheckConfig()
_TEMPLATES = ("text", "command", "path", "paths", "logfile", "environment", "secrets")
_LIMIT_FIELDS = ("nice", "oom_score_adj", "no_new_privs", "capabilities", "pdeathsig")
_RLIMIT = "rlimit_"
_PARTS = (_RLIMIT, *NESTED)
_defaults: dict[bool, dict[str, Any]] = {}


def _default_fields(stock: bool) -> dict[str, Any]:
    known = _defaults.get(stock)
    if known is None:
        fields = {**ProgramConfig.__annotations__}
        known = _defaults[stock] = {
            row[NAME]: default(row, stock)
            for row in PROGRAM
            if row[NAME] in fields and row[NAME] not in ("command", "process_name", "environment", "secrets")
        }
    return known


def _limits(values: dict[str, Any]) -> Limits | None:
    """Returns the limits; None when the options ask for no more than the defaults."""
    rlimits = tuple(
        sorted((name[len(_RLIMIT) :], *values.pop(name)) for name in list(values) if name[:7] == _RLIMIT)
    )
    limits = Limits(**values, rlimits=rlimits)
    return None if limits == Limits() else limits


def name_fault(name: str) -> str:
    """Returns what is wrong with a name, and what to write; "" for a good one."""
    if len(name) > LONGEST_NAME:
        return f"a name of {len(name)} characters is too long; write at most {LONGEST_NAME}"
    bad = next((c for c in name if not c.isprintable()), "")
    return f"a name cannot hold {bad!r}; write letters, digits, - and _" if bad else ""


class Group:
    """The options of `[group:x]` that apply to its members."""

    __slots__ = ("name", "priority")

    def __init__(self, name: str, priority: int | None) -> None:
        self.name = name
        self.priority = priority


class Program:
    """Turns one section into configurations."""

    def __init__(
        self,
        ctx: Context,
        section: Section,
        kind: str,
        group: Group | None,
        environment: Mapping[str, str],
        prefixed: bool = False,
    ) -> None:
        self.ctx = ctx
        self.section = section
        self.kind = kind
        self.where = f"[{shown(section.name)}]"  # the beginning of messages
        self.name = section.name.partition(":")[2]
        self.group = group
        self.prefixed = prefixed  # a member of several groups is always GROUP:NAME
        self.rows = ctx.check(section, kind)
        self.names: Names = ctx.names(
            section,
            environment,
            here=section.here,
            program_name=self.name,
            group_name=group.name if group else self.name,
        )
        self._environment = dict(environment)
        self._own: dict[str, str] = {}  # this section's `environment`, for ENV_ names
        self.defaults: dict[str, Any] = {}  # override those of the options
        self.template: ProgramConfig | None = None
        self.processes: list[ProgramConfig] = []

    def build(self, room: int) -> None:
        """Fills `template` and `processes` (at most `room`), or reports why it cannot."""
        table = rows(self.kind)
        numprocs = self._number(table["numprocs"], 1)
        start = self._number(table["numprocs_start"], 0)
        if "command" not in self.section.options:
            self._error("", f"{self.where} has no command; write command = PROGRAM ARGUMENTS")
        if numprocs > room:
            self._error(
                "numprocs",
                f"{self.where} numprocs: more than {MOST_PROCESSES} processes in all; write a smaller number",
            )
            return
        if not numprocs and not self.ctx.stock:
            self._error("numprocs", f"{self.where} numprocs = 0: no process; write 1 or more")
            return
        self.names.values["numprocs"] = numprocs
        self.names.values["process_num"] = start
        values, check = self._evaluate(self.rows, first=True)
        if values.get("ready", "started") != "started":
            self.defaults["startsecs"] = 0  # its readiness says when it is up
        self._sanity(values, check, numprocs)
        if is_doubtful(self.section, values, self.ctx.stock):
            from supervice.config.doubts import doubts

            doubts(self.ctx, self.section, self.kind, values)
        process_name = self._process_name(numprocs)
        if "command" not in values or process_name is FAILED:
            return
        if numprocs == 1 and "process_name" not in self.section.options and not self.prefixed:
            # The usual case: one object for the program and its process saves a kilobyte for each program.
            self.template = self._config(values, check, self.name, None)
            self.processes = [self.template]
            return
        self._processes(values, check, numprocs, start, process_name)
        if numprocs == 1 and self.processes:
            self.template = self._config(values, check, self.name, self.processes[0].process_name)
        else:
            self._template(values, check, numprocs, start)

    def configs(self) -> list[ProgramConfig]:
        """Returns the template and the processes, each object once."""
        made = {id(config): config for config in (self.template, *self.processes) if config is not None}
        return list(made.values())

    def _number(self, row: Row, otherwise: int) -> int:
        if row[NAME] not in self.section.options:
            return otherwise
        value = self.ctx.value(self.section, row, self.names)
        return otherwise if value is FAILED else int(value)

    def _evaluate(self, todo: list[Row], first: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
        """Returns the fields of ProgramConfig, and the options of its two checks, from those in `todo`."""
        values: dict[str, Any] = {}
        check: dict[str, Any] = {}
        self.names.extra = {**self._environment, **self._own}
        # Options that are read after `environment` can use the section's own variables.
        for row in sorted(todo, key=self._turn):
            name = row[NAME]
            if name in ("process_name", "numprocs", "numprocs_start"):
                continue
            value = self.ctx.value(self.section, row, self.names)
            if first:
                self.ctx.effect(self.section, row, value)
            if value is FAILED:
                continue
            if name == "environment":
                self._own = value
                self.names.extra = {**self._environment, **value}
            elif name == "listen":
                numbers = {f"listen_{one}": 3 + number for number, (one, _) in enumerate(value)}
                self.names.values.update(numbers)
            if name in ProgramConfig.__annotations__ or name in _LIMIT_FIELDS or name.startswith(_PARTS):
                values[name] = value
            elif name.startswith(_CHECKS):
                check[name] = value
        return values, check

    def _turn(self, row: Row) -> int:
        if row[NAME] == "environment":
            return 1
        if row[NAME] == "listen":
            # Before an `environment` that names a descriptor (nginx and php-fpm take theirs from a variable).
            return 0 if "%(listen_" in self.section.options.get("environment", ("",))[0] else 2
        # supervisord reads numbers and words before `environment`, commands and paths after it.
        return 0 if self.ctx.stock and row[KIND] not in ("command", "path", "logfile") else 3

    def _sanity(self, values: dict[str, Any], check: dict[str, Any], numprocs: int) -> None:
        """Reports options that do not fit together, and fills in defaults that depend on others."""
        given = self.section.options
        where = self.where
        if "stopasgroup" in given and "killasgroup" not in given:
            values["killasgroup"] = values.get("stopasgroup", True)
        both = self.ctx.stock and "stopasgroup" in given and "killasgroup" in given
        if both and values.get("stopasgroup") and not values.get("killasgroup"):
            self._error(
                "killasgroup",
                f"{where} killasgroup = false cannot stand beside stopasgroup = true; remove one",
            )
        if values.get("main"):
            values.setdefault("autorestart", False)
            if numprocs > 1:
                self._error(
                    "main",
                    f"{where} main = true with numprocs above 1: only one can be main; write numprocs = 1",
                )
        if values.get("type") == "oneshot":
            values.setdefault("startretries", 0)
        if values.get("redirect_stderr") and values.get("stderr_logfile") not in (None, "NONE"):
            self.ctx.warning(
                *given["stderr_logfile"][1:],
                "stderr_logfile",
                f"{where} stderr_logfile has no effect beside redirect_stderr = true; remove one",
            )
        if values.get("redirect_stderr"):
            values.pop("stderr_logfile", None)
        if any(name.startswith("listen") for name in given):
            from supervice.config.listen_rules import listen_problems

            listen_problems(self.ctx, self.section, self.where, values)
        if "overlap" in given:
            from supervice.config.overlap_rules import overlap_problems

            overlap_problems(self.ctx, self.section, self.where, values, check)
        if any(name.startswith(("schedule", "watch")) and name != "watchdog" for name in given):
            from supervice.config.time_rules import time_problems

            time_problems(self.ctx, self.section, self.where, values, numprocs)
        if any(name.endswith(("_rotate", "_suffix")) for name in given):
            from supervice.config.rotation_rules import rotation_problems

            rotation_problems(self.ctx, given, self.where, values)
        readiness_problems(self.ctx, self.section, self.where, values, check)

    def _process_name(self, numprocs: int) -> Any:
        """Returns the template of the processes' names; None for our own naming."""
        value = self.section.options.get("process_name")
        text = value[0] if value else None
        if text is None and self.ctx.stock:
            text = "%(program_name)s"
        where = f"{self.where} process_name"
        if text is not None and numprocs > 1 and "%(process_num)" not in text:
            self._error(
                "process_name" if value else "numprocs",
                f"{where} must hold %(process_num)s when numprocs is above 1; "
                "write process_name = %(program_name)s_%(process_num)02d",
            )
            return FAILED
        if text is not None and (not text or any(c in text for c in " :/")):
            message = f"{where} = {shown(text)}: no name, or one with a blank, colon or slash; write another"
            self._error("process_name", message)
            return FAILED
        return text

    def _processes(
        self, values: dict[str, Any], check: dict[str, Any], numprocs: int, start: int, template: str | None
    ) -> None:
        options = self.section.options
        varying = [row for row in self.rows if "%" in options[row[NAME]][0]] if numprocs > 1 else []
        self._share(values, numprocs)
        for number in range(start, start + numprocs):
            self.names.values["process_num"] = number
            if varying and number > start:
                others, checks = self._evaluate(varying)
                values, check = {**values, **others}, {**check, **checks}
            label = self._label(template, number, numprocs)
            if label is None:
                return
            config = self._config(values, check, label[0], label[1])
            config.program = self.name
            self.processes.append(config)

    def _share(self, values: dict[str, Any], numprocs: int) -> None:
        """Warns when all processes of a program write to one file: no line tells which one wrote it."""
        options = self.section.options
        for option in ("stdout_logfile", "stderr_logfile") if numprocs > 1 else ():
            path = values.get(option)
            if path in (None, "NONE") or path.startswith(("/dev/", "/proc/")):
                continue
            if "%(process_num)" not in options[option][0]:
                self.ctx.warning(
                    *options[option][1:],
                    option,
                    f"{self.where} {option}: all {numprocs} processes write into this file; "
                    "write %(process_num)02d in its name to give each its own",
                )

    def _label(self, template: str | None, number: int, numprocs: int) -> tuple[str, str] | None:
        """Returns the name of a process and its last part; None after reporting a problem."""
        if template is None:
            return (self.name, self.name) if numprocs == 1 else (f"{self.name}:{number:02}", f"{number:02}")
        row = rows(self.kind)["process_name"]
        if "process_name" in self.section.options:
            label = self.ctx.value(self.section, row, self.names)
        else:
            try:
                label = expand(template, self.names)[0]
            except ExpandError as error:
                self._error("process_name", f"{self.where} process_name: {error}")
                label = FAILED
        if label is FAILED:
            return None
        if any(c in label for c in " :/") and not self.ctx.stock:
            self._error(
                "process_name",
                f"{self.where} process_name holds a blank, colon or slash; write letters, digits, - and _",
            )
            return None
        fault = name_fault(label)
        if fault:
            self._error("process_name", f"{self.where} process_name: {fault}")
            return None
        owner = self.group.name if self.group else self.name
        return (label if label == self.name and not self.prefixed else f"{owner}:{label}"), label

    def _template(self, values: dict[str, Any], check: dict[str, Any], numprocs: int, start: int) -> None:
        """Fills `template` for many processes: `%(process_num)` stays in texts."""
        self.names.deferred = True
        options = self.section.options
        varying = [r for r in self.rows if r[KIND] in _TEMPLATES and "%(process_num)" in options[r[NAME]][0]]
        if varying:
            others, checks = self._evaluate(varying)
            values, check = {**values, **others}, {**check, **checks}
        template = self._process_name(numprocs)
        if template is not None:
            try:
                template = expand(template, self.names)[0]
            except ExpandError:
                template = None  # reported already, for the first process
        self.names.deferred = False
        self.template = self._config(values, check, self.name, template)
        self.template.numprocs = numprocs
        self.template.numprocs_start = start

    def _config(
        self, values: dict[str, Any], check: dict[str, Any], name: str, process_name: str | None
    ) -> ProgramConfig:
        fields = {**_default_fields(self.ctx.stock), **self.defaults, **values}
        if fields["schedule"] or fields["watch"] or any(name.startswith(NESTED[:2]) for name in values):
            from supervice.config.time_rules import nest

            nest(fields)
        if fields["listen"] or any(name.startswith(NESTED[2]) for name in values):
            from supervice.config.listen_rules import nest as nest_listen

            nest_listen(fields)
        limits = [name for name in values if name in _LIMIT_FIELDS or name[:7] == _RLIMIT]
        if limits:
            fields["limits"] = _limits({name: fields.pop(name) for name in limits})
        fields.update(
            name=name,
            numprocs=1,
            numprocs_start=0,
            environment=dict(values.get("environment", ())),
            secrets=dict(values.get("secrets", ())),
            healthcheck=HealthCheckConfig(**_check(check, _CHECKS[0])),
            readiness=HealthCheckConfig(**_check(check, _CHECKS[1])) if check else _NO_CHECK,
            process_name=process_name,
        )
        if self.group is not None:
            fields["group"] = self.group.name
            fields["group_priority"] = self.group.priority
        return ProgramConfig(**fields)

    def _error(self, option: str, message: str) -> None:
        value = self.section.options.get(option)
        if value is None:
            self.ctx.error(self.section.file, self.section.line, option, message)
        else:
            self.ctx.error(value[1], value[2], option, message)


def _check(options: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Returns the fields of one check."""
    return {name[len(prefix) :]: value for name, value in options.items() if name.startswith(prefix)}
