"""The options of single-command mode: numbers and signals, and words that are none."""

from __future__ import annotations

import signal
import sys

import pytest

from supervice.cli.args import Arguments, UsageError
from supervice.cli.single_options import single_options, unknown_variables


def options(**values: str) -> Arguments:
    args = Arguments()
    args.values.update({name.replace("_", "-"): value for name, value in values.items()})
    return args


def test_words_become_values() -> None:
    made = single_options(
        options(rewrite="15:3,HUP:0", exit_code_ok="9, 143", parent_death_signal="TERM", verbose="2")
    )
    assert made.rewrite == {signal.SIGTERM: signal.SIGQUIT, signal.SIGHUP: 0}
    assert made.exit_code_ok == (9, 143)
    assert made.parent_death_signal == signal.SIGTERM
    assert made.verbosity == 2


@pytest.mark.parametrize("word", ["²", "٣", "9" * 5000, "-1", "x", "1.5"])
def test_what_is_no_number_is_said(word: str) -> None:
    with pytest.raises(UsageError, match="a number from 0 to 255"):
        single_options(options(exit_code_ok=word))
    with pytest.raises(UsageError, match="a number from 0 to 3"):
        single_options(options(verbose=word))


def test_a_variable_that_is_no_option_is_said() -> None:
    environ = {
        "SUPERVICE_SINGEL_CHILD": "1",
        "SUPERVICE_HTTP": ":9090",  # an option, without a meaning here
        "SUPERVICE_REWRITE": "15:3",
        "SUPERVICE_PORT": "tcp://10.0.0.1:80",  # Kubernetes, for a Service of that name
        "SUPERVICE_VERBOES": "",
        "PATH": "/bin",
    }
    assert unknown_variables(environ) == [
        "SUPERVICE_SINGEL_CHILD: no option has this name (did you mean SUPERVICE_SINGLE_CHILD?); "
        "unset it or correct it"
    ]


def test_where_all_variables_are_options_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervice.config.from_environment", None)
    assert unknown_variables({"SUPERVICE_SINGLE_CHILD": "1", "HOME": "/"}) == []
    with pytest.raises(ImportError):
        unknown_variables({"SUPERVICE_SINGEL_CHILD": "1"})
