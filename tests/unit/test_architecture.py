"""The house rules, read from the code: which part imports which, what stands in one place only, how long is long.

The table says what each part may use at run time. Import statements are read with `ast`, those inside
functions too; what stands under `if TYPE_CHECKING:` is for type checkers only and has its own, shorter list.
An import that is missing here is not forbidden for ever: change the table in the same commit, and say why.
"""

from __future__ import annotations

import ast
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "supervice"

# A part is a package or a public module below `supervice`. On the right: the parts that it may import.
# The package itself ("") has no code but hands out the public names; what all may import of it is `__version__`.
LAYERS = {
    "": "client config core events health logger models process",
    "logger": "lean",
    "lean": "",
    "fs": "",
    "models": "lean",
    "events": "lean logger",
    "lifecycle": "lean models",
    "schedules": "lean",
    "watch": "lean",
    "net": "lean fs",
    "pid1": "lean fs models",
    "output": "lean fs models schedules",
    "config": "lean fs models lifecycle schedules watch pid1",
    "control": "lean fs net",
    "http": "lean net",
    "pictures": "lean control",
    "checks": "lean models net pid1 output config",
    "notify": "lean fs models pid1 output config",
    "client": "control net",
    "health": "models pid1 checks",
    "runner": "logger lean fs models events lifecycle pid1 output config checks notify health",
    "process": "lean models events lifecycle pid1 output runner",
    "supervision": "logger lean fs models events lifecycle schedules watch net pid1 output config control checks notify"
    " runner process",
    "web": "logger lean models lifecycle net control http pictures process supervision",
    "api": "logger lean fs models events lifecycle net pid1 output config control http runner process supervision",
    "supervisord": "logger lean fs models events lifecycle net pid1 output config http runner process supervision",
    "assembly": "logger lean models events pid1 output config control supervision web api supervisord",
    "core": "logger lean models events lifecycle pid1 config control notify process supervision assembly",
    "cli": "logger lean fs models lifecycle schedules watch net pid1 config control http client pictures core",
}

# Parts that decide and never do: what they are tested with is values.
PURE = (
    "models",
    "lifecycle",
    "lean.dataclasses",
    "schedules.advice",
    "schedules.decide",
    "schedules.due",
    "schedules.runs",
    "schedules.expression",
    "schedules.fields",
    "schedules.local_time",
    "schedules.records",
    "schedules.refusals",
    "schedules.stamp",
    "schedules.states",
    "schedules.timeline",
    "schedules.description",
    "output.rotation",
    "watch.decide",
    "watch.mounts",
    "watch.patterns",
    "watch.contents",
    "watch.states",
    "config.check_values",
    "config.quoting",
    "supervisord.listeners.events",
    "supervisord.listeners.protocol",
    "notify.protocol",
    "control.protocol",
    "control.paging",
    "net.connection_limits",
    "control.access",
    "control.render",
    "control.resource_cells",
    "control.columns",
    "control.commands",
    "cli.event_lines",
    "cli.log_lines",
    "pictures",
    "http.access",
    "http.messages",
    "web.page",
    "web.rows",
    "web.escaping",
    "cli.top_screen",
    "cli.tree",
    "cli.why_text",
)
IMPURE = {
    "asyncio", "ctypes", "fcntl", "logging", "multiprocessing", "os", "pathlib", "random", "select",
    "selectors", "socket", "_socket", "subprocess", "sys", "threading", "time",
}  # fmt: skip

# Each costs every container memory and time (docs/adr/0002); the daemon starts without all of them.
NOT_IN_THE_DAEMON = (
    "asyncio", "click", "configparser", "ctypes", "dataclasses", "fnmatch", "inspect", "json", "logging", "re",
    "shlex",
    "socket", "ssl", "subprocess", "threading", "typing",
)  # fmt: skip

LONGEST_FILE = 380
LONGEST_FUNCTION = 60
# Longer than that already. The numbers may go down, not up: a file that wants to be longer wants to be two.
LONG_FILES: dict[str, int] = {}
LONG_FUNCTIONS: dict[str, int] = {}


