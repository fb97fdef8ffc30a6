"""`from supervice import Supervisor`: which names there are, that type checkers see them, and that they cost nothing."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import supervice
from tests.paths import ROOT

MODULES = ("client", "config", "core", "events", "health", "logger", "models", "process")

# What the API reference documents.
REFERENCE = {
    "client": {"Controller"},
    "config": {"ConfigValidationError", "parse_config"},
    "core": {"Supervisor"},
    "events": {"Event", "EventBus", "EventType"},
    "health": {
        "HealthCheckResult",
        "HealthChecker",
        "ScriptHealthChecker",
        "TCPHealthChecker",
        "create_health_checker",
    },
    "logger": {"get_logger", "setup_logger"},
    "models": {"HealthCheckConfig", "HealthCheckType", "ProgramConfig", "SupervisorConfig"},
    "process": {
        "BACKOFF",
        "EXITED",
        "FATAL",
        "RUNNING",
        "STARTING",
        "STOPPED",
        "STOPPING",
        "UNHEALTHY",
        "Process",
    },
}


@pytest.mark.parametrize("name", MODULES)
def test_a_public_module_says_what_is_public(name: str) -> None:
    module = importlib.import_module(f"supervice.{name}")
    assert len(module.__all__) == len(set(module.__all__))
    assert set(module.__all__) >= REFERENCE[name]
    for public in module.__all__:
        assert not public.startswith("_")
        assert getattr(module, public) is not None


def test_the_package_has_the_names_of_its_modules() -> None:
    assert set(supervice._PUBLIC) == set(MODULES)
    names = {"__version__"}
    for module, public in supervice._PUBLIC.items():
        home = importlib.import_module(f"supervice.{module}")
        assert REFERENCE[module] <= set(public) <= set(home.__all__)
        assert not names & set(public)
        names |= set(public)
        for name in public:
            assert getattr(supervice, name) is getattr(home, name)
    assert set(supervice.__all__) == names
    assert names <= set(dir(supervice))


def test_type_checkers_see_the_same_names() -> None:
    """What stands under TYPE_CHECKING is all that they know of it."""
    tree = ast.parse(Path(supervice.__file__ or "").read_text())
    seen = {
        (str(node.module).removeprefix("supervice."), alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {(module, name) for module, names in supervice._PUBLIC.items() for name in names}


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError, match="module 'supervice' has no attribute 'Nope'"):
        getattr(supervice, "Nope")  # noqa: B009
    with pytest.raises(ImportError):
        from supervice import Nope  # type: ignore[attr-defined]  # noqa: F401


def loaded(code: str) -> set[str]:
    """Our modules that a fresh interpreter has loaded after `code`."""
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    return {name for name in done.stdout.split() if name.partition(".")[0] == "supervice"}


def test_names_are_loaded_when_they_are_asked_for() -> None:
    assert loaded("import supervice") == {"supervice"}
    assert "supervice.core" not in loaded("from supervice import EventBus, HealthCheckType, Controller")
    assert "supervice.core" in loaded("from supervice import Supervisor")
    assert "supervice.health" in loaded("from supervice import *")
