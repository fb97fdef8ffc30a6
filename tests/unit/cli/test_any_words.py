"""Whatever words `supervicectl` is given: an exit code and at most a line, no traceback."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervice.cli import ctl, ctl_commands, replies
from supervice.cli.aliases import ALIASES, HINTS
from supervice.control.client import Unreachable
from tests.fakes.control import FakeCall

# `exec` and `attach` become something else, `wait` waits for a daemon, `shell` reads.
LEFT_OUT = {"exec", "attach", "wait", "shell", "top"}
VERBS = sorted({*ctl_commands.cli.commands, *ALIASES, *HINTS} - LEFT_OUT)
OPTIONS = [
    "-s",
    "-n",
    "-t",
    "-l",
    "-o",
    "-h",
    "--json",
    "--timeout",
    "--since",
    "--grep",
    "--for",
    "--svg",
    "--",
    "-9",
]
words = st.one_of(
    st.sampled_from(VERBS),
    st.sampled_from(OPTIONS),
    st.text(max_size=6),
    st.sampled_from(["\udcff", "-\udcff", "("]),
)


@settings(max_examples=300, deadline=None)
@given(line=st.lists(words, max_size=5))
def test_any_words_have_an_answer(line: list[str]) -> None:
    if set(line) & LEFT_OUT:
        return
    with pytest.MonkeyPatch.context() as patch:
        daemon = FakeCall()
        daemon.reply = {"raise": Unreachable("no daemon")}
        patch.setattr(replies, "call", daemon)
        patch.setattr("supervice.cli.follow.reach", _unreachable)
        patch.setattr("supervice.control.client.reach", _unreachable)
        assert ctl.run(line) in (0, 1, 2, 4)


def _unreachable(*_words: object) -> None:
    raise Unreachable("no daemon")