class Module:
    def __init__(self, path: Path) -> None:
        self.path = path
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        self.name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        self.text = path.read_text()
        self.tree = ast.parse(self.text)
        self.nodes = list(ast.walk(self.tree))
        self.type_only = {
            id(inner)
            for node in self.nodes
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for statement in node.body
            for inner in ast.walk(statement)
        }

    def where(self, node: ast.AST) -> str:
        return f"{self.path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"

    def imports(self) -> Iterator[tuple[str, bool, ast.stmt]]:
        """(name, only for type checkers, statement); `from a import b` is a.b when that is a module."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, id(node) in self.type_only, node
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.where(node)}: imports are absolute here"
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    yield full if _is_module(full) else str(node.module), id(node) in self.type_only, node


@cache
def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return name.startswith("supervice") and (path.with_suffix(".py").exists() or path.is_dir())


@cache
def modules() -> tuple[Module, ...]:
    return tuple(Module(path) for path in sorted(PACKAGE.rglob("*.py")))


def part_of(name: str) -> str:
    """The row of the table that a module (without `supervice.`) belongs to."""
    return name.partition(".")[0]


def test_every_part_has_a_row() -> None:
    assert {part_of(m.name) for m in modules()} == set(LAYERS)


def test_the_code_takes_no_public_name_from_the_package() -> None:
    """Otherwise each file would depend on all that the package hands out."""
    wrong = [
        f"{module.where(node)}: {ast.unparse(node)}"
        for module in modules()
        for name, _, node in module.imports()
        if name == "supervice" and [alias.name for alias in getattr(node, "names", ())] != ["__version__"]
    ]
    assert wrong == []


def test_imports_go_in_one_direction() -> None:
    """Imports for annotations too: a reader follows them like any other."""
    wrong = []
    for module in modules():
        part = part_of(module.name)
        allowed = {part, *LAYERS.get(part, "").split()}
        for name, _, node in module.imports():
            target = name.removeprefix("supervice.")
            if target != name and part_of(target) not in allowed:
                wrong.append(f"{module.where(node)}: {module.name or 'supervice'} imports {target}")
    assert wrong == []


def test_the_table_has_no_cycle() -> None:
    """Otherwise "direction" would mean nothing."""
    done: set[str] = set()

    def visit(part: str, path: tuple[str, ...]) -> None:
        assert part not in path, " -> ".join((*path, part))
        if part not in done:
            for below in LAYERS[part].split():
                if below != part:
                    visit(below, (*path, part))
            done.add(part)

    for part in LAYERS:
        visit(part, ())


def circles(graph: dict[str, set[str]]) -> set[frozenset[str]]:
    """The sets of files that can all be reached from each other (Tarjan's algorithm)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: set[frozenset[str]] = set()

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        path.append(name)
        for other in graph.get(name, ()):
            if other not in number:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in path:
                lowest[name] = min(lowest[name], number[other])
        if lowest[name] == number[name]:
            here = path.index(name)
            if len(path) - here > 1 or name in graph.get(name, ()):
                found.add(frozenset(path[here:]))
            del path[here:]

    for name in graph:
        if name not in number:
            visit(name)
    return found


def test_circles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"b"}, "d": {"e"}, "e": {"f"}, "f": {"d"}, "g": {"a", "g"}}
    assert circles(graph) == {frozenset("bc"), frozenset("def"), frozenset("g")}


def test_no_files_import_each_other_in_a_circle() -> None:
    """Annotations count: files in a circle can only be understood, tested and moved together."""
    graph = {
        module.name: {
            name.removeprefix("supervice.")
            for name, _, _ in module.imports()
            if name.startswith("supervice.")
        }
        for module in modules()
    }
    found = circles(graph)
    assert {" - ".join(sorted(circle)) for circle in found} == set()


