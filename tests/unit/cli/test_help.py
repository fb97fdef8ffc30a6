"""What the two commands print for `--help` fits a terminal of 80 columns."""

from __future__ import annotations

import pytest

from supervice.api import queries
from supervice.cli import ctl_commands
from supervice.cli.args import OPTIONS, usage
from supervice.cli.check import HELP
from supervice.cli.help_page import PAGE
from supervice.control.client import QUICK_TIMEOUT


@pytest.mark.parametrize("page", [usage(), HELP, PAGE], ids=["supervice", "check", "supervicectl"])
def test_no_line_is_longer_than_a_terminal(page: str) -> None:
    assert [line for line in page.splitlines() if len(line) > 80] == []


def test_every_option_has_its_words_on_the_page() -> None:
    words = " ".join(usage().split())
    for name, _, metavar, text in OPTIONS:
        assert f"--{name}{f' {metavar}' if metavar else ''} {text.split()[0]}" in words
        assert text in words


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
def test_a_verb_without_names_says_what_to_write(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl_commands.run([verb]) == 2
    said = capsys.readouterr().err
    assert said == (
        f"supervicectl: Missing NAME; write a process, GROUP:* or all. (supervicectl help {verb} says more)\n"
    )


def test_the_page_names_the_times_that_are_waited() -> None:
    said = f"(default: {QUICK_TIMEOUT:g} for queries, {queries.WAIT:g} for wait, no limit for actions)"
    assert said in " ".join(PAGE.split())
    assert ctl_commands.WAIT == queries.WAIT
