"""What is written down is true: generated pages are fresh, examples pass `check`, links and verbs exist."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from supervice import __version__
from supervice.cli.args import OPTIONS
from supervice.cli.ctl_commands import cli
from supervice.config import load, options
from supervice.lifecycle.states import STATES
from supervice.lifecycle.transition import transition
from tools import (
    command_line,
    help_page,
    man_pages,
    metrics_table,
    migration_table,
    site_links,
    state_diagram,
    supervicectl_reference,
)

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *DOCS.rglob("*.md"),
        *ROOT.glob("examples/**/*.md"),
        ROOT / "docker/README.md",
        ROOT / "tests/README.md",
    ]
)


def blocks(page: Path, language: str) -> Iterator[str]:
    """The fenced blocks of one language."""
    for match in re.finditer(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S):
        yield match.group(1)


# -- the state machine -----------------------------------------------------------------------------------


def test_the_state_machine_page_is_what_its_command_writes(tmp_path: Path) -> None:
    target = tmp_path / "page.md"
    subprocess.run([sys.executable, "-m", "tools.state_diagram", str(target)], check=True, cwd=ROOT)
    stale = "run: python -m tools.state_diagram docs/state-machine.md"
    assert target.read_text() == (DOCS / "state-machine.md").read_text(), stale


def test_the_survey_asks_every_state_and_every_input() -> None:
    from supervice.lifecycle import transition as machine

    assert {shape.state for shape in state_diagram.SHAPES.values()} == set(STATES)
    assert {type(event) for _, events in state_diagram.INPUTS for event in events} == set(machine._HANDLERS)
    assert [
        name for name, events in state_diagram.INPUTS if {type(e).__name__ for e in events} != {name}
    ] == []


def test_the_cases_leave_no_change_out() -> None:
    described = {
        (
            state_diagram.shape_of(now),
            type(event).__name__,
            state_diagram.shape_of(transition(now, event, policy)[0]),
        )
        for now, event, policy, _ in state_diagram.CASES
    }
    assert sorted(state_diagram.survey()[0] - described) == []


# -- the migration page ----------------------------------------------------------------------------------


def test_the_table_of_the_migration_page_is_not_stale() -> None:
    page = (DOCS / "migrating-from-supervisord.md").read_text()
    command = "python -m tools.migration_table docs/migrating-from-supervisord.md"
    assert page == migration_table.renewed(page), f"run: {command}"
    assert page.count(migration_table.BEGIN) == page.count(migration_table.END) == 1
    assert command in migration_table.BEGIN


def test_every_option_of_supervisord_is_on_the_migration_page() -> None:
    text = migration_table.table()
    for kind, _ in migration_table.SECTIONS:
        for name, row in options.rows(kind).items():
            assert (f"| `{name}` |" in text) or row[options.DIALECTS] == options.OURS_ONLY, name
    for kind, name in (*migration_table.THEIRS, *migration_table.DIFFERS):
        assert name in options.rows(kind), name


# -- the site --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "renewed"),
    [
        ("supervicectl.md", supervicectl_reference.renewed),
        ("command-line.md", command_line.renewed),
        ("metrics.md", metrics_table.renewed),
    ],
)
def test_the_generated_part_of_a_page_is_not_stale(page: str, renewed: Callable[[str], str]) -> None:
    text = (DOCS / page).read_text()
    assert text == renewed(text), "run: make docs"


def test_the_page_of_help_is_not_stale() -> None:
    """`supervicectl --help` is answered without click, in its words."""
    page = ROOT / "supervice/cli/help_page.py"
    assert page.read_text() == help_page.renewed(), "run `make docs`"


def test_the_manual_pages_are_not_stale() -> None:
    for name, text in man_pages.pages().items():
        assert (DOCS / "man" / name).read_text() == text, "run: make docs"


def test_the_manual_pages_have_every_option_and_verb_and_no_line_that_roff_would_eat() -> None:
    pages = man_pages.pages()
    for long, *_ in OPTIONS:
        assert f"--{long}" in pages["supervice.8"].replace("\\-", "-"), long
    for verb in cli.commands:
        assert re.search(rf"^\.B {verb}\b", pages["supervicectl.1"], re.M), verb
    for row in options.rows("program"):
        assert re.search(rf"^\.B {row} =", pages["supervice.conf.5"], re.M), row
    known = re.compile(r"\.(TH|nh|ad|SH|SS|TP|B|PP|br|RS|RE)\b")
    for text in pages.values():
        assert text.isascii()
        assert "\n.nh\n" in text  # a name that is hyphenated at the end of a line cannot be copied
        assert [line for line in text.splitlines() if line[:1] in (".", "'") and not known.match(line)] == []


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    """A page that no menu names is found by no reader; the decisions have an index of their own."""
    menu = (ROOT / "mkdocs.yml").read_text()
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if path.parent.name != "adr"]
    assert [page for page in pages if page not in menu] == []


@pytest.mark.parametrize(
    ("folder", "link", "becomes"),
    [
        ("", "[a](../examples/cron/)", "[a](https://x/y/blob/main/examples/cron)"),
        ("how-to", "[a](../../README.md#b)", "[a](https://x/y/blob/main/README.md#b)"),
        ("how-to", "[a](../security.md#b)", "[a](../security.md#b)"),
        ("", "[a](https://example.org/../b)", "[a](https://example.org/../b)"),
        ("", "[a](#b)", "[a](#b)"),
    ],
)
def test_links_out_of_the_site_lead_to_the_repository(folder: str, link: str, becomes: str) -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_uri=f"{folder}/page.md".lstrip("/")))
    assert site_links.on_page_markdown(link, page, {"repo_url": "https://x/y/"}) == becomes


# -- examples in the text --------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [page for page in PAGES if list(blocks(page, "ini"))], ids=lambda p: p.name)
def test_configurations_in_the_text_have_no_problem(page: Path, tmp_path: Path) -> None:
    for number, text in enumerate(blocks(page, "ini")):
        path = tmp_path / f"{number}.conf"
        path.write_text(text)
        (tmp_path / "conf.d").mkdir(exist_ok=True)
        found = [str(problem) for problem in load(str(path), daemon_defaults=True).problems]
        # Their images have users that this machine has not.
        assert [problem for problem in found if "the user does not exist here" not in problem] == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if list(blocks(page, "Dockerfile"))], ids=lambda p: p.name
)
def test_an_image_with_the_bundle_has_it_in_its_path(page: Path) -> None:
    """Or `docker exec CONTAINER supervicectl` finds no command."""
    for text in blocks(page, "Dockerfile"):
        if "/opt/supervice" in text or "supervice-amd64.tar.gz" in text:
            assert "ENV PATH=/opt/supervice/bin:" in text, text


def test_where_usr2_reopens_log_files_a_main_program_is_named() -> None:
    """A `main` program gets it instead, and may die of it."""
    for page in PAGES:
        for paragraph in page.read_text().split("\n\n"):
            if "USR2" in paragraph and "reopen" in paragraph and page.name != "CHANGELOG.md":
                assert re.search(r"\bmain\b", paragraph), f"{page.name}: {paragraph}"


def test_verbs_and_options_in_the_text_exist() -> None:
    known = {name for option in OPTIONS for name in (f"--{option[0]}", f"-{option[1]}")}
    for page in PAGES:
        shell = "\n".join(blocks(page, "sh"))
        for line in re.findall(r"\bsupervicectl +(.*)", shell):
            words = [word for word in line.split() if not word.startswith("-")]
            assert not words or words[0] in cli.commands, f"{page.name}: supervicectl {line}"
        for line in re.findall(r"(?:^|\s)supervice +(-.*)", shell):
            options = {
                word.partition("=")[0] for word in line.partition(" -- ")[0].split() if word.startswith("-")
            }
            assert options <= {*known, "--"}, f"{page.name}: supervice {line}"


def test_the_readme_stays_readable() -> None:
    lines = README.read_text().splitlines()
    assert len(lines) <= 250
    first = README.read_text().index("```sh")
    assert "make demo" in README.read_text()[first : first + 200]
    assert "make test" in README.read_text()[first : first + 200]


# -- the rest --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(there), f"{page.name}: {target}"


def without_blocks(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.*)$", without_blocks(page), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_decision_is_in_the_index() -> None:
    index = (DOCS / "adr" / "README.md").read_text()
    decisions = sorted(path.name for path in (DOCS / "adr").glob("[0-9]*.md"))
    assert decisions
    assert re.findall(r"\]\((\d{4}-[^)]+\.md)\)", index) == decisions
    for name in decisions:
        text = (DOCS / "adr" / name).read_text()
        assert text.startswith(f"# {name[:4]} ")
        for heading in ("## Context", "## Decision", "## Consequences", "## What would change our mind"):
            assert heading in text, f"{name}: {heading}"


def test_code_that_cites_a_decision_cites_one_that_exists() -> None:
    decisions = {path.name[:4] for path in (DOCS / "adr").glob("[0-9]*.md")}
    for path in [*ROOT.glob("supervice/**/*.py"), *ROOT.glob("tests/**/*.py")]:
        for number in re.findall(r"docs/adr/(\d{4})", path.read_text()):
            assert number in decisions, f"{path.name}: docs/adr/{number}"


def test_modules_in_the_architecture_page_exist() -> None:
    text = (DOCS / "architecture.md").read_text()
    known = {path.name for path in (ROOT / "supervice").rglob("*.py")}
    for name in re.findall(r"`((?:[a-z0-9_]+/)*[a-z0-9_]+\.py)`", text):
        there = (ROOT / "supervice" / name).exists() or (ROOT / name).exists()
        assert there or ("/" not in name and name in known), name


def test_functions_in_the_architecture_page_exist() -> None:
    """The stories name them so that they can be found: in backquotes, with a pair of brackets."""
    code = "\n".join(path.read_text() for path in (ROOT / "supervice").rglob("*.py"))
    for name in re.findall(r"`(?:[A-Za-z_]+\.)*([A-Za-z_]+)\(\)`", (DOCS / "architecture.md").read_text()):
        assert re.search(rf"^ *(?:async )?(?:def|class) {name}\b", code, re.M), name


def test_the_changelog_knows_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
