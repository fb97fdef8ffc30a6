"""What the bundle is made of fits what it is made for: pins, stand-ins, and the C that repeats decisions of ours."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
import tomllib
from typing import Any

from supervice.cli.ctl_commands import cli
from supervice.control import address
from tests.paths import ROOT

BUNDLE = ROOT / "docker" / "bundle"
STAND_INS = BUNDLE / "stand_ins"


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project.get("optional-dependencies", {}).get("http", ())]
    names = {re.split(r"[^\w-]", line)[0] for line in wanted}
    pinned = (BUNDLE / "sources.py").read_text().partition("LIBRARIES = {")[2]
    assert names <= set(re.findall(r'^    "([\w-]+)": \(', pinned, re.M))


def test_nothing_of_ours_uses_a_module_that_is_only_stood_in_for() -> None:
    """They have what click and the standard library use of them, and no more."""
    names = {".".join(path.relative_to(STAND_INS).with_suffix("").parts) for path in STAND_INS.rglob("*.py")}
    names.remove("readline")  # has all of it that the shell uses
    wrong = []
    for path in (ROOT / "supervice").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                used = {alias.name for alias in node.names}
            else:
                used = {str(node.module)} if isinstance(node, ast.ImportFrom) else set()
            wrong += [f"{path.relative_to(ROOT)}: {name}" for name in used & names]
    assert wrong == []


def test_the_launcher_knows_the_places_of_a_configuration() -> None:
    listed = (
        (BUNDLE / "launcher/places.c").read_text().partition("CONFIGURATIONS[] = {")[2].partition("NULL")[0]
    )
    assert tuple(re.findall(r'"(.*?)"', listed)) == address.CONFIG_PATHS


def test_what_the_launcher_takes_for_printable_is() -> None:
    """Or a terminal would get from it what it does not get from Python."""
    function = (
        (BUNDLE / "launcher/reply.c").read_text().partition("static bool printable")[2].partition("}")[0]
    )
    ranges = re.findall(r"point >= (0x[0-9a-f]+) && point <= (0x[0-9a-f]+)( && point != 0xad)?", function)
    assert len(ranges) > 10
    wrong = [
        hex(point)
        for first, last, but in ranges
        for point in range(int(first, 16), int(last, 16) + 1)
        if not chr(point).isprintable() and not (but and point == 0xAD)
    ]
    assert wrong == []


def facts() -> dict[str, Any]:
    command = [sys.executable, str(BUNDLE / "parts.py")]
    said: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return said


def test_every_patch_is_told_to_scanners() -> None:
    patches = re.findall(r'"(CVE-[\d-]+)\.patch"', (BUNDLE / "sources.py").read_text())
    assert patches
    assert {one["name"] for one in facts()["advisories"] if one["state"] == "resolved"} == set(patches)


def test_every_library_is_a_part_with_its_version() -> None:
    pinned = (BUNDLE / "sources.py").read_text().partition("LIBRARIES = {")[2]
    libraries = dict(re.findall(r'^    "([\w-]+)": \("([\d.]+)"', pinned, re.M))
    versions = {part["name"]: part["version"] for part in facts()["parts"]}
    assert libraries.items() <= versions.items()


def test_an_advisory_is_about_a_part_and_says_why() -> None:
    said = facts()
    names = [one["name"] for one in said["advisories"]]
    assert len(set(names)) == len(names)
    for one in said["advisories"]:
        assert one["part"] in {part["name"] for part in said["parts"]}
        assert one["detail"]
        assert bool(one["justification"]) == (one["state"] == "not_affected")


def test_no_character_of_ours_is_named() -> None:
    """The names are in unicodedata, a megabyte; the bundle's interpreter cannot compile them."""
    named = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "supervice").rglob("*.py")
        if "\\N{" in path.read_text()
    ]
    assert named == []


def test_no_module_is_used_that_the_interpreter_lacks() -> None:
    """`readline`, `ctypes` and `hashlib` have a way without them; asyncio needs no `_asyncio`."""
    disabled = re.search(
        r'^DISABLED = """(.*?)"""', (ROOT / "docker/bundle/interpreter.py").read_text(), re.S | re.M
    )
    assert disabled is not None
    lacking = {name.removeprefix("_") for name in disabled[1].split()} - {
        "asyncio",
        "readline",
        "ctypes",
        "hashlib",
    }
    used = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "supervice").rglob("*.py")
        for name in re.findall(r"^ *(?:import|from) (\w+)", path.read_text(), re.M)
        if name.removeprefix("_") in lacking
    ]
    assert "unicodedata" in lacking
    assert used == []


def test_modules_with_help_texts_keep_them() -> None:
    """click makes pages of docstrings, which the other modules of the bundle lose."""
    kept = re.search(r"^WITH_DOCSTRINGS = \((.*)\)$", (ROOT / "docker/bundle/freeze.py").read_text(), re.M)
    assert kept is not None
    prefixes = tuple(re.findall(r'"([\w.]+)"', kept[1]))
    for name, command in cli.commands.items():
        assert command.callback is not None
        module = inspect.unwrap(command.callback).__module__
        assert module.startswith(prefixes), f"{name} is in {module}"
