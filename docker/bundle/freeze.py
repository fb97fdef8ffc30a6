"""Compiles the modules of the bundle and writes them as one file of bytes and a table in C.

Runs on the interpreter that is being built for, `freeze.py OURS GENERATED LIBRARIES STANDARD OUT`, because
its bytecode has to be that interpreter's. The same sources give the same bytes: every module in the same
order, in one process, with PYTHONHASHSEED=0.
"""

from __future__ import annotations
import __future__

import ast
import marshal
import sys
from pathlib import Path

from modules import Sources, collect

PACKAGES = ["supervice", "click", "h11"]
# What the interpreter loads before it can import anything, under the names it has there.
BOOTSTRAP = {
    "_frozen_importlib": "importlib._bootstrap",
    "_frozen_importlib_external": "importlib._bootstrap_external",
}
# Docstrings are help texts there.
WITH_DOCSTRINGS = ("supervice.cli.ctl_",)

HEAD = """/* Written by docker/bundle/freeze.py. */
#include <Python.h>
#include "internal/pycore_import.h"

__asm__(".section .rodata\\n.balign 16\\nfrozen_bytes:\\n.incbin \\"frozen.bin\\"\\n.previous\\n");
extern const unsigned char frozen_bytes[];
"""


ANNOTATIONS = __future__.annotations.compiler_flag


class _AsItRuns(ast.NodeTransformer):
    """Takes out of a module of ours what only type checkers read.

    Annotations of functions (0.1 MB in each daemon) and of modules, what is below `if TYPE_CHECKING`, and the
    import of `__future__`, for which `compile` has a flag (0.1 MB of the file, 2 to 5 % of the instructions
    of loading it). Annotations of classes stay: dataclasses are made of them.
    """

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.generic_visit(node)
        plain: list[ast.stmt] = []
        for one in node.body:
            if isinstance(one, ast.AnnAssign):
                if one.value is None:
                    continue
                one = ast.copy_location(ast.Assign([one.target], one.value), one)
            plain.append(one)
        node.body = plain
        return node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return node.orelse
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module == "__future__" else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node


def freeze(name: str, path: Path) -> bytes:
    """The marshalled code of a module. A traceback calls it by its path below the folder it was found in."""
    shown = "/".join(name.split(".")) + ("/__init__.py" if path.name == "__init__.py" else ".py")
    optimize = 0 if name.startswith(WITH_DOCSTRINGS) else 2
    tree = ast.parse(path.read_bytes())
    flags = 0
    if name.partition(".")[0] == "supervice":
        _AsItRuns().visit(tree)
        flags = ANNOTATIONS
    code = compile(tree, shown, "exec", flags=flags, dont_inherit=True, optimize=optimize)
    return marshal.dumps(code)


def main() -> None:
    ours, generated, libraries, standard, out = map(Path, sys.argv[1:6])
    roots = Sources(ours, generated, Path(__file__).parent / "stand_ins", libraries, standard)
    found = collect(roots, PACKAGES)
    blob = bytearray()
    rows: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for name, path in found.items():
        code = freeze(name, path)
        package = int(path.name == "__init__.py")
        rows[name] = f"frozen_bytes + {len(blob)}, {len(code)}, {package}"
        sizes[name] = len(code)
        blob += code + bytes(-len(code) % 16)
    end = "    {NULL, NULL, 0, 0},\n};\n"
    table = HEAD + "static const struct _frozen bootstrap[] = {\n"
    table += "".join(f'    {{"{name}", {rows[module]}}},\n' for name, module in BOOTSTRAP.items()) + end
    table += "static const struct _frozen modules[] = {\n"
    table += "".join(f'    {{"{name}", {row}}},\n' for name, row in rows.items()) + end
    table += "static const struct _frozen nothing[] = {\n" + end
    table += "static const struct _module_alias aliases[] = {\n"
    table += "".join(f'    {{"{name}", "{module}"}},\n' for name, module in BOOTSTRAP.items())
    table += "    {0, 0},\n};\n"
    table += (
        "const struct _frozen *_PyImport_FrozenBootstrap = bootstrap;\n"
        "const struct _frozen *_PyImport_FrozenStdlib = nothing;\n"
        "const struct _frozen *_PyImport_FrozenTest = nothing;\n"
        "const struct _module_alias *_PyImport_FrozenAliases = aliases;\n"
        "const struct _frozen *PyImport_FrozenModules = modules;\n"
    )
    (out / "frozen.bin").write_bytes(blob)
    (out / "frozen.c").write_text(table)
    (out / "modules.txt").write_text("".join(f"{size:8} {name}\n" for name, size in sizes.items()))


if __name__ == "__main__":
    main()