def test_what_is_imported_is_installed() -> None:
    """`pip install supervice` brings every library that some verb, option or stock file needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[^\w.-]", line)[0] for line in project["dependencies"]}
    used = {
        name.partition(".")[0]
        for module in modules()
        for name, type_only, _ in module.imports()
        if not type_only
    }
    # These are in the bundle's interpreter; elsewhere they are asked for and missing.
    bundled = {"_supervice", "_supervice_parts"}
    assert used - set(sys.stdlib_module_names) - {"supervice"} - bundled == declared


def test_what_decides_does_not_act() -> None:
    wrong = []
    for module in modules():
        if not module.name.startswith(PURE):
            continue
        for name, type_only, node in module.imports():
            if name.partition(".")[0] in IMPURE and not type_only:
                wrong.append(f"{module.where(node)}: {module.name} imports {name}")
    assert wrong == []


def test_typing_is_for_type_checkers_only() -> None:
    """At run time `typing` and `dataclasses` cost every container; with click they are there anyway."""
    wrong = [
        f"{module.where(node)}: {name}"
        for module in modules()
        for name, type_only, node in module.imports()
        if name in ("typing", "dataclasses", "typing_extensions")
        and not type_only
        and module.name not in ("lean.dataclasses", "cli.ctl_commands", "cli.ctl_options")
    ]
    assert wrong == []


# -- one place for each thing that the kernel does -------------------------------------------------------

WAITING = {"waitpid", "waitid", "wait3", "wait4"}
SPAWNING = {
    "Popen", "posix_spawn", "posix_spawnp", "fork", "forkpty", "execv", "execve", "execvp", "execvpe",
    "system", "popen", "fork_exec", "create_subprocess_exec", "create_subprocess_shell", "check_output",
    "check_call",
}  # fmt: skip
SIGNALLING = {"killpg", "pidfd_send_signal", "raise_signal"}
# `supervicectl exec` becomes another program; its shell runs that beside itself. They are never in the daemon.
ONE_PLACE: tuple[tuple[str, set[str], dict[str, set[str]], tuple[str, ...]], ...] = (
    ("waits for children", WAITING, {"os": {"wait"}}, ("cli.shell", "pid1.reaper")),
    (
        "makes processes",
        SPAWNING,
        {"subprocess": {"run", "call"}},
        ("cli.execution", "cli.shell", "pid1.popen", "pid1.fork", "pid1.forked_call", "pid1.spawn"),
    ),
    ("sends signals", SIGNALLING, {"os": {"kill"}}, ("pid1.signals",)),
    ("calls prctl", {"prctl", "call_cdeclfunction", "CDLL"}, {}, ("pid1.limits", "pid1.subreaper")),
)


def _names(module: Module) -> Iterator[tuple[str, str, ast.AST]]:
    """Every (owner, name) that the code uses: `os.kill` is ("os", "kill"), a bare name has no owner."""
    for node in module.nodes:
        if isinstance(node, ast.Attribute):
            yield node.value.id if isinstance(node.value, ast.Name) else "", node.attr, node
        elif isinstance(node, ast.Name):
            yield "", node.id, node
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield str(node.module), alias.name, node


@pytest.mark.parametrize(("what", "anywhere", "of", "places"), ONE_PLACE, ids=[row[0] for row in ONE_PLACE])
def test_one_place(what: str, anywhere: set[str], of: dict[str, set[str]], places: tuple[str, ...]) -> None:
    found: dict[str, list[str]] = {}
    for module in modules():
        for owner, name, node in _names(module):
            if name in anywhere or name in of.get(owner, ()):
                found.setdefault(module.name, []).append(f"{module.where(node)}: {name}")
    wrong = [line for name, lines in found.items() if name not in places for line in lines]
    assert wrong == [], f"only {', '.join(places)} {what}"
    assert set(found) == set(places), "the rule has lost its subject"


def test_a_signal_has_the_name_that_the_system_gives_it() -> None:
    """`signal.SIGKILL` of `lean.builtin`, where else a module would say what number it believes in."""
    names = {name for member in signal.Signals for name in (member.name, member.name.removeprefix("SIG"))}
    wrong = [
        f"{module.where(node)}: {ast.unparse(node)}"
        for module in modules()
        for node in module.tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and {target.id for target in node.targets if isinstance(target, ast.Name)} & names
    ]
    assert wrong == []


DIGITS = {"isdigit", "isdecimal", "isnumeric"}
# Bytes, whose methods know ASCII only; what was asked before whether it is ASCII; what is not made a number.
ASCII = {
    ("notify.protocol", "value"),
    ("pid1.cgroup", "number"),
    ("pid1.container_memory", "text"),
    ("pid1.container_memory", "number"),
    ("pid1.usage", "name"),  # of a folder in /proc
    ("pid1.leftovers", "name"),
    ("config.shell_words", "name[0]"),
    ("config.doubts", "following[0]"),
    ("config.values", "whole + fraction"),
    ("config.values", "word[:-len(unit)].strip()[-1:]"),
    ("config.check_values", "hour + minute"),
    ("config.check_values", "word[:-1]"),
    ("config.context", "text[1:]"),
    ("schedules.zones", "c"),
}


def test_a_digit_is_one_of_ten() -> None:
    """'²'.isdigit() is true and int('²') an error; '٣' is 3 to `int` alone. `isascii` is asked before."""
    wrong, excused = [], set()
    for module in modules():
        above = {id(child): node for node in module.nodes for child in ast.iter_child_nodes(node)}
        for node in module.nodes:
            if not isinstance(node, ast.Attribute) or node.attr not in DIGITS:
                continue
            whole: ast.AST = node
            while isinstance(above[id(whole)], ast.expr):
                whole = above[id(whole)]
            what = ast.unparse(node.value)
            excused.add((module.name, what))
            if f"{what}.isascii()" not in ast.unparse(whole) and (module.name, what) not in ASCII:
                wrong.append(f"{module.where(node)}: {what}.{node.attr}()")
    assert wrong == [], "write X.isascii() and X.isdigit()"
    assert excused >= ASCII, "the rule has lost its subject"


# A forked child that has nothing more to do, or could not become its program, has no caller that would end it.
FORKS = ("pid1.fork", "pid1.forked_call")


def test_only_the_commands_print_and_exit() -> None:
    wrong = []
    for module in modules():
        name = module.name
        if name.partition(".")[0] == "cli":
            continue
        for owner, used, node in _names(module):
            # `client` may: the API reference says that Controller's verbs print.
            prints = used == "print" and not owner and name != "client"
            exits = (owner, used) == ("sys", "exit") or (used == "_exit" and name not in FORKS)
            if prints or exits:
                wrong.append(f"{module.where(node)}: {used}")
        for node in module.nodes:
            if isinstance(node, ast.Raise) and node.exc is not None and "SystemExit" in ast.unparse(node.exc):
                wrong.append(f"{module.where(node)}: SystemExit")
    assert wrong == []


# The set of processes has one writer. On the left what others may only read, on the right what would write it.
ONLY_READ = {"processes", "held", "leaving", "available"}
WRITES = {
    "add", "clear", "difference_update", "discard", "intersection_update", "pop", "popitem", "remove",
    "setdefault", "symmetric_difference_update", "update",
}  # fmt: skip


def _written(node: ast.AST) -> Iterator[str]:
    """The attributes that `node` writes: `x.held = ...`, `x.held.add(...)`, `x.processes[name] = ...`."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
        targets = [node.func.value]
    for target in targets:
        if isinstance(target, ast.Subscript):
            target = target.value
        if isinstance(target, ast.Attribute):
            yield target.attr


