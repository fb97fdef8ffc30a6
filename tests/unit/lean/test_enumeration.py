"""The light enumerations of the daemon do what the standard library's do, as far as anything asks."""

from __future__ import annotations

import enum
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from supervice.lean import enumeration

ROOT = Path(__file__).resolve().parents[3]


def _made(base: Any, automatic: Any) -> Any:
    class Colour(base):  # type: ignore[misc]
        """Of a light."""

        RED = "red"
        GREEN = "green"

    class Step(base):  # type: ignore[misc]
        FIRST = automatic()
        SECOND = automatic()

    return Colour, Step


KINDS = {
    "enum": _made(enum.Enum, enum.auto),
    "light": _made(enumeration._Enum, enumeration._Auto),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_enumeration_can_do(kind: str) -> None:
    colour, step = KINDS[kind]
    assert [member.name for member in colour] == ["RED", "GREEN"]
    assert [member.value for member in step] == [1, 2]
    assert colour("red") is colour.RED is colour["RED"] is colour(colour.RED)
    assert (len(colour), list(colour.__members__)) == (2, ["RED", "GREEN"])
    assert isinstance(colour.RED, colour)
    assert colour.RED in colour
    assert colour.RED != "red"
    assert {colour.RED: 1}[colour("red")] == 1
    assert (str(colour.RED), repr(colour.RED)) == ("Colour.RED", "<Colour.RED: 'red'>")
    with pytest.raises(ValueError, match=r"'blue' is not a valid .*Colour"):
        colour("blue")
    with pytest.raises(KeyError):
        colour["BLUE"]
    with pytest.raises(AttributeError):
        colour.RED.value = "blue"


def _says(code: str) -> str:
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"
    return subprocess.check_output([sys.executable, "-I", "-S", "-c", script], text=True, timeout=60).strip()


def test_users_of_the_api_get_the_standard_librarys() -> None:
    code = (
        "from supervice.models import HealthCheckType; from supervice.events import EventType\n"
        "import enum; print(issubclass(HealthCheckType, enum.Enum), issubclass(EventType, enum.Enum))"
    )
    assert _says(code) == "True True"


def test_the_daemon_does_without() -> None:
    """And without what the standard library's brings along."""
    code = (
        "from supervice.lean.enumeration import use_light; use_light()\n"
        "import supervice.cli.main, supervice.config, supervice.core, supervice.lean.loop\n"
        "print([m for m in ('enum', 'functools', 'collections', 'operator', 'types') if m in sys.modules])"
    )
    assert _says(code) == "[]"
