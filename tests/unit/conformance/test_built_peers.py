"""What the peers of the Go module proxy are told: the words of their own documentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.peers.gosupervisord import GoSupervisord
from tests.conformance.peers.process_compose import ProcessCompose
from tests.conformance.world import Cannot, Program


def told(folder: Path, *programs: Program) -> dict[str, Any]:
    command = ProcessCompose().tell(folder, list(programs))
    found: dict[str, Any] = json.loads(Path(command[-1]).read_text())["processes"]
    return found


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (Program("a", ""), {"restart": "always"}),
        (Program("a", "", restart=False), {"restart": "no"}),
        (Program("a", "", every=2), {"restart": "no"}),
        (Program("a", "", main=True), {"exit_on_end": True}),
        (Program("a", "", tries=3), {"restart": "always", "max_restarts": 2}),
        (Program("a", "", flaps=3), {"restart": "always", "max_restarts": 3}),
    ],
)
def test_when_process_compose_starts_it_again(
    program: Program, expected: dict[str, object], tmp_path: Path
) -> None:
    assert told(tmp_path, program)["a"]["availability"] == expected


@pytest.mark.parametrize(
    ("web", "condition"),
    [
        (Program("web", "", needs="db"), "process_started"),
        (Program("web", "", needs_ready="db"), "process_healthy"),
        (Program("web", "", needs_done="db"), "process_completed_successfully"),
    ],
)
def test_what_a_process_waits_for(web: Program, condition: str, tmp_path: Path) -> None:
    found = told(tmp_path, Program("db", ""), web)
    assert found["web"]["depends_on"] == {"db": {"condition": condition}}
    assert ("readiness_probe" in found["db"]) is bool(web.needs_ready)


def test_how_a_process_is_stopped(tmp_path: Path) -> None:
    found = told(tmp_path, Program("a", ""), Program("b", "", stop_wait=1, stop_signal="QUIT"))
    assert "shutdown" not in found["a"]
    assert found["b"]["shutdown"] == {"timeout_seconds": 1, "signal": 3}


def test_a_log_is_rotated_by_the_mib_only(tmp_path: Path) -> None:
    found = told(tmp_path, Program("a", "", log="a.log", log_max=2 << 20))
    assert found["a"]["log_configuration"]["rotation"] == {"max_size_mb": 2, "max_backups": 2}
    with pytest.raises(Cannot, match="whole MiB"):
        told(tmp_path, Program("a", "", log="a.log", log_max=64 << 10))


def test_what_process_compose_cannot_be_told(tmp_path: Path) -> None:
    with pytest.raises(Cannot, match="sudo"):
        told(tmp_path, Program("a", "", user="games"))


@pytest.mark.parametrize("kind", [GoSupervisord, ProcessCompose])
def test_an_option_is_misspelt(kind: type[GoSupervisord | ProcessCompose], tmp_path: Path) -> None:
    one = kind()
    path = Path(one.tell(tmp_path, [Program("a", "")])[-1])
    one.misspell(tmp_path)
    assert "restrat" in path.read_text()


def test_values_of_gosupervisord(tmp_path: Path) -> None:
    secret = Program("a", "", environment=(("PASSWORD", 'a"b;c\\d'),))
    path = Path(GoSupervisord().tell(tmp_path, [secret])[-1])
    assert 'environment = PASSWORD=a"b\\;c\\\\d\n' in path.read_text()
    with pytest.raises(Cannot, match="comma"):
        GoSupervisord().tell(tmp_path, [Program("a", "", environment=(("LIST", "a,b"),))])