def test_the_table_is_the_only_writer_of_the_set_of_processes() -> None:
    """The supervisor makes the dictionary, because it is public; nothing but the table fills it."""
    allowed = {("core", "self.processes: dict[str, Process] = {}")}
    subject = {module.name: module for module in modules() if module.name.partition(".")[0] != "config"}
    wrong = [
        f"{module.where(node)}: {ast.unparse(node)}"
        for name, module in subject.items()
        for node in module.nodes
        if ONLY_READ.intersection(_written(node)) and (name, ast.unparse(node)) not in allowed
    ]
    assert wrong == [], "ProcessTable has a method for it"
    table = subject["supervision.table"].text
    assert all(f"def {name}(self)" in table for name in ONLY_READ), "the rule has lost its subject"


def test_protocols_are_loaded_by_type_checkers_only() -> None:
    """A module of protocols has nothing to import at run time, and nothing imports it then."""
    interfaces = {module.name for module in modules() if module.name.endswith("interface")}
    assert interfaces == {"output.interface", "supervision.interface", "supervisord.interface"}
    wrong = [
        f"{module.where(node)}: {name}"
        for module in modules()
        for name, type_only, node in module.imports()
        if not type_only
        and (module.name in interfaces or name.removeprefix("supervice.") in interfaces)
        and name != "__future__"
    ]
    assert wrong == []


