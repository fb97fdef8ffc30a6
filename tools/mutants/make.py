"""Writes a copy of supervice in which each function of some files has its mutants beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import libcst
from mutmut.mutation import mutators
from mutmut.mutation.file_mutation import mutate_file_contents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

THEIRS = "from mutmut.mutation.trampoline import wrap_in_trampoline as _mutmut_mutated, MutantDict"
OURS = "from tools.mutants.switch import switched as _mutmut_mutated, MutantDict"

_strings = mutators.operator_string


def one_change(node: libcst.BaseString) -> Iterable[libcst.BaseString]:
    """Texts for people (with a blank) stay; another string is changed in one way, not in three."""
    if isinstance(node, libcst.SimpleString) and " " not in node.value:
        yield from list(_strings(node))[:1]


class Mutant:
    """One change in one place. `text` keeps its meaning when code elsewhere changes."""

    def __init__(self, path: Path, module: str, function: str, name: str, text: str) -> None:
        self.path = path
        self.original = f"{module}.{function}_orig"
        self.name = f"{module}.{name}"
        self.text = text


def write(root: Path, work: Path, files: Iterable[Path]) -> list[Mutant]:
    """`files` are relative to `root`; the copy is below `work`."""
    operators = [
        (kind, one_change if change is _strings else change) for kind, change in mutators.mutation_operators
    ]
    mutators.mutation_operators[:] = operators  # type: ignore[index]
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(root / "supervice", work / "supervice", ignore=shutil.ignore_patterns("__pycache__"))
    mutants: list[Mutant] = []
    for path in files:
        made = mutate_file_contents(str(path), (root / path).read_text())
        if not made.mutant_names:
            continue
        assert THEIRS in made.code
        (work / path).write_text(made.code.replace(THEIRS, OURS))
        module = ".".join(path.with_suffix("").parts)
        lines = made.code.splitlines()
        code = {
            name: [line.strip().replace(name, "it") for line in lines[span.start - 1 : span.end]]
            for name, span in made.line_span_by_function_name.items()
        }
        for name in made.mutant_names:
            function = f"{name.partition('__mutmut_')[0]}__mutmut"
            text = _change(code[f"{function}_orig"], code[name])
            shown = function.removesuffix("__mutmut").removeprefix("x").strip("ǁ_").replace("ǁ", ".")
            mutants.append(Mutant(path, module, function, name, f"{path}: {shown}: {text}"))
    return mutants


def _change(before: list[str], after: list[str]) -> str:
    """The lines that differ, without those that are the same in front and behind."""
    first = 0
    while first < min(len(before), len(after)) and before[first] == after[first]:
        first += 1
    last = 0
    while last < min(len(before), len(after)) - first and before[-1 - last] == after[-1 - last]:
        last += 1
    old, new = before[first : len(before) - last], after[first : len(after) - last]
    return f"{' '.join(old)} => {' '.join(new)}"
