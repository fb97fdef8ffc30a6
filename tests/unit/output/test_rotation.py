"""When a log is rotated by time, and what a rotated file with a date is called."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervice.config.check_values import rotation as parse
from supervice.output.rotation import Dated, Rotation, dated, next_name, read_name, surplus
from supervice.schedules.timeline import Zone

BERLIN = Zone("Europe/Berlin", ZoneInfo("Europe/Berlin"))
UTC_ZONE = Zone("UTC", None)


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def times(way: str, begin: str, count: int, zone: Zone = UTC_ZONE) -> list[str]:
    rotation = Rotation(parse(way), zone)
    now, found = at(begin, zone.name), []
    for _ in range(count):
        now = rotation.next_after(now)
        found.append(zone.shown(now)[5:16])
    return found


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("daily", "daily"), ("DAILY", "daily"), ("24h", "daily"), ("00:00", "daily"), ("0:00", "daily"), ("hourly", "hourly"),
        ("1h", "hourly"), ("6h", "6h"), (" 12h ", "12h"), ("03:30", "03:30"), ("3:30", "03:30"), ("23:59", "23:59"),
    ],
)  # fmt: skip
def test_the_ways_to_rotate(text: str, way: str) -> None:
    assert parse(text) == parse(parse(text)) == way


@pytest.mark.parametrize(
    "text",
    [
        "",
        "weekly",
        "5h",
        "0h",
        "48h",
        "30m",
        "3:3",
        "24:00",
        "12:60",
        "03:30:00",
        "h",
        ":30",
        "²h",
        "-6h",
        "6 h",
    ],
)
def test_what_is_no_way_says_what_to_write(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"write daily, hourly, hours that divide a day \(6h\) or a time \(03:30\)"
    ):
        parse(text)


def test_each_way_has_its_times() -> None:
    assert times("daily", "2026-11-29T12:00", 2) == ["11-30 00:00", "12-01 00:00"]
    assert times("hourly", "2026-11-29T12:00", 2) == ["11-29 13:00", "11-29 14:00"]
    assert times("6h", "2026-11-29T13:00", 3) == ["11-29 18:00", "11-30 00:00", "11-30 06:00"]
    assert times("03:30", "2026-11-29T03:30", 2) == ["11-30 03:30", "12-01 03:30"]


def test_daylight_saving_rotates_once() -> None:
    assert times("02:30", "2026-03-28T12:00", 2, BERLIN) == ["03-29 03:00", "03-30 02:30"]
    assert times("02:30", "2026-10-24T12:00", 2, BERLIN) == ["10-25 02:30", "10-26 02:30"]
    assert times("hourly", "2026-10-25T01:30", 3, BERLIN) == ["10-25 02:00", "10-25 02:00", "10-25 03:00"]


def test_a_file_of_before_the_last_time_is_overdue() -> None:
    rotation = Rotation("daily", UTC_ZONE)
    assert rotation.is_overdue(at("2026-11-28T23:59"), at("2026-11-29T08:00"))
    assert not rotation.is_overdue(at("2026-11-29T00:01"), at("2026-11-29T08:00"))
    assert not rotation.is_overdue(at("2027-01-01T00:00"), at("2026-11-29T08:00"))


def test_the_date_is_that_of_the_last_line() -> None:
    rotation = Rotation("daily", BERLIN)
    assert rotation.day(at("2026-11-30T00:00", "Europe/Berlin")) == "2026-11-29"
    assert rotation.day(at("2026-11-30T00:00:01", "Europe/Berlin")) == "2026-11-30"
    assert Rotation("03:30", BERLIN).day(at("2026-11-30T03:30", "Europe/Berlin")) == "2026-11-30"


def test_a_file_with_a_date_is_called_by_it_and_the_second_of_a_day_has_a_number() -> None:
    names = ["web.log", "web.log.1", "web.log.2026-11-28.gz"]
    for expected in ("web.log.2026-11-29", "web.log.2026-11-29.1", "web.log.2026-11-29.2"):
        assert next_name("web.log", "2026-11-29", names) == expected
        names.append(expected)
    assert next_name("web.log", "2026-11-30", names) == "web.log.2026-11-30"


def test_a_clock_that_was_set_back_keeps_the_order() -> None:
    assert next_name("web.log", "2026-11-20", ["web.log.2026-11-29"]) == "web.log.2026-11-29.1"


@pytest.mark.parametrize(
    "name",
    [
        "web.log", "web.log.1", "web.log.2026-11-29.", "web.log.2026-11-29.0", "web.log.2026-11-29.01", "web.log.2026-1-29",
        "web.log.2026-11-29.txt", "web.logx.2026-11-29", "web.log.2026-11-29.1.gz.gz", "web.log.20261-11-2", "web.log.2026-13-01", "web.log.20261129", "web.log.2026-W48-7", "web.log.\u0662026-11-29",
        "web.log.2026-11-29.\u00b2", "web.log.2026-11-29.\u0663", "web.log.2026-11-29.1234567890",
    ],
)  # fmt: skip
def test_files_of_others_are_left_alone(name: str) -> None:
    assert read_name("web.log", name) is None
    assert surplus("web.log", [name], 0) == []


def test_the_oldest_go_first_and_a_file_in_both_forms_counts_once() -> None:
    names = [
        "a.2026-11-02",
        "a.2026-11-01.gz",
        "a.2026-11-01",
        "a.2026-11-02.10",
        "a.2026-11-02.9",
        "a",
        "a.1",
    ]
    assert surplus("a", names, 3) == ["a.2026-11-01.gz", "a.2026-11-01"]
    assert surplus("a", names, 1) == ["a.2026-11-01.gz", "a.2026-11-01", "a.2026-11-02", "a.2026-11-02.9"]
    assert len(surplus("a", names, 0)) == 5


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.sampled_from(["2026-11-28", "2026-11-29", "2026-12-01"]), st.booleans()), max_size=30
    ),
    st.integers(1, 5),
)
def test_a_thousand_rotations_never_take_a_name_twice_and_keep_the_newest(
    days: list[tuple[str, bool]], backups: int
) -> None:
    names: set[str] = set()
    history = []
    for date, compress in days:
        name = next_name("log", date, names)
        assert name not in names
        assert name + ".gz" not in names
        history.append(name)
        names.add(name)
        if compress:
            names.remove(name)
            names.add(name + ".gz")
        names.difference_update(surplus("log", names, backups))
        assert {one.removesuffix(".gz") for one in names} == set(history[-backups:])
        order = [one.name("log").removesuffix(".gz") for one in dated("log", names)]
        assert order == history[-backups:]


@given(st.dates(), st.integers(0, 10**8), st.booleans())
def test_names_are_read_back(date: object, number: int, compressed: bool) -> None:
    one = Dated(str(date), number, compressed)
    assert read_name("web.log", one.name("web.log")) == one


def test_rotation_by_time_loads_no_cron_parser() -> None:
    code = "import sys, supervice.output.rotation; print('cronsim' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"


def test_a_year_of_hours_has_no_hole() -> None:
    rotation = Rotation("hourly", BERLIN)
    now = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    for _ in range(24 * 400):
        assert rotation.next_after(now) == now + 3600
        now += 3600