# What names and orders a process is computed by functions of `models`; elsewhere their parts are not put together.
PARTS_OF_A_NAME = {"group", "program", "process_name", "group_priority"}


def _combined(node: ast.AST) -> Iterator[str]:
    """The attributes that `node` takes with something else in their place: `a.group or b`."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        for value in node.values[:-1]:
            if isinstance(value, ast.Attribute):
                yield value.attr
    elif isinstance(node, ast.IfExp):
        for inner in ast.walk(node.test):
            if isinstance(inner, ast.Compare) and isinstance(inner.left, ast.Attribute):
                yield inner.left.attr


def test_the_names_and_the_rank_of_a_process_are_computed_in_one_place() -> None:
    found: dict[str, list[str]] = {}
    for module in modules():
        for node in module.nodes:
            if PARTS_OF_A_NAME.intersection(_combined(node)):
                found.setdefault(module.name, []).append(f"{module.where(node)}: {ast.unparse(node)}")
    wrong = [line for name, lines in found.items() if name != "models" for line in lines]
    assert wrong == [], "models.py has functions for these"
    assert set(found) == {"models"}, "the rule has lost its subject"


# -- what root opens -------------------------------------------------------------------------------------

# The names of `os` that open, make, change or remove a file by its path; and the builtin `open`.
BY_PATH = {
    "open", "rename", "renames", "replace", "chown", "lchown", "chmod", "lchmod", "unlink", "remove", "rmdir",
    "removedirs", "link", "symlink", "mkdir", "makedirs", "mkfifo", "mknod", "truncate",
}  # fmt: skip
# A path that begins so is the kernel's: no user can put anything there.
OF_THE_KERNEL = ("/proc/", "/dev/null")
# Module, what is called, and why it may.
MAY_OPEN = {
    ("pid1.spawn", "open('.')"): "our working directory, to come back to it",
    ("pid1.fork", "open(path)"): "in the child, with the rights of the program",
    ("pid1.limits", "open(path)"): "/proc/self/oom_score_adj and /proc/sys, named by its callers",
    ("control.address", "open(proc_cmdline)"): "/proc/1/cmdline",
    ("pid1.cgroup", "open(membership)"): "/proc/self/cgroup, or the copy that a test gives",
    ("pid1.cgroup", "open(path)"): "below /sys/fs/cgroup, whose files are the kernel's",
    ("pid1.container_memory", "open(path)"): "the same",
    ("pid1.usage", "open(path)"): "files of /proc/PID",
    ("lean.long_turns", "open(path)"): "the file of the tests' guard, named by the variable that asks for it",
    (
        "schedules.zones",
        "open(path)",
    ): "time zones of the image; regular files only, and nothing of them is shown",
    (
        "watch.scanner",
        "open(path)",
    ): "watched files are compared and never shown; regular ones, without waiting",
}


def _opened(call: ast.Call) -> str:
    """What a call opens, if it is one of BY_PATH: "open(path)"; "" where that is the kernel's."""
    function = call.func
    if isinstance(function, ast.Attribute):
        if not (isinstance(function.value, ast.Name) and function.value.id == "os"):
            return ""
        name = function.attr
    else:
        name = function.id if isinstance(function, ast.Name) and function.id == "open" else ""
    if name not in BY_PATH or not call.args:
        return ""
    first = call.args[0]
    text = first.values[0] if isinstance(first, ast.JoinedStr) and first.values else first
    if isinstance(text, ast.Constant) and str(text.value).startswith(OF_THE_KERNEL):
        return ""
    if ast.unparse(first) == "os.devnull":
        return ""
    return f"{name}({ast.unparse(first)})"


def test_files_are_opened_in_one_place() -> None:
    """Whatever root opens, makes, renames, changes or removes goes through `supervice.fs`, which asks whose it is
    (docs/adr/0019)."""
    wrong, left = [], set(MAY_OPEN)
    for module in modules():
        if part_of(module.name) == "fs":
            continue
        for node in module.nodes:
            if not isinstance(node, ast.Call):
                continue
            what = _opened(node)
            if what and (module.name, what) in MAY_OPEN:
                left.discard((module.name, what))
            elif what:
                wrong.append(f"{module.where(node)}: {what}")
        wrong += [
            f"{module.where(node)}: {name}"
            for name, _, node in module.imports()
            if name.partition(".")[0] in ("pathlib", "shutil", "tempfile")
        ]
    assert wrong == []
    assert sorted(left) == [], "no longer needed"


