"""Words of other tools do the obvious, or are answered with the verb that does it here."""

from __future__ import annotations

from typing import Any

import click
import pytest

from supervice.cli import ctl, ctl_commands, replies
from supervice.cli.aliases import ALIASES, HINTS
from tests.fakes.control import FakeCall
from tests.paths import ROOT

DOCKER = (
    "attach build commit compose cp create diff events exec images inspect kill logs pause port ps pull push rename"
    " restart rm run start stats stop top unpause wait"
)
KUBECTL = "apply attach cordon cp delete describe drain edit events exec explain get logs patch rollout run scale set top"
SYSTEMCTL = (
    "cat daemon-reload disable edit enable halt is-active is-enabled is-failed isolate kill list-dependencies"
    " list-sockets list-timers list-unit-files list-units mask poweroff reboot reload reload-or-restart reset-failed"
    " restart show start status stop try-restart unmask"
)
VERBS = set(ctl_commands.cli.commands)


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> FakeCall:
    daemon = FakeCall()
    daemon.reply = {"status": "ok", "processes": [], "logs": [], "message": "done"}
    monkeypatch.setattr(replies, "call", daemon)
    return daemon


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("ps", {"command": "status"}),
        ("ls web", {"command": "status", "name": "web"}),
        ("tail -n 5 web", {"command": "logs", "lines": 5, "name": "web"}),
        ("tail -100 web", {"command": "logs", "lines": 100, "name": "web"}),
        ("kill -9 web", {"command": "signal", "signal": "KILL", "name": "web"}),
        ("kill -HUP a b", {"command": "signal", "signal": "HUP", "names": ["a", "b"]}),
        ("kill -s INT web", {"command": "signal", "signal": "INT", "name": "web"}),
        ("kill TERM web", {"command": "signal", "signal": "TERM", "name": "web"}),
        ("update", {"command": "reload"}),
        ("reread", {"command": "reload", "dry_run": True}),
        ("run web", {"command": "start", "name": "web"}),
        ("--timeout 5 ps", {"command": "status"}),
    ],
)
def test_an_alias_does_the_obvious(daemon: FakeCall, line: str, request_: dict[str, Any]) -> None:
    assert ctl.run(line.split()) == 0
    assert daemon.asked[-1][0] == request_


@pytest.mark.parametrize("tool", [DOCKER, KUBECTL, SYSTEMCTL])
def test_each_word_is_known(tool: str) -> None:
    assert [word for word in tool.split() if word not in VERBS | set(ALIASES) | set(HINTS)] == []


def test_the_words_of_supervisorctl_are_known() -> None:
    from supervisor.supervisorctl import DefaultControllerPlugin

    words = {name[3:] for name in dir(DefaultControllerPlugin) if name.startswith("do_")} - {"EOF"}
    assert words - VERBS - set(ALIASES) - set(HINTS) == set()


def test_a_hint_is_one_line_and_hides_no_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert not (set(HINTS) | set(ALIASES)) & VERBS
    assert ctl.run(["describe", "web"]) == 2
    said = capsys.readouterr().err
    assert "describe is a word of kubectl; write here: why NAME" in said
    assert said.count("\n") == 1
    assert ctl.run(["strat"]) == 2
    assert "no such verb: strat; did you mean start?" in capsys.readouterr().err
    assert ctl.run(["STATUS"]) == 2
    assert "write status" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("logs --sinc 5m", "logs has no option --sinc; did you mean --since?"),
        ("status --since 5m", "status has no option --since; logs has one"),
        ("stop --force web", "stop has no option --force; restart and reload have one"),
        ("status --nope", "status has no option --nope"),
        ("status -q", "status has no option -q"),
        ("--sokcet /x status", "there is no option --sokcet; did you mean --socket?"),
    ],
)
def test_an_unknown_option_names_the_one_that_was_meant(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ctl.run(line.split()) == 2
    assert capsys.readouterr().err.startswith(f"supervicectl: {said} (")


def test_help_of_a_verb_is_that_of_its_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.run(["help", "logs"]) == 0
    one = capsys.readouterr().out
    assert ctl.run(["logs", "--help"]) == 0
    assert one == capsys.readouterr().out
    assert "Example: supervicectl logs -f" in one
    assert ctl.run(["help", "tail"]) == 0
    assert ctl.run(["help"]) == 0
    assert "Commands:" in capsys.readouterr().out
    assert ctl.run(["help", "nope"]) == 2


def test_every_verb_has_an_example_that_is_understood() -> None:
    import shlex

    for name in VERBS:
        said = ctl_commands.cli.commands[name].epilog or ""
        assert said.startswith("Example: supervicectl "), name
        words = shlex.split(said.removeprefix("Example: supervicectl ").partition(" >")[0])
        assert words[0] == name
        ctl_commands.cli.commands[name].make_context(name, words[1:], parent=click.Context(ctl_commands.cli))


def test_every_option_says_what_it_does_and_its_default() -> None:
    for name, command in ctl_commands.cli.commands.items():
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{name} {option.name}"
                said = option.is_flag or option.multiple or option.flag_value or "default" in option.help
                assert said, f"{name} {option.name}: {option.help}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.run(["completion", shell]) == 0
    assert f"{shell}_complete" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("shell", "path"),
    [
        ("bash", "bash-completion/completions/supervicectl"),
        ("zsh", "zsh/vendor-completions/_supervicectl"),
        ("zsh", "zsh/site-functions/_supervicectl"),
        ("fish", "fish/vendor_completions.d/supervicectl.fish"),
    ],
)
def test_the_image_has_the_same(shell: str, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.run(["completion", shell]) == 0
    assert (ROOT / "docker" / "completion" / path).read_text() == capsys.readouterr().out


def test_signals_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.run(["signal", "-l"]) == 0
    out = capsys.readouterr().out
    assert " 9 KILL\n" in out
    assert "15 TERM\n" in out
