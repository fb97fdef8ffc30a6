"""Finds the modules that the bundle is made of: what `supervice` imports, and what that imports.

Read from the sources with `ast`, so that a new module or a new import of ours is in the next bundle by
itself. Of our own modules and of the libraries every import counts, also one inside a function; of the
standard library only those at the top of a module, and `LATE` names the others that are needed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

# What every interpreter starts with.
ALWAYS = ("codecs", "encodings", "encodings.aliases", "encodings.utf_8", "io", "abc", "runpy")
# What the standard library imports inside of functions, and we use.
LATE = (
    "encodings.ascii",
    "encodings.idna",
    "encodings.latin_1",
    "traceback",
    "linecache",
    "textwrap",
)
# Not for the sake of a library or of the standard library: what imports them there does without, or nothing
# that we use comes to that place. What `supervice` imports itself is there all the same.
NEVER = frozenset(
    (
        "_compression",
        "_ios_support",
        "_py_abc",
        "_pyrepl",
        "_strptime",
        "asyncio",
        "bz2",
        "click._termui_impl",  # editors, pagers, progress bars
        "click._winconsole",
        "click.testing",
        "concurrent",
        "cronsim.explain",
        "ctypes",
        "decimal",
        "doctest",
        "email",
        "encodings.mbcs",
        "http",
        "importlib.metadata",
        "importlib.resources",
        "lzma",
        "multiprocessing",
        "ntpath",
        "pathlib",
        "pdb",
        "pickle",
        "platform",
        "pydoc",
        "_pydatetime",
        "random",
        "ssl",
        "statistics",
        "tempfile",
        "test",
        "typing_extensions",
        "unittest",
        "urllib",
        "webbrowser",
        "xml",
        "zipfile",
        "zipimport",
    )
)
# Not for our own sake either: what embeds the daemon in another program, which has a Python of its own, and
# what takes a dlopen.
NOT_OURS = frozenset(("supervice.client", "ctypes", "logging"))


class Sources:
    """Where modules are looked for: ours, generated ones, stand-ins, libraries, the standard library."""

    def __init__(self, ours: Path, generated: Path, stand_ins: Path, libraries: Path, standard: Path) -> None:
        self.roots = (ours, generated, stand_ins, libraries, standard)
        self.standard = standard

    def find(self, name: str) -> Path | None:
        """The file of a module; None for what is built in or missing."""
        parts = Path(*name.split("."))
        for root in self.roots:
            if (root / parts / "__init__.py").is_file():
                return root / parts / "__init__.py"
            if (root / parts).with_suffix(".py").is_file():
                return (root / parts).with_suffix(".py")
        return None

    def is_standard(self, path: Path) -> bool:
        return path.is_relative_to(self.standard)


def collect(sources: Sources, packages: list[str]) -> dict[str, Path]:
    """Every module that is needed, by name; all modules of `packages`, of which the first is our own."""
    wanted = [*ALWAYS, *LATE]
    for package in packages:
        for root in sources.roots:
            for path in sorted((root / package).rglob("*.py")):
                name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
                if not name.endswith("__main__"):
                    wanted.append(name)
    found: dict[str, Path] = {}
    own: set[str] = set()
    while wanted:
        name = wanted.pop()
        file = sources.find(name)
        if file is None or name in found or _is(name, NOT_OURS) or (_is(name, NEVER) and name not in own):
            continue
        found[name] = file
        wanted.extend(_parents(name))
        imports = list(_imports(name, file, everywhere=not sources.is_standard(file)))
        if name.partition(".")[0] == packages[0]:
            own.update(imports)
        wanted.extend(imports)
    return dict(sorted(found.items()))


def _is(name: str, names: frozenset[str]) -> bool:
    """Whether it is one of them or below one."""
    return any(name == one or name.startswith(one + ".") for one in names)


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _imports(name: str, path: Path, everywhere: bool) -> Iterator[str]:
    """What the module imports, and for `from a import b` both a and a.b, of which one may be no module."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in _statements(ast.parse(path.read_bytes()), everywhere):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call):
            yield from _codecs(node)


def _codecs(call: ast.Call) -> Iterator[str]:
    """The modules of the encodings that a call names: encode("…"), decode("…"), open(…, encoding="…")."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "encoding"]
    if isinstance(call.func, ast.Attribute) and call.func.attr in ("encode", "decode"):
        named += call.args[:1]
    for value in named:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield f"encodings.{value.value.lower().replace('-', '_')}"


def _statements(tree: ast.AST, everywhere: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            continue
        if not everywhere and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test):
            continue
        yield node
        yield from _statements(node, everywhere)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING", "t.TYPE_CHECKING")
