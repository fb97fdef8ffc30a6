"""Whose time a schedule goes by: `schedule_timezone`, else TZ, else /etc/localtime, else UTC."""

from __future__ import annotations

import os
import re
import sys
import zoneinfo
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import TZPATH
from zoneinfo._zoneinfo import ZoneInfo as InPython  # type: ignore[import-not-found]

import pytest

from supervice.schedules import zones
from supervice.schedules.zones import find
from tests.fakes.opening import recorded_flags

SUMMER = int(datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp())
WINTER = int(datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp())


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zones, "_zones", {})


@pytest.fixture
def _without_importlib_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the bundle."""
    monkeypatch.setitem(sys.modules, "importlib.resources", None)
    monkeypatch.delattr("importlib.resources", raising=False)
    zoneinfo.ZoneInfo.clear_cache()


def database_file(name: str) -> bytes:
    return next(path.read_bytes() for folder in TZPATH if (path := Path(folder, name)).exists())


def test_the_option_comes_first_then_tz_then_localtime_then_utc(tmp_path: Path) -> None:
    localtime = tmp_path / "localtime"
    localtime.write_bytes(database_file("Asia/Tokyo"))
    environ = {"TZ": "America/New_York"}
    assert find("Europe/Berlin", environ, str(localtime)).offset(SUMMER) == 7200
    assert find(None, environ, str(localtime)).offset(SUMMER) == -4 * 3600
    assert find(None, {}, str(localtime)).offset(SUMMER) == 9 * 3600
    assert find(None, {}, str(tmp_path / "none")).name == "UTC"


@pytest.mark.parametrize(
    "name",
    ["Europe/Berln", "CEST", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "FOO5BAR", "\0"],
)
def test_a_zone_that_is_not_found_is_an_error_and_never_utc(name: str) -> None:
    with pytest.raises(ValueError, match=r"write a (name|zone) like Europe/Berlin"):
        find(name, {})
    with pytest.raises(ValueError, match=r"^TZ="):
        find(None, {"TZ": name})


def test_the_nearest_name_is_told() -> None:
    with pytest.raises(ValueError, match="did you mean Europe/Berlin"):
        find("Europe/Berln", {})
    with pytest.raises(ValueError, match=r"^no such time zone; write a name like Europe/Berlin, or UTC$"):
        find("Europe/Frankfurt", {})


@pytest.mark.parametrize("name", ["Europe/Berln5", "Etc/GMT77", "CEST", "CET-1\nCEST", f"<{'A' * 98}>5"])
@pytest.mark.parametrize("parser", [zoneinfo.ZoneInfo, InPython])
def test_the_name_of_a_zone_is_no_rule(monkeypatch: pytest.MonkeyPatch, name: str, parser: object) -> None:
    """Python's own parser, where there is none in C, takes names for rules of UTC."""
    monkeypatch.setattr(zoneinfo, "ZoneInfo", parser)
    with pytest.raises(ValueError, match=r"^no such time zone"):
        find(name, {})


@pytest.mark.usefixtures("_without_importlib_resources")
def test_the_bundle_looks_no_further_than_its_database() -> None:
    """It has no importlib.resources, which zoneinfo takes for the package tzdata."""
    with pytest.raises(ValueError, match=r"no such time zone \(did you mean Europe/Berlin\?\); write a name"):
        find("Europe/Berln", {})
    assert find("Europe/Berlin", {}).offset(SUMMER) == 7200


