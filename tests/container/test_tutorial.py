"""docs/tutorial.md: its files are taken from the page, built, run and broken as it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.container.helpers import Box, eventually
from tests.container.images import BASES, KIND, last_word
from tests.paths import ROOT

PAGE = (ROOT / "docs/tutorial.md").read_text()
FETCH = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/', timeout=5).read().decode(), end='')"

pytestmark = [
    pytest.mark.skipif(KIND != "bundle", reason="the page copies the bundle"),
    pytest.mark.may_skip("the page copies the bundle"),
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture(scope="module")
def build(image: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], str]:
    """`build(n)`: the image of the n-th Dockerfile of the page."""
    folder = tmp_path_factory.mktemp("shop")
    stock, ours = blocks("ini")
    (folder / "app.py").write_text(blocks("python")[0])
    (folder / "supervisord.conf").write_text(stock)
    (folder / "supervice.conf").write_text(ours)

    def make(number: int) -> str:
        text = blocks("Dockerfile")[number]
        text = text.replace("--from=supervice:dev", f"--from={image}").replace("python:3.13-slim", BASES[0])
        path = Path(folder, f"Dockerfile.{number}")
        path.write_text(text)
        return last_word(["docker", "build", "--quiet", "--file", str(path), str(folder)])

    return make


def visit(box: Box) -> int:
    found = re.search(r"visit (\d+)", box.exec("python3", "-c", FETCH).output)
    return int(found[1]) if found else 0


def test_the_file_of_supervisord_runs_as_it_is(run: Callable[..., Box], build: Callable[[int], str]) -> None:
    box = run(image=build(1), wait=["redis", "web"], timeout=40)
    assert eventually(lambda: visit(box), 20) >= 1
    assert "Ready to accept connections" in box.logs()
    box.stop(timeout=40)


def test_order_health_and_exit_code(run: Callable[..., Box], build: Callable[[int], str]) -> None:
    box = run(image=build(2), wait=["redis", "web"], timeout=40)
    first = eventually(lambda: visit(box), 20)
    assert box.logs().index("redis: running") < box.logs().index("web: running")
    web, redis = box.pid("web"), box.pid("redis")
    box.ctl("signal", "KILL", "redis")
    eventually(lambda: box.state("redis") == "RUNNING" and box.pid("redis") != redis, 20)
    assert box.pid("web") == web
    assert "SIGKILL" in box.ctl("why", "redis").output
    assert "web" in box.ctl("boot").output
    assert first >= 1
    assert box.stop(timeout=40) == 143  # that of `web`, which our TERM ended
