"""[supervice] in several files, and in variables of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervice.cli.args import OPTIONS
from supervice.config import Loaded, load
from supervice.config.from_environment import OTHERS
from supervice.config.options import rows


def read(path: Path, **environ: str) -> Loaded:
    return load(str(path), environ=environ, daemon_defaults=True, cwd=str(path.parent))


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "supervice.conf"
    path.write_text("[supervice]\nlog_format = prefix\n[include]\nfiles = conf.d/*.conf\n")
    (tmp_path / "conf.d").mkdir()
    return path


def test_d3_settings_stand_in_several_files(conf: Path) -> None:
    (conf.parent / "conf.d/a.conf").write_text("[supervice]\ndrain_delay = 3\n[program:a]\ncommand = a\n")
    (conf.parent / "conf.d/b.conf").write_text("[supervice]\npidfile = b.pid\nhttp = :9090\n")
    loaded = read(conf)
    assert loaded.problems == []
    config = loaded.config
    assert (config.log_format, config.drain_delay, config.http) == ("prefix", 3, ":9090")
    assert [program.name for program in config.programs] == ["a"]


def test_d3_a_key_that_is_set_twice_is_the_error(conf: Path) -> None:
    second = conf.parent / "conf.d/a.conf"
    second.write_text("[supervice]\ndrain_delay = 3\nlog_format = json\n")
    (problem,) = read(conf).errors
    assert str(problem) == (
        f"{second}:3: [supervice] log_format is set already in {conf}:2; remove one of the two"
    )


def test_k9_every_option_has_a_variable(conf: Path) -> None:
    loaded = read(conf, SUPERVICE_LOG_FORMAT="json", SUPERVICE_HTTP=":9090", SUPERVICE_ENVIRONMENT="A=100%")
    assert loaded.problems == []
    assert (loaded.config.log_format, loaded.config.http) == ("json", ":9090")
    assert loaded.config.environment == {"A": "100%"}


def test_a_variable_counts_in_a_stock_file_too(tmp_path: Path) -> None:
    path = tmp_path / "supervisord.conf"
    path.write_text("[supervisord]\nnodaemon=true\n[program:a]\ncommand=a\n")
    loaded = read(path, SUPERVICE_HTTP=":9090")
    assert loaded.problems == []
    assert loaded.config.http == ":9090"


def test_a_wrong_value_names_its_variable(conf: Path) -> None:
    (problem,) = read(conf, SUPERVICE_DRAIN_DELAY="soon").errors
    assert str(problem).startswith("SUPERVICE_DRAIN_DELAY: [supervice] drain_delay = soon: ")


def test_a_variable_that_is_no_option_is_a_warning(conf: Path) -> None:
    (problem,) = read(conf, SUPERVICE_LOG_FORMT="json").problems
    assert problem.severity == "warning"
    assert str(problem) == (
        "SUPERVICE_LOG_FORMT: no option has this name (did you mean SUPERVICE_LOG_FORMAT?); "
        "unset it or correct it"
    )


def test_a_variable_that_is_nearly_an_option_of_the_command_line(conf: Path) -> None:
    (problem,) = read(conf, SUPERVICE_SINGEL_CHILD="1").problems
    assert "(did you mean SUPERVICE_SINGLE_CHILD?)" in str(problem)


@pytest.mark.parametrize(
    "name",
    [
        "SUPERVICE_PORT",
        "SUPERVICE_PORT_80_TCP_ADDR",
        "SUPERVICE_SERVICE_HOST",
        "SUPERVICE_SERVICE_PORT_HTTP",
        "SUPERVICE_WEB_SERVICE_HOST",
        "SUPERVICE_WEB_PORT_80_TCP",
    ],
)
def test_k9_what_kubernetes_injects_is_left_out(conf: Path, name: str) -> None:
    assert read(conf, **{name: "tcp://10.0.0.1:80"}).problems == []


def test_the_options_of_the_command_line_are_known() -> None:
    names = {name.upper().replace("-", "_") for name, *_ in OPTIONS} - {"VERSION", "HELP"}
    assert names - {name.upper() for name in rows("supervice")} <= OTHERS


def test_those_that_are_options_of_the_command_line_too_count_in_a_check(conf: Path) -> None:
    """The daemon applies them after it has read the file; what is computed from them has to be right before."""
    conf.write_text("[supervice]\nshutdown_timeout = 30\n[program:a]\ncommand = true\nstopwaitsecs = 100\n")
    assert any("shutdown_timeout" in problem.message for problem in read(conf).problems)
    loaded = read(
        conf, SUPERVICE_SHUTDOWN_TIMEOUT="123", SUPERVICE_SOCKET="/s.sock", SUPERVICE_LOGLEVEL="debug"
    )
    assert loaded.problems == []
    config = loaded.config
    assert (config.shutdown_timeout, config.socket_path, config.loglevel) == (123, "/s.sock", "DEBUG")


def test_an_embedding_application_has_no_variables(conf: Path) -> None:
    assert load(str(conf), environ={"SUPERVICE_HTTP": ":9090"}).config.http != ":9090"


def test_a_file_that_is_being_written_is_read_until_it_is_the_same_twice(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf.write_text("")  # truncated; the rest follows
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        conf.write_text("[supervice]\nlog_format = json\n"[: 10 * len(pauses)])

    monkeypatch.setattr("time.sleep", sleep)
    loaded = load(str(conf), environ={}, daemon_defaults=True, settled=True)
    assert (loaded.errors, loaded.config.log_format, len(pauses)) == ([], "json", 4)


def test_a_file_of_yesterday_is_read_once(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    os.utime(conf, (1, 1))
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("waits for a file that does not change"))
    assert load(str(conf), environ={}, settled=True).errors == []
