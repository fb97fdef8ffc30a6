"""What is frozen into the bundle is the module as it runs, without what only type checkers read."""

from __future__ import annotations

import importlib
import marshal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT

SOURCE = '''
from __future__ import annotations
TYPE_CHECKING = False
if TYPE_CHECKING:
    import no_such_module
    class Protocol:
        def said(self) -> None: ...
else:
    chosen = "at run time"
SIZE: int = 3
LATER: str
class Row:
    """A row."""
    name: Name
    def of(self, one: One, *, two: Two = 2) -> Three:
        local: Four = 4
        return one, two, local
'''


def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Any:
    monkeypatch.setattr(sys, "path", [str(ROOT / "docker/bundle"), *sys.path])
    freeze = importlib.import_module("freeze")

    path = tmp_path / "sample.py"
    path.write_text(SOURCE)
    return marshal.loads(freeze.freeze(name, path))


def test_a_module_of_ours_runs_without_its_annotations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = frozen(tmp_path, monkeypatch, "supervice.sample")
    assert not {"no_such_module", "Protocol", "__future__", "LATER"} & {*code.co_names, *code.co_consts}
    space: dict[str, Any] = {"__name__": "sample"}
    exec(code, space)
    assert space["chosen"] == "at run time"
    assert space["SIZE"] == 3
    assert "__annotations__" not in space
    assert space["Row"].__annotations__ == {"name": "Name"}  # dataclasses need them, as text
    assert space["Row"]().of(1) == (1, 2, 4)
    assert space["Row"].of.__annotations__ == {}


def test_modules_of_others_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = frozen(tmp_path, monkeypatch, "click.sample")
    assert "no_such_module" in code.co_names
