"""The examples hold together: their configurations are right, their pages name what is there."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path

import pytest

from supervice.config import load
from tests.paths import EXAMPLES, ROOT

FOLDERS = sorted(
    path for path in EXAMPLES.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))
)
CONFIGURATIONS = sorted(EXAMPLES.glob("**/*.conf"))
OURS = [path for path in CONFIGURATIONS if re.search(r"^\[program:", path.read_text(), re.M)]


def test_the_examples_that_were_promised() -> None:
    assert {"minimal", "web-stack", "healthchecks", "sidecar"} <= {path.name for path in FOLDERS}
    assert (EXAMPLES / "embedding.py").is_file()
    assert len(OURS) >= 5


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_a_configuration_has_no_problems(path: Path, tmp_path: Path) -> None:
    """As the image reads it: included by a file that has the [supervice] section."""
    text = path.read_text()
    main = tmp_path / "supervice.conf"
    if "[supervisord]" in text:  # a stock file, which may say what has no effect here
        loaded = load(str(path), environ={"PATH": os.defpath, "WEB_CONCURRENCY": "2"})
        assert loaded.errors == []
        assert len(loaded.config.programs) == 4
        return
    if path.parent.name == "conf.d":
        main.write_text(f"[supervisord]\n[include]\nfiles = {path}\n")
        assert load(str(main), environ={}).errors == []
        return
    if "[supervice]" in text:
        main.write_text(text)
        if "[include]" in text:
            (tmp_path / "conf.d").mkdir()
            (tmp_path / "conf.d" / "sidecar.conf").write_text((path.parent / "sidecar.conf").read_text())
    else:
        main.write_text(f"[supervice]\n[include]\nfiles = {path}\n")
    loaded = load(str(main), environ={"PATH": os.defpath})
    # Users are those of the image, not of this machine.
    problems = [str(problem) for problem in loaded.problems if problem.option != "user"]
    assert problems == []
    assert loaded.config.programs


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_folder_is_an_image_with_a_page(folder: Path) -> None:
    page = (folder / "README.md").read_text()
    assert page.startswith(f"# {folder.name}\n")
    assert "docker build -t" in page
    docker = (folder / "Dockerfile").read_text()
    assert "\nARG BASE=supervice:dev\nFROM ${BASE}\n" in docker
    for name in re.findall(r"^\| `([^`]+)` \|", page, re.M):
        assert (folder / name).is_file(), name
    copied = " ".join(re.findall(r"^COPY (.*) \S+$", docker, re.M)).split()
    for name in copied:
        assert (folder / name).exists(), name
    assert f"({folder.name}/)" in (EXAMPLES / "README.md").read_text()


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("**/*.py")), ids=lambda path: str(path.relative_to(EXAMPLES))
)
def test_a_python_file_runs_on_the_oldest_python(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 11))
    assert ast.get_docstring(tree)


def test_each_metric_of_the_dashboard_exists_and_has_its_labels() -> None:
    """By the page of metrics, which is generated, and by what `label_values` asks for."""
    dashboard = json.loads((EXAMPLES / "observability/grafana.json").read_text())
    known = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/metrics.md").read_text(), re.M))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [one["query"]["query"] for one in dashboard["templating"]["list"] if one["type"] == "query"]
    used = {name for expr in asked for name in re.findall(r"\bsupervice_\w+", expr)}
    assert len(used) > 10
    assert used - known == set()
    labels = {name for expr in asked for name in re.findall(r"(\w+)=~", expr)}
    labels |= {
        name for expr in asked for names in re.findall(r"on \(([^)]*)\)", expr) for name in names.split(", ")
    }
    labels |= {name for expr in asked for name in re.findall(r", (\w+)\)$", expr) if "label_values" in expr}
    assert labels == {
        "instance",
        "name",
    }  # the first is Prometheus' own; see `_labels` in supervice/api/metrics.py
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)
