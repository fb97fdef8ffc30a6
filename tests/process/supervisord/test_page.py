"""The page of a stock supervisord file: at `/` of its servers, with the old links, which do nothing by themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.ports import free_port
from tests.process.harness.daemon import Daemon
from tests.process.harness.page import Browser

WEB = "[program:web]\ncommand = sleep 1000\nstartsecs = 0\n"


def test_old_links_ask_first(stock: Callable[..., Daemon]) -> None:
    port = free_port()
    one = stock(f"[inet_http_server]\nport = 127.0.0.1:{port}\nusername = ops\npassword = geheim\n{WEB}")
    pid = one.wait_state("web", "RUNNING")["pid"]
    browser = Browser(port, "ops", "geheim", host="supervisor.example")
    assert "web" in browser.get()
    assert browser.get("/index.html") != ""
    assert Browser(port).ask("/")[0] == 401
    for action in ("stop", "restart"):
        page = browser.get(f"/?action={action}&processname=web")
        assert f"{action.capitalize()} web?" in page
        assert f'value="{action}:web"' in page
    assert "Restart all programs?" in browser.get("/?action=restartall")
    assert one.row("web")["pid"] == pid
    assert (
        browser.act("restart:web", browser.token(browser.get("/?action=restart&processname=web")))[0] == 303
    )
    eventually(lambda: one.row("web")["pid"] not in (pid, None))
    assert "&lt;script&gt;" in browser.get("/?action=stop&processname=%3Cscript%3E")
    assert "<pre" in browser.get("/tail.html?processname=web")


def test_without_a_password_they_say_what_is_missing(stock: Callable[..., Daemon]) -> None:
    port = free_port()
    one = stock(f"[inet_http_server]\nport = 127.0.0.1:{port}\n{WEB}")
    one.wait_state("web", "RUNNING")
    browser = Browser(port)
    page = browser.get("/?action=stop&processname=web")
    assert "<button" not in page
    assert "password" in page
    assert Browser(port, host="evil.example").ask("/")[0] == 421
    assert one.row("web")["state"] == "RUNNING"


def test_names_that_may_be_used_come_from_the_environment(stock: Callable[..., Daemon]) -> None:
    port = free_port()
    one = stock(
        f"[inet_http_server]\nport = 127.0.0.1:{port}\n{WEB}", env={"SUPERVICE_HTTP_HOSTS": "app.internal"}
    )
    one.wait_state("web", "RUNNING")
    assert Browser(port, host="app.internal").ask("/")[0] == 200
    assert Browser(port, host="evil.example").ask("/")[0] == 421


def test_who_reaches_the_unix_socket_may_act(stock: Callable[..., Daemon], tmp_path: Path) -> None:
    path = tmp_path / "unix.sock"
    one = stock(f"[unix_http_server]\nfile = {path}\n{WEB}")
    one.wait_state("web", "RUNNING")
    assert Browser(path).act("stop:web")[0] == 303
    one.wait_state("web", "STOPPED")


@pytest.mark.parametrize("path", ["/RPC2", "/logtail/web", "/mainlogtail"])
def test_supervisords_own_paths_stay(stock: Callable[..., Daemon], path: str) -> None:
    port = free_port()
    one = stock(f"[inet_http_server]\nport = 127.0.0.1:{port}\n{WEB}")
    one.wait_state("web", "RUNNING")
    with Browser(port, host="any.example").connect() as client:
        status = Browser(port, host="any.example").send(client, "GET", path).response(head_only=True)[0]
    assert status == (405 if path == "/RPC2" else 200)
