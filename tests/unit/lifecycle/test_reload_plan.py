"""What a reload finds to do."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from supervice.lifecycle.reload_plan import plan_reload
from supervice.models import ProgramConfig, SupervisorConfig

programs = st.dictionaries(
    st.sampled_from("abcdefg"),
    st.builds(lambda command, backups: (command, backups), st.sampled_from(["x", "y"]), st.integers(1, 2)),
)


def configs(some: dict[str, tuple[str, int]]) -> list[ProgramConfig]:
    return [ProgramConfig(n, command, stdout_logfile_backups=b) for n, (command, b) in some.items()]


@given(programs, programs)
def test_every_process_is_in_the_list_it_belongs_to(
    old: dict[str, tuple[str, int]], new: dict[str, tuple[str, int]]
) -> None:
    plan = plan_reload(configs(old), configs(new), SupervisorConfig(), SupervisorConfig())
    assert plan.added == sorted(new.keys() - old.keys())
    assert plan.removed == sorted(old.keys() - new.keys())
    both = old.keys() & new.keys()
    assert plan.changed == sorted(n for n in both if old[n][0] != new[n][0])
    assert plan.adjusted == sorted(n for n in both if old[n][0] == new[n][0] and old[n] != new[n])
    assert plan.restart_required == []


def test_groups_and_log_limits_do_not_restart_anything() -> None:
    one = ProgramConfig("a", "x")
    two = dataclasses.replace(one, group="g", priority=1, stdout_logfile_maxbytes=1, autostart=False)
    plan = plan_reload([one], [two], SupervisorConfig(), SupervisorConfig())
    assert (plan.changed, plan.adjusted) == ([], ["a"])


def test_settings_of_the_daemon_itself_need_a_new_start() -> None:
    plan = plan_reload([], [], SupervisorConfig(), SupervisorConfig(socket_path="/x", shutdown_timeout=5))
    assert plan.restart_required == ["socket"]


def test_changed_files_of_the_environment_are_a_change() -> None:
    one, two = ProgramConfig("a", "x"), ProgramConfig("b", "x")
    plan = plan_reload([one, two], [one, two], SupervisorConfig(), SupervisorConfig(), ["a"])
    assert (plan.changed, plan.adjusted, plan.restart_required) == (["a"], [], [])
    assert plan_reload([one], [], SupervisorConfig(), SupervisorConfig(), ["a"]).changed == []
