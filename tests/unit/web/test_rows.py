"""Rows and differences: a client that is told what `since` says has what the model has, from wherever it begins."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from supervice.web.rows import Model, container_text, position_of, row_of, size, usage


def process(name: str, state: str = "RUNNING", **more: Any) -> dict[str, Any]:
    pid = 7 if state == "RUNNING" else None
    return {"name": name, "state": state, "pid": pid, "uptime": 10.0 if pid else None, "ready": True, **more}


def test_a_row_says_how_it_is() -> None:
    assert row_of(process("web", restarts=2, healthy=True), 1000.0) == [
        "web",
        "up",
        "RUNNING",
        7,
        990,
        2,
        "ok",
        "",
        "",
        "",
    ]
    failed = row_of(process("web", "EXITED", exitcode=3, reason="exit code 3"), 1000.0)
    assert failed == ["web", "bad", "EXITED", 0, 0, 0, "", "exit code 3", "", ""]
    sick = row_of(process("web", healthy=False, health_message="<b>\x1b[31mno"), 1000.0)
    assert (sick[1], sick[6], sick[7]) == ("bad", "failed", "<b>\\x1b[31mno")


def test_resources_are_shown_where_they_are_known() -> None:
    assert usage(None) == ("", "")
    assert usage({"cpu_percent": 3.14, "memory": 5 * 1024 * 1024}) == ("3.1 %", "5.0 MiB")
    assert usage({"cpu_percent": None, "memory": None}) == ("\N{EN DASH}", "\N{EN DASH}")
    assert [size(n) for n in (0, 1023, 1024, 10 * 1024, 3 << 30, 5 << 40)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "10 KiB",
        "3.0 GiB",
        "5120 GiB",
    ]


def test_the_container_says_what_it_uses() -> None:
    assert container_text(None) == container_text({"memory": None}) == ""
    assert container_text({"memory": 3 << 20, "limit": None, "oom_kills": 0}) == "memory 3.0 MiB"
    full = {"memory": 300 << 20, "limit": 512 << 20, "oom_kills": 2}
    assert container_text(full) == "memory 300 MiB of 512 MiB, 2 killed for want of it"


def test_a_client_is_told_what_has_changed() -> None:
    model = Model("e")
    model.update([process("db"), process("web")], 1000.0, whole=True)
    first = model.since("", 0)
    assert first is not None
    assert (first["all"], [row[0] for row in first["rows"]]) == (True, ["db", "web"])
    begin = position_of(first["from"])
    assert model.since(*begin) is None
    model.update([process("db", uptime=12.4), process("web", uptime=11.6)], 1002.0, whole=True)
    assert model.since(*begin) is None  # an uptime that goes on is no news
    model.update([process("web", "STOPPED")], 1003.0, whole=False)
    news = model.since(*begin)
    assert news is not None
    assert (news["all"], [row[:3] for row in news["rows"]]) == (False, [["web", "off", "STOPPED"]])
    assert news["sum"] == "1 running, 1 stopped"
    model.update([process("db"), process("new")], 1004.0, whole=True)
    news = model.since(*begin)
    assert news is not None
    assert (news["all"], [row[0] for row in news["rows"]]) == (True, ["db", "new"])
    assert model.since("another run", model.version) is not None


def test_what_was_used_is_forgotten_and_kept() -> None:
    model = Model("e")
    model.update([process("web", resources={"cpu_percent": 1.0, "memory": 2048})], 1000.0, whole=True)
    model.update([process("web")], 1001.0, whole=True)  # a look without it
    assert model.rows[0][-2:] == ["1.0 %", "2.0 KiB"]
    before = position_of(model.position)
    model.forget_usage()
    assert model.rows[0][-2:] == ["", ""]
    news = model.since(*before)
    assert news is not None
    assert news["rows"] == model.rows
    model.forget_usage()
    assert model.since(*position_of(news["from"])) is None


def test_the_headline_names_what_is_wrong_first() -> None:
    model = Model("e")
    assert model.headline() == ("off", "No programs")
    model.update([process("web")], 0.0, whole=True)
    assert model.headline() == ("up", "1 running")
    model.update([process("db", "STARTING")], 0.0, whole=False)
    assert model.headline() == ("busy", "1 running, 1 on the way")
    model.update([process(f"p{n}", "FATAL") for n in range(3)], 0.0, whole=False)
    assert model.headline() == ("bad", "p0 is FATAL, p1 is FATAL and 1 more; 1 running, 1 on the way")


STATES = st.sampled_from(["RUNNING", "STOPPED", "STARTING", "FATAL", "EXITED"])
STEPS = st.lists(
    st.tuples(st.booleans(), st.dictionaries(st.sampled_from("abcde"), STATES, max_size=5)), max_size=8
)


@given(STEPS, st.lists(st.booleans(), min_size=8, max_size=8))
def test_differences_add_up(steps: list[tuple[bool, dict[str, str]]], told: list[bool]) -> None:
    """Whichever steps a client misses, after being told it has the rows of the model, in their order."""
    model = Model("e")
    seen: dict[str, Any] = {}
    position = ("", 0)
    for (whole, states), tell in zip(steps, told, strict=False):
        known = {row[0] for row in model.rows}
        rows = [process(name, state) for name, state in states.items() if whole or name in known]
        model.update(rows, 1000.0, whole=whole)
        if not tell:
            continue
        news = model.since(*position)
        if news is not None:
            rows_by_name = {row[0]: row for row in news["rows"]}
            seen = rows_by_name if news["all"] else {**seen, **rows_by_name}
            position = position_of(news["from"])
        assert list(seen.values()) == model.rows


def test_a_position_is_read_whatever_a_client_sends() -> None:
    for text in ("", "-", "e-", "e-x", "e-\u0663", "e-" + "9" * 99):
        assert position_of(text) == ("", 0)
    assert position_of("e-12") == ("e", 12)
