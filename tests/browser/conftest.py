"""A real browser (Debian's chromium), one for the session, and daemons whose page it looks at.

docker/with-browser.sh installs both; SUPERVICE_TEST_REQUIRE_BROWSER=1 says that they have to be there.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.harness import Page, Proxy, Show, start_browser
from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

REQUIRED = os.environ.get("SUPERVICE_TEST_REQUIRE_BROWSER") == "1"


def found(*names: str) -> str:
    """The path of the first of these programs that is there."""
    for name in names:
        path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
        if path is not None:
            return path
    words = f"there is no {names[0]}; docker/with-browser.sh installs it"
    (pytest.fail if REQUIRED else pytest.skip)(words)


@pytest.fixture(scope="session")
def browser() -> Iterator[Page]:
    page = Page(start_browser(found("chromium", "google-chrome"), found("chromedriver")))
    yield page
    page.driver.quit()


@pytest.fixture
def page(browser: Page, show: object, proxy: object) -> Iterator[Page]:
    """The browser, with one empty window; whatever a page complains about fails the test.

    It leaves the page before the others end what the page shows.
    """
    browser.begin()
    yield browser
    complaints = browser.complaints()
    browser.end()
    assert complaints == []


@pytest.fixture
def show(tmp_path: Path) -> Iterator[Callable[..., Show]]:
    """Makes a daemon with a page; it is stopped, and what is left of it is a failure."""
    made: list[Show] = []

    def make(programs: str, name: str = "0") -> Show:
        one = Show(tmp_path / name, programs)
        made.append(one)
        eventually(lambda: one.daemon.ask("status"), 20)
        return one

    yield make
    for one in made:
        stop(one.daemon)


def stop(daemon: Daemon) -> None:
    if daemon.process.poll() is None:
        daemon.signal(signal.SIGTERM)
        try:
            daemon.wait(15)
        except subprocess.TimeoutExpired:
            daemon.process.kill()
            daemon.wait()
            raise AssertionError(f"the daemon did not stop: {daemon.text()}") from None


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Callable[[int], Proxy]]:
    """Puts nginx before a port, with the page below /a/b/."""
    made: list[Proxy] = []

    def make(port: int) -> Proxy:
        made.append(Proxy(found("nginx"), tmp_path / "nginx", port))
        return made[-1]

    yield make
    for one in made:
        one.stop()