@pytest.mark.usefixtures("_without_importlib_resources")
def test_not_every_file_of_the_database_is_a_zone(tmp_path: Path) -> None:
    for name in ("Europe/Berlin", "UTC", "posix/UTC", "leapseconds", "zone.tab", "Zone.tab"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    zoneinfo.reset_tzpath([tmp_path])
    try:
        assert zones._known() == {"Europe/Berlin", "UTC"}
    finally:
        zoneinfo.reset_tzpath()


def test_an_image_without_time_zones_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ["tzdata", *(name for name in sys.modules if name.startswith("tzdata."))]:
        monkeypatch.setitem(sys.modules, name, None)
    zoneinfo.reset_tzpath([])
    zoneinfo.ZoneInfo.clear_cache()
    try:
        with pytest.raises(ValueError, match="there are no time zones here; install tzdata"):
            find("Europe/Madrid", {})
        assert find("UTC", {}).name == "UTC"
    finally:
        zoneinfo.reset_tzpath()


@pytest.mark.parametrize("name", ["UTC", "Etc/UTC", "", "GMT", ":UTC", "UTC0"])
def test_names_of_utc_need_no_database(name: str) -> None:
    zone = find(name, {})
    assert (zone.name, zone.offset(SUMMER)) == ("UTC", 0)


@pytest.mark.parametrize(
    ("rule", "summer", "winter"),
    [
        ("CET-1CEST,M3.5.0,M10.5.0/3", 7200, 3600),
        ("EST5", -5 * 3600, -5 * 3600),
        ("<+0330>-3:30", 12600, 12600),
        ("EST5EDT,M3.2.0,M11.1.0", -4 * 3600, -5 * 3600),
        (f"<{'A' * 97}>5", -5 * 3600, -5 * 3600),
    ],
)
def test_tz_may_be_a_rule_as_it_is_in_images_without_a_database(rule: str, summer: int, winter: int) -> None:
    zone = find(None, {"TZ": rule})
    assert (zone.name, zone.offset(SUMMER), zone.offset(WINTER)) == (rule, summer, winter)


def test_the_name_of_localtime_is_shown_where_a_link_says_it(tmp_path: Path) -> None:
    target = tmp_path / "zoneinfo" / "Asia" / "Tokyo"
    target.parent.mkdir(parents=True)
    target.write_bytes(database_file("Asia/Tokyo"))
    (tmp_path / "localtime").symlink_to(target)
    assert find(None, {}, str(tmp_path / "localtime")).name == "Asia/Tokyo"
    (tmp_path / "file").write_bytes(database_file("Europe/Berlin"))
    copy = tmp_path / "copy"
    copy.symlink_to("file")
    zone = find(None, {}, str(copy))
    assert (zone.name, zone.offset(SUMMER)) == (str(copy), 7200)
    assert find(f":{copy}", {}) is zone


def test_a_localtime_that_is_no_file_of_zones_is_an_error(tmp_path: Path) -> None:
    localtime = tmp_path / "localtime"
    localtime.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=f"^{re.escape(str(localtime))} is not a time zone file"):
        find(None, {}, str(localtime))
    with pytest.raises(ValueError, match=f"^{re.escape(str(localtime))} is not a time zone file"):
        find(str(localtime), {})
    localtime.write_bytes(database_file("Asia/Tokyo")[:60])
    with pytest.raises(ValueError, match="not a time zone file"):
        find(None, {}, str(localtime))


def test_opening_a_file_waits_for_nothing_and_no_child_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = recorded_flags(monkeypatch)
    (tmp_path / "zone").write_bytes(database_file("Asia/Tokyo"))
    assert find(str(tmp_path / "zone"), {}).name == str(tmp_path / "zone")
    for flag in (os.O_CLOEXEC, os.O_NONBLOCK, os.O_NOCTTY):
        assert [flags & flag for flags in seen] == [flag]


def test_a_pipe_in_place_of_the_file_holds_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "zone")
    with pytest.raises(ValueError, match="not a regular file"):
        find(str(tmp_path / "zone"), {})
    with pytest.raises(ValueError, match="not a regular file"):
        find(None, {}, str(tmp_path / "zone"))


def test_a_link_into_a_database_that_is_not_there_still_names_a_zone(tmp_path: Path) -> None:
    localtime = tmp_path / "localtime"
    localtime.symlink_to(tmp_path / "zoneinfo/Asia/Tokyo")
    assert find(None, {}, str(localtime)).offset(SUMMER) == 9 * 3600
    localtime.unlink()
    localtime.symlink_to(tmp_path / "zoneinfo/Asia/Nowhere")
    with pytest.raises(ValueError, match=r"is Asia/Nowhere: no such time zone"):
        find(None, {}, str(localtime))


def test_schedules_of_one_zone_share_what_was_found() -> None:
    assert find("Europe/Berlin", {}) is find(None, {"TZ": ":Europe/Berlin"})
    assert find("Europe/Berlin", {}).name == "Europe/Berlin"


def test_times_are_shown_with_their_zone() -> None:
    zone = find("Europe/Berlin", {})
    assert zone.shown(SUMMER) == "2026-07-01 14:00 CEST"
    assert zone.shown(WINTER + 7.9) == "2026-12-01 13:00:07 CET"
    assert find("UTC", {}).shown(WINTER) == "2026-12-01 12:00 UTC"
    assert zone.local(WINTER + 0.5) == WINTER + 3600.5
