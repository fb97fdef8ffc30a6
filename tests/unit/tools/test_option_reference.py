"""The option table and the page that is generated from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from supervice.config import kinds, load, options
from supervice.models import (
    HealthCheckConfig,
    Limits,
    ListenConfig,
    ProgramConfig,
    ScheduleConfig,
    SupervisorConfig,
    WatchConfig,
)
from tests.paths import ROOT
from tools import option_reference

PAGE = ROOT / "docs" / "configuration.md"
KINDS_OF_SECTION = list(options._SECTIONS)
ROWS = [(kind, row) for kind in KINDS_OF_SECTION for row in options.rows(kind).values()]


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text() == option_reference.page(), (
        "run: python -m tools.option_reference docs/configuration.md"
    )


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    target = tmp_path / "page.md"
    subprocess.run([sys.executable, "-m", "tools.option_reference", str(target)], check=True)
    assert target.read_text() == option_reference.page()


def test_every_kind_of_section_is_on_the_page() -> None:
    assert {kind for kind, _, _ in option_reference.SECTIONS} == set(KINDS_OF_SECTION)


@pytest.mark.parametrize(("kind", "row"), ROWS, ids=[f"{kind}.{row[0]}" for kind, row in ROWS])
def test_every_option_is_complete_and_on_the_page(kind: str, row: options.Row) -> None:
    assert row[options.KIND] in kinds.KINDS
    assert row[options.DIALECTS] in ("both", "supervice", "supervisord")
    assert row[options.TEXT].endswith((".", ".)"))
    assert f"| `{row[options.NAME]}` |" in option_reference.page()
    for stock in (False, True):
        options.default(row, stock)  # the default can be read by the option's own parser


def test_no_option_stands_twice() -> None:
    for table in options._SECTIONS.values():
        names = [row[options.NAME] for row in table]
        assert len(names) == len(set(names))


def test_the_defaults_are_those_of_the_python_api() -> None:
    config = SupervisorConfig()
    for name, row in options.rows("supervice").items():
        field = options.FIELDS.get(name, name)
        if name != "environment":
            assert options.default(row, False) == getattr(config, field), name
    program = ProgramConfig("x", "y")
    check = HealthCheckConfig()
    for name, row in options.rows("program").items():
        default = options.default(row, False)
        if row[options.EFFECT] or name in ("command", "environment", "secrets"):
            continue
        if name.startswith(("healthcheck_", "readiness_")):
            assert default == getattr(check, name.partition("_")[2]), name
        elif name.startswith("rlimit_"):
            assert default is None
        elif name.startswith(("schedule_", "watch_")):
            nested = ScheduleConfig(()) if name.startswith("schedule_") else WatchConfig(())
            assert default == getattr(nested, name.partition("_")[2]), name
        elif name.startswith("listen_"):
            assert default == getattr(ListenConfig(()), name.partition("_")[2]), name
        else:
            owner = Limits() if name in Limits.__annotations__ else program
            assert default == getattr(owner, name), name


def test_every_field_can_be_set_in_a_file() -> None:
    program = set(options.rows("program"))
    made = {
        "name",
        "group",
        "healthcheck",
        "readiness",
        "limits",
        "program",
        "group_priority",
        "listener",
        "socket",
    }
    assert set(Limits.__annotations__) - {"rlimits"} <= program
    assert set(ProgramConfig.__annotations__) - made <= program
    assert {f"schedule_{name}" for name in ScheduleConfig.__annotations__} - {"schedule_lines"} <= program
    assert {f"watch_{name}" for name in WatchConfig.__annotations__} - {"watch_paths"} <= program
    for check in ("healthcheck", "readiness"):
        assert {f"{check}_{name}" for name in HealthCheckConfig.__annotations__} - {
            "readiness_action"
        } <= program
    settings = {
        options.FIELDS.get(name, name) for name in (*options.rows("supervice"), *options.rows("supervisord"))
    }
    # The dialect decides about `log_on_stdout_too`.
    assert set(SupervisorConfig.__annotations__) - {"programs", "log_on_stdout_too"} <= settings


def test_the_example_on_the_page_is_right(tmp_path: Path) -> None:
    example = option_reference.INTRO.split("```ini\n")[1].split("```")[0]
    (tmp_path / "x.conf").write_text(example)
    (tmp_path / "conf.d").mkdir()
    loaded = load(str(tmp_path / "x.conf"), environ={})
    assert loaded.problems == []
    assert [p.name for p in loaded.processes] == ["web", "worker:00", "worker:01", "worker:02"]
