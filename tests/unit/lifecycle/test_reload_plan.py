"""What a reload finds to do."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from supervice.config import options
from supervice.config.options import EFFECT, LIVE, NAME, RELOAD, RESTART, START, live_fields, start_fields
from supervice.lifecycle.reload_plan import ReloadPlan, differences, plan_reload
from supervice.models import (
    HealthCheckConfig,
    HealthCheckType,
    Limits,
    ProgramConfig,
    ScheduleConfig,
    SupervisorConfig,
    WatchConfig,
)

programs = st.dictionaries(
    st.sampled_from("abcdefg"),
    st.builds(lambda command, backups: (command, backups), st.sampled_from(["x", "y"]), st.integers(1, 2)),
)


def plan_of(
    old: list[ProgramConfig],
    new: list[ProgramConfig],
    settings: SupervisorConfig | None = None,
    stale: tuple[str, ...] = (),
) -> ReloadPlan:
    return plan_reload(
        old,
        new,
        SupervisorConfig(),
        settings or SupervisorConfig(),
        live=live_fields(),
        at_start=start_fields(),
        stale=stale,
    )


def configs(some: dict[str, tuple[str, int]]) -> list[ProgramConfig]:
    return [ProgramConfig(n, command, stdout_logfile_backups=b) for n, (command, b) in some.items()]


@given(programs, programs)
def test_every_process_is_in_the_list_it_belongs_to(
    old: dict[str, tuple[str, int]], new: dict[str, tuple[str, int]]
) -> None:
    plan = plan_of(configs(old), configs(new))
    assert plan.added == sorted(new.keys() - old.keys())
    assert plan.removed == sorted(old.keys() - new.keys())
    both = old.keys() & new.keys()
    assert plan.changed == sorted(n for n in both if old[n][0] != new[n][0])
    assert plan.adjusted == sorted(n for n in both if old[n][0] == new[n][0] and old[n] != new[n])
    assert plan.restart_required == []


def test_groups_and_log_limits_do_not_restart_anything() -> None:
    one = ProgramConfig("a", "x")
    two = dataclasses.replace(one, group="g", priority=1, stdout_logfile_maxbytes=1, autostart=False)
    plan = plan_of([one], [two])
    assert (plan.changed, plan.adjusted) == ([], ["a"])


def test_settings_of_the_daemon_itself_need_a_new_start() -> None:
    plan = plan_of([], [], SupervisorConfig(socket_path="/x", shutdown_timeout=5))
    assert plan.restart_required == ["socket"]


def test_changed_files_of_the_environment_are_a_change() -> None:
    one, two = ProgramConfig("a", "x"), ProgramConfig("b", "x")
    plan = plan_of([one, two], [one, two], stale=("a",))
    assert (plan.changed, plan.adjusted, plan.restart_required) == (["a"], [], [])
    assert plan_of([one], [], stale=("a",)).changed == []


# -- what the option table says --------------------------------------------------------------------------


def test_every_option_says_what_a_reload_does_with_it() -> None:
    for kind in options._SECTIONS:
        for name, row in options.rows(kind).items():
            daemon = kind in ("supervice", "supervisord")
            known = (LIVE, RESTART, START) if daemon else (LIVE, RESTART)
            assert row[RELOAD] in (known if not row[EFFECT] else ("",)), f"[{kind}] {name}"


def test_every_setting_of_the_daemon_has_its_option() -> None:
    """A new field of `SupervisorConfig` needs a row, and the row says what a reload does."""
    fields = {
        options.FIELDS.get(name, name) for kind in ("supervice", "supervisord") for name in options.rows(kind)
    }
    of_the_dialect = {"log_on_stdout_too"}
    assert set(SupervisorConfig.__annotations__) - fields == {"programs", *of_the_dialect}
    assert live_fields() <= set(ProgramConfig.__annotations__)
    assert set(start_fields()) <= set(SupervisorConfig.__annotations__)


def test_a_reload_does_what_the_option_table_says() -> None:
    """Where several options fill one field, they say the same."""
    shared = {"healthcheck", "readiness", "limits", "listener"}
    fields = set(ProgramConfig.__annotations__) - {"name", "program"}
    for row in (*options.PROGRAM, *options.GROUP, *options.LISTENER, *options.FCGI):
        field = options.GROUP_FIELDS.get(row[NAME], row[NAME]) if row in options.GROUP else row[NAME]
        if field.startswith("listen_"):
            assert row[RELOAD] == RESTART, "a run has its sockets from its start on"
            continue
        if field.startswith(options.NESTED):
            assert row[RELOAD] == LIVE, "the next run, or the next look, has the new settings"
            continue
        if field not in fields:
            assert row[RELOAD] in (RESTART, ""), row[NAME]
            continue
        fields.discard(field)
        if not row[EFFECT]:
            one = ProgramConfig("a", "x")
            another: Any = {"A": "1"} if field in ("environment", "secrets") else "another"
            plan = plan_of([one], [dataclasses.replace(one, **{field: another})])
            assert (plan.changed, plan.adjusted) == (
                (["a"], []) if row[RELOAD] == RESTART else ([], ["a"])
            ), field
    assert fields == shared


def test_output_that_goes_nowhere_cannot_be_sent_elsewhere_while_the_program_runs() -> None:
    one = ProgramConfig("a", "x", stdout_logfile="NONE")
    assert plan_of([one], [dataclasses.replace(one, stdout_logfile="/l")]).changed == ["a"]
    assert plan_of([dataclasses.replace(one, stdout_logfile="/l")], [one]).adjusted == ["a"]


def test_a_run_of_a_schedule_is_never_restarted_by_a_reload() -> None:
    """It ends as it began, whatever changed; only a schedule that comes or goes changes the program."""
    daily = ScheduleConfig(("@daily",))
    one = ProgramConfig("a", "x", type="oneshot", schedule=daily)
    changes: list[dict[str, Any]] = [
        {"command": "y"},
        {"schedule": ScheduleConfig(("@hourly",))},
        {"stopsignal": "QUIT"},
    ]
    for change in changes:
        assert plan_of([one], [dataclasses.replace(one, **change)]).adjusted == ["a"]
    assert plan_of([one], [one], SupervisorConfig(environment={"A": "1"}), stale=("a",)).changed == []
    simple = ProgramConfig("a", "x")
    assert plan_of([simple], [one]).changed == plan_of([one], [simple]).changed == ["a"]


def test_what_differs_has_the_name_of_the_option() -> None:
    old = ProgramConfig("a", "x", limits=Limits(nice=1, rlimits=(("nofile", 1, 1), ("core", 0, 0))))
    new = ProgramConfig(
        "a",
        "y",
        healthcheck=HealthCheckConfig(HealthCheckType.TCP, port=1),
        limits=Limits(nice=2, rlimits=(("nofile", 2, 2), ("core", 0, 0))),
        schedule=ScheduleConfig(("@daily",)),
        watch=WatchConfig(("/x",)),
        group_priority=3,
    )
    assert differences(old, new) == [
        "command", "healthcheck_type", "healthcheck_port", "priority of the group", "nice", "rlimit_nofile",
        "schedule", "watch",
    ]  # fmt: skip
    later = dataclasses.replace(
        new, schedule=ScheduleConfig(("@hourly",), jitter=3), watch=WatchConfig(("/x",), delay=3), limits=None
    )
    assert differences(new, later) == [
        "nice", "rlimit_core", "rlimit_nofile", "schedule", "schedule_jitter", "watch_delay",
    ]  # fmt: skip
    assert differences(new, new) == []


def test_every_field_has_an_option() -> None:
    known = {row[NAME] for row in options.PROGRAM + options.LISTENER + options.FCGI + options.GROUP}
    for field in ProgramConfig.__annotations__:
        if field in ("name", "limits", "readiness", "healthcheck", "group", "group_priority"):
            continue
        one: Any = ProgramConfig("a", "x")
        other: Any = ProgramConfig("a", "x")
        setattr(one, field, object())
        setattr(other, field, None)
        (name,) = differences(one, other)
        assert name in known, field


def test_a_plan_says_why() -> None:
    a, b, c = (ProgramConfig(name, "x") for name in "abc")
    plan = plan_of(
        [a, b, c],
        [dataclasses.replace(a, command="y", priority=1), dataclasses.replace(b, priority=1), c],
        SupervisorConfig(drain_delay=3, http=":1"),
        stale=("c",),
    )
    assert plan.reasons == {
        "a": ["command", "priority"],
        "b": ["priority"],
        "c": ["content of its env_file or secrets"],
    }
    assert (plan.settings, plan.restart_required) == (["drain_delay"], ["http"])
    around = plan_of([a], [a], SupervisorConfig(environment={"X": "1"}))
    assert around.reasons == {"a": ["environment, env_file or umask of all programs"]}


def test_a_setting_for_all_programs_changes_those_that_have_none_of_their_own() -> None:
    plain = ProgramConfig("plain", "x")
    own = ProgramConfig("own", "x", environment={"X": "0"}, umask=0o22)
    secret = ProgramConfig("secret", "x", secrets={"X": "/s"})
    all_three = [plain, own, secret]

    def changed(**settings: Any) -> list[str]:
        return plan_of(all_three, all_three, SupervisorConfig(**settings)).changed

    assert changed() == []
    assert changed(environment={"X": "1"}) == ["plain"]
    assert changed(environment={"Y": "1"}) == ["own", "plain", "secret"]
    assert changed(environment={"X": "1", "Y": "1"}) == ["own", "plain", "secret"]
    assert changed(umask=0o77) == ["plain", "secret"]
    assert changed(env_file=("/e",)) == ["own", "plain", "secret"]


def test_the_programs_are_no_setting_and_the_socket_has_its_options_name() -> None:
    one = ProgramConfig("one", "x")
    plan = plan_of([one], [one], SupervisorConfig(programs=[one], socket_path="/s"))
    assert (plan.settings, plan.restart_required) == ([], ["socket"])


def test_settings_have_the_names_of_options() -> None:
    """A change of supervisord's `silent` was told as `log_on_stdout_too`, which is no option."""
    names = {row[NAME] for row in (*options.SUPERVICE, *options.SUPERVISORD)}
    for field in SupervisorConfig.__annotations__.keys() - {"programs"}:
        another: Any = {"A": "1"} if field == "environment" else "another"
        plan = plan_of([], [], SupervisorConfig(**{field: another}))
        (shown,) = plan.settings + plan.restart_required
        assert shown in names, field
        assert shown in (field, "silent", "socket")


def test_a_variable_for_all_programs_that_stays_changes_nothing() -> None:
    one = ProgramConfig("one", "x")
    old = SupervisorConfig(environment={"A": "1", "B": "2"})
    for new, changed in (
        ({"A": "1", "B": "2"}, []),
        ({"A": "1"}, ["one"]),
        ({"A": "1", "B": "3"}, ["one"]),
        ({"A": "1", "B": "2", "C": "3"}, ["one"]),
    ):
        plan = plan_reload(
            [one], [one], old, dataclasses.replace(old, environment=new), live=live_fields(), at_start={}
        )
        assert plan.changed == changed
