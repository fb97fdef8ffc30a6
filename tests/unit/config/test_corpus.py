"""Stock supervisord files beside what supervisord's own parser makes of them; see tests/corpus/compare.py.

Ours are in tests/corpus/stock. SUPERVICE_CORPUS may name another directory, of files from public images, which
are other people's and not in this repository.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from supervice.config import load
from tests.corpus.compare import STOCK, cases, differences, main, read

CORPUS = os.environ.get("SUPERVICE_CORPUS", "")
CASES = cases(STOCK, *([Path(CORPUS)] if CORPUS else []))


@pytest.mark.parametrize("case", CASES, ids=[case.name.split(".")[0] for case in CASES])
def test_it_means_the_same(case: Path, tmp_path: Path) -> None:
    assert differences(case.parent, json.loads(case.read_text()), tmp_path) == []


def test_there_are_enough() -> None:
    assert len(cases(STOCK)) >= 12
    assert not CORPUS or len(CASES) >= 60


def test_a_difference_is_found(tmp_path: Path) -> None:
    """The script is only worth something if it sees one."""
    case = STOCK / "cron-app.expected.json"
    expected = json.loads(case.read_text())
    process = expected["groups"][0]["processes"][0]
    process["command"] += "x"
    process["startsecs"] += 1
    process["environment"]["HOME"] = "/"
    expected["groups"][1]["name"] = "other"
    expected["supervisord"]["logfile_backups"] = 3
    found = differences(case.parent, expected, tmp_path)
    assert len(found) == 6
    assert [line.split()[1].rstrip(":") for line in found[:3]] != []


def test_what_supervisord_refuses_is_refused_or_explained(tmp_path: Path) -> None:
    case = STOCK / "refused-group.expected.json"
    expected = json.loads(case.read_text())
    loaded, _ = read(case.parent, expected, tmp_path)
    assert loaded.errors
    expected["file"] = "sshd.conf"
    shutil.rmtree(tmp_path / "here")
    assert differences(case.parent, expected, tmp_path) == [f"accepted; supervisord: {expected['error']}"]


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([str(STOCK)]) == 0
    assert f"{len(cases(STOCK))} files, 0 with differences" in capsys.readouterr().out
    assert main([str(tmp_path)]) == 1  # nothing compared is no success


@pytest.mark.parametrize("path", sorted(STOCK.glob("*.conf")), ids=lambda path: path.stem)
def test_none_of_them_is_refused_for_what_a_machine_lacks(path: Path) -> None:
    """Unknown users, missing directories and sections of others are warnings."""
    environ = dict.fromkeys(("PORT", "WEB_CONCURRENCY", "RESOLUTION", "ZK_HEAP"), "1") | {"FLOWER": "true"}
    assert bool(load(str(path), environ=environ).errors) == path.name.startswith("refused")
