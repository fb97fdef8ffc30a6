"""The browser as a reader uses it, a daemon whose page it looks at, and nginx between them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.eventually import eventually
from tests.ports import free_port
from tests.process.harness.daemon import Daemon

ARGUMENTS = (
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--disable-extensions",
)
USER, PASSWORD = "ops", "geheim"


def start_browser(chromium: str, driver: str) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


class Show:
    """A daemon with a page, a user and a password."""

    def __init__(self, directory: Path, programs: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self.programs = programs
        self.daemon = self.start()

    def start(self) -> Daemon:
        """Starts it, once more if it was there before."""
        head = f"[supervice]\nsocket = {self.directory}/s.sock\nhttp = 127.0.0.1:{self.port}\n"
        self.daemon = Daemon(
            self.directory, f"{head}http_user = {USER}\nhttp_password = {PASSWORD}\n{self.programs}"
        )
        return self.daemon

    @property
    def url(self) -> str:
        return address(self.port)


def address(port: int, path: str = "/") -> str:
    return f"http://{USER}:{PASSWORD}@127.0.0.1:{port}{path}"


class Page:
    """What a reader sees and does."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.forgiven: tuple[str, ...] = ()

    def begin(self) -> None:
        self.forgiven = ()
        self._log()

    def end(self) -> None:
        first, *others = self.driver.window_handles
        for handle in others:
            self.driver.switch_to.window(handle)
            self.driver.close()
        self.driver.switch_to.window(first)
        self.scripts(True)
        self.look(1280, 800)
        self.driver.get("about:blank")

    def complaints(self) -> list[str]:
        """What the browser had to say of the page: a broken policy, an error of the script."""
        return [line for line in self._log() if not any(word in line for word in self.forgiven)]

    def _log(self) -> list[str]:
        entries: list[dict[str, Any]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [str(entry["message"]) for entry in entries]

    def open(self, url: str) -> None:
        self.driver.get(url)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        return str(
            self.run(
                "const e = document.querySelector(arguments[0]); return e ? e.textContent : ''", selector
            )
        )

    def states(self) -> dict[str, str]:
        """Name to state, as the table has it."""
        script = "return [...document.querySelectorAll('tbody tr')].map((r) => [r.cells[0].textContent, r.cells[1].textContent])"
        return dict(self.run(script))

    def sees(self, what: Callable[[], object], message: str = "") -> None:
        eventually(what, 20, message=message or self.text("body"))

    def is_live(self) -> bool:
        return bool(self.run("return document.body.classList.contains('live')"))

    def button(self, verb: str, name: str) -> WebElement:
        return self.one(f'button[aria-label="{verb} {name}"]')

    def window(self) -> None:
        """Opens another window and goes there."""
        self.driver.switch_to.new_window("window")

    def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """The size of the screen, below 700 that of a telephone, and whether the reader wants it dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def scripts(self, wanted: bool) -> None:
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not wanted})


class Proxy:
    """nginx as people write it, with the page below /a/b/ and no word about it on our side."""

    def __init__(self, nginx: str, directory: Path, port: int) -> None:
        directory.mkdir()
        self.port = free_port()
        config = directory / "nginx.conf"
        config.write_text(
            f"daemon off; pid {directory}/pid; error_log {directory}/error; worker_processes 1;\n"
            "events { }\n"
            f"http {{ access_log off; client_body_temp_path {directory}/a; proxy_temp_path {directory}/b;\n"
            f"fastcgi_temp_path {directory}/c; uwsgi_temp_path {directory}/d; scgi_temp_path {directory}/e;\n"
            f"gzip on; gzip_types *; server {{ listen 127.0.0.1:{self.port}; server_name ops.example;\n"
            f"location /a/b/ {{ proxy_pass http://127.0.0.1:{port}/; proxy_http_version 1.1; }} }} }}\n"
        )
        self._process = subprocess.Popen([nginx, "-p", directory, "-c", config, "-e", f"{directory}/error"])

    @property
    def url(self) -> str:
        return address(self.port, "/a/b/")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
