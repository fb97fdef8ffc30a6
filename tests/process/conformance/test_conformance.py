"""`make conformance` in miniature: a supervisor that does it, one that does not, one that cannot be told."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conformance import __main__ as conformance
from tests.conformance import page, world
from tests.conformance.page import THEMES
from tests.conformance.peers.ours import SuperviceByPip, SuperviceSingle
from tests.conformance.supervisor import Supervisor
from tests.conformance.world import Cannot, Program
from tests.paths import ROOT, open_to_others

SCENARIOS = conformance.all_scenarios()
PAGE = (ROOT / "docs/conformance.md").read_text()
TABLES = PAGE.partition("### All in all")[2].partition("### ")[2]
# (title, cells) of every row; a scenario is in two tables where it concerns supervisors and inits.
ROWS = [
    (line.split(" | ")[0].removeprefix("| "), [cell.strip(" |") for cell in line.split(" | ")[1:]])
    for line in TABLES.splitlines()
    if line.startswith("| ") and not line.startswith("| |")
]


class Shell(Supervisor):
    """Runs the program in the background, which no container does twice: its exit code is lost."""

    name = "a shell"
    single = True

    def version(self) -> str:
        return "0"

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        return ["/bin/sh", "-c", f"cd {folder}; ({programs[0].script}); exit 0"]


class Speechless(Supervisor):
    name = "speechless"

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        raise Cannot("it reads nothing")


class Once(Supervisor):
    """Starts everything, and that is all."""

    name = "once"
    times = True

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        all_of_them = " ".join(f"(cd {folder}; {program.script}) &" for program in programs)
        return ["/bin/sh", "-c", f"{all_of_them} wait; exec sleep 1000"]


class Muffled(Supervisor):
    """Shows the end of what was said, once all was said."""

    name = "muffled"

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        return ["/bin/sh", "-c", f"(cd {folder}; {programs[0].script}) | tail -n 10"]


class Tattling(Supervisor):
    """Hands over the configuration by its command line."""

    name = "tattling"

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        pairs = [f"{key}={value}" for key, value in programs[0].environment]
        inner = f"cd {folder}; ({programs[0].script}) & wait"
        return ["/bin/sh", "-c", f'for pair; do export "$pair"; done; {inner}', "sh", *pairs]


class Believing(Supervisor):
    """Takes the pid file of another life for its own."""

    name = "believing"

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        inner = f"cd {folder}; test -e pid && sleep 1000; echo $$ >pid; ({programs[0].script}) & wait"
        return ["/bin/sh", "-c", inner]


@pytest.fixture(autouse=True)
def namespaces() -> None:
    command = ["unshare", "--pid", "--fork", "--mount-proc", "true"]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("takes a PID namespace")


@pytest.mark.parametrize("name", ["exit_code", "stop_order"])
def test_ours_does_it(name: str) -> None:
    assert conformance.outcome(SuperviceByPip(), SCENARIOS[name]) == ("yes", "")


def test_what_does_not_do_it_is_found_out() -> None:
    what, why = conformance.outcome(Shell(), SCENARIOS["exit_code"])
    assert (what, why) == ("no", "the program ended with 7, the container with 0")


def test_what_cannot_be_told_says_what_it_lacks() -> None:
    assert conformance.outcome(Speechless(), SCENARIOS["restart"]) == ("cannot", "it reads nothing")


def test_what_is_not_its_job_is_not_tried() -> None:
    assert conformance.outcome(Shell(), SCENARIOS["restart"]) == ("-", "")


def test_the_page_has_every_scenario() -> None:
    rows = {title for title, _cells in ROWS}
    assert rows == {module.TITLE for module in SCENARIOS.values()}, "run: make conformance"


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_says_whom_it_concerns_and_where_it_is_from(name: str) -> None:
    module = SCENARIOS[name]
    assert module.SINGLE or module.MANY or module.TIMES
    assert module.SOURCE
    assert module.THEME in THEMES


# No supervisor of the page fails in these; a broken one does, below.
NEVER_FAILED: dict[str, type[Supervisor]] = {
    "at_times": Once,
    "forwarded": Shell,
    "job_stop": Once,
    "killed_container": Believing,
    "last_words": Muffled,
    "restart": Once,
    "secrets_hidden": Tattling,
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_can_fail(name: str) -> None:
    """What every supervisor passes says nothing, unless one that is broken is found out."""
    title = SCENARIOS[name].TITLE
    failed = any(re.search(r"^(no|cannot)\b", cell) for row, cells in ROWS if row == title for cell in cells)
    assert failed is not (name in NEVER_FAILED)


@pytest.mark.parametrize(("name", "kind"), NEVER_FAILED.items())
def test_a_broken_supervisor_is_found_out(name: str, kind: type[Supervisor]) -> None:
    assert conformance.once(kind(), SCENARIOS[name])[0] == "no"


def test_reasons_stand_once_below_their_table() -> None:
    both = {"exit_code": {one.name: ("no", "it ended with 0") for one in (Shell(), SuperviceSingle())}}
    text = page.render(both, SCENARIOS, [Shell(), SuperviceSingle()], {"another": "it is not to be had"})
    assert text.count("no (1)") == 2
    assert text.count("1. it ended with 0.") == 1
    assert "- another: it is not to be had." in text


def test_a_namespace_is_ended_at_its_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "DEADLINE", 0.5)
    one = world.World(tmp_path, Shell())
    one.start(Program("web", "exec sleep 1000"))
    assert one.exit_code("it outlives its deadline", 20) == 128 + 9


def test_a_namespace_of_another_user_is_ended_too(tmp_path: Path) -> None:
    """A change of the user takes the signal of `unshare --kill-child` away."""
    open_to_others(tmp_path)
    one = world.World(tmp_path, Shell(), before=("setpriv", "--reuid=12345", "--clear-groups"))
    one.start(Program("web", "exec sleep 1000"))
    pid = one.pid1()
    one.end()
    one.until(lambda: not world.alive(pid), "it goes on")


def test_results_that_are_kept_give_way_to_new_ones(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    conformance.merged(kept, {"stop": {"a": ("no", "why")}, "killed": {"a": ("yes", "")}}, SCENARIOS)
    found = conformance.merged(kept, {"stop": {"a": ("yes", "")}}, SCENARIOS)
    assert found == {"killed": {"a": ("yes", "")}, "stop": {"a": ("yes", "")}}