# -- how long is long ------------------------------------------------------------------------------------


def _too_long(found: dict[str, int], most: int, known: dict[str, int]) -> list[str]:
    over = [f"{name}: {n} lines, the most is {known.get(name, most)}" for name, n in found.items()
            if n > known.get(name, most)]  # fmt: skip
    return over + [f"{name}: short enough by now, take it off the list" for name in known
                   if found.get(name, 0) <= most]  # fmt: skip


def test_files_are_short() -> None:
    found = {str(m.path.relative_to(PACKAGE)): len(m.text.splitlines()) for m in modules()}
    assert _too_long(found, LONGEST_FILE, LONG_FILES) == []


def test_functions_are_short() -> None:
    found = {}
    for module in modules():
        for node in module.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[f"{module.name}.{node.name}"] = (node.end_lineno or 0) - node.lineno + 1
    assert _too_long(found, LONGEST_FUNCTION, LONG_FUNCTIONS) == []


# -- what the daemon starts without ----------------------------------------------------------------------


def _loaded(code: str, *options: str) -> set[str]:
    """What a fresh interpreter has loaded after `code`; without `site`, whose hooks load modules too."""
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}\nprint(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-I", "-S", *options, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


def test_the_daemon_starts_without_what_it_does_not_need() -> None:
    bare = _loaded("pass")
    daemon = _loaded("import supervice.core, supervice.cli.main, supervice.lean.loop")
    assert "supervice.core" in daemon
    assert sorted((daemon - bare) & set(NOT_IN_THE_DAEMON)) == []


def test_an_ordinary_configuration_brings_nothing_in(tmp_path: Path) -> None:
    """Reading one, with groups, numprocs, a user and a health check, costs no module either."""
    path = tmp_path / "supervice.conf"
    path.write_text(
        '[supervice]\nlog_format = prefix\nenvironment = A="1",B=2\n'
        "[program:web]\ncommand = server --port 80%(process_num)02d\nnumprocs = 2\nuser = 0\n"
        "healthcheck_type = tcp\nhealthcheck_port = 80\nstopsignal = TERM:10 QUIT:5 KILL\n"
        "env_file = web.env\nsecrets = PASSWORD=/run/secrets/db\npass_environment = PATH, LANG\n"
        "[group:all]\nprograms = web\n"
    )
    code = (
        "from supervice.core import Supervisor\n"
        "s = Supervisor(daemon=True)\n"
        f"s.load_config({str(path)!r})\n"
        "assert len(s.processes) == 2"
    )
    bare = _loaded("pass")
    loaded = _loaded(code)
    assert sorted((loaded - bare) & set(NOT_IN_THE_DAEMON)) == []
    assert not loaded & {
        "supervice.supervisord.extensions",
        "supervice.supervisord.fcgi",
        "supervice.supervisord.listeners",
        "supervice.supervisord.tap",
    }


def test_a_single_command_costs_no_enumerations() -> None:
    """Half of what the mode would load otherwise (docs/adr/0017)."""
    code = (
        "import supervice.cli.main, supervice.cli.single_options, supervice.lean.loop, supervice.pid1.single_command\n"
        "from supervice.pid1.signals import name\n"
        "assert name(15) == 'SIGTERM'"
    )
    costly = {
        "collections",
        "enum",
        "functools",
        "signal",
        "supervice.config",
        "supervice.core",
        "supervice.models",
    }
    assert sorted((_loaded(code) - _loaded("pass")) & {*NOT_IN_THE_DAEMON, *costly}) == []


def test_status_is_asked_for_without_click_and_without_the_daemon() -> None:
    """It is what scripts and health checks run all day."""
    ctl = _loaded("import supervice.cli.ctl, supervice.cli.replies") - _loaded("pass")
    assert sorted(ctl & {*NOT_IN_THE_DAEMON, "supervice.core", "supervice.process", "supervice.config"}) == []
