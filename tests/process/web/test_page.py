"""The page of a real daemon: who may see it, who may act, what a stream says, and what bad clients get."""

from __future__ import annotations

import hashlib
import os
import resource
import select
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.ports import free_port
from tests.process.harness.daemon import Daemon
from tests.process.harness.http import RawClient
from tests.process.harness.page import Browser, Events

Make = Callable[..., Daemon]
WEB = "[program:web]\ncommand = sleep 1000\nstartsecs = 0\n"
SAYS = '[program:says]\ncommand = sh -c \'printf "<b>out</b>\\n"; printf "\\033[31mred\\033[0m\\n" >&2; exec sleep 1000\'\nstartsecs = 0\n'
MANY = "".join(f"[program:p{number}]\ncommand = sleep 1000\nstartsecs = 0\n" for number in range(10))
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def serve(daemon: Make, tmp_path: Path) -> Callable[..., tuple[Daemon, Browser]]:
    """A daemon with `http`, by default with a password that the browser has."""

    def make(
        programs: str = WEB, *lines: str, password: bool = True, env: dict[str, str] | None = None
    ) -> tuple[Daemon, Browser]:
        port = free_port()
        head = ["[supervice]", f"socket = {tmp_path}/0/s.sock", f"http = 127.0.0.1:{port}", *lines]
        if password:
            head += ["http_user = ops", "http_password = geheim"]
        one = daemon("".join(f"{line}\n" for line in head) + programs, env=env)
        browser = Browser(port, "ops", "geheim") if password else Browser(port)
        eventually(browser.connect).close()
        return one, browser

    return make


Serve = Callable[..., tuple[Daemon, Browser]]


# -- who may see it --------------------------------------------------------------------------------------


def test_the_password_is_asked_for_by_all_but_the_probes(serve: Serve) -> None:
    one, browser = serve()
    one.wait_state("web", "RUNNING")
    assert "web" in browser.get()
    for other in (
        Browser(browser.place),
        Browser(browser.place, "ops", "wrong"),
        Browser(browser.place, "root", "geheim"),
    ):
        for path in ("/", "/page.js", "/events", "/news", "/act", "/api/v1/status", "/graph.svg", "/nothing"):
            status, headers, text = other.ask(path)
            assert (status, headers["www-authenticate"]) == (401, 'Basic realm="supervice"')
            assert "sleep" not in text
        assert other.ask("/livez")[0] == 200
        assert other.ask("/metrics")[0] == 200


def test_probes_can_be_protected(serve: Serve) -> None:
    _, browser = serve(WEB, "http_probes = protected")
    assert Browser(browser.place).ask("/livez")[0] == 401
    assert browser.ask("/livez")[0] == 200


@pytest.mark.parametrize("stored", ["geheim\n", "{SHA256}" + hashlib.sha256(b"geheim").hexdigest()])
def test_a_password_in_a_file(serve: Serve, tmp_path: Path, stored: str) -> None:
    file = tmp_path / "password"
    file.write_text(stored)
    _, browser = serve(WEB, "http_user = ops", f"http_password_file = {file}", password=False)
    assert browser.ask("/")[0] == 401
    assert Browser(browser.place, "ops", "geheim").ask("/")[0] == 200


@pytest.mark.parametrize("stored", [None, "", "{SHA256}short"])
def test_a_password_that_cannot_be_read_lets_no_client_in(
    serve: Serve, tmp_path: Path, stored: str | None
) -> None:
    file = tmp_path / "password"
    if stored is not None:
        file.write_text(stored)
    one, browser = serve(WEB, "http_user = ops", f"http_password_file = {file}", password=False)
    one.wait_text("http_password_file")
    for client in (browser, Browser(browser.place, "ops", ""), Browser(browser.place, "ops", stored or "")):
        assert client.ask("/")[0] == 503
        assert client.ask("/livez")[0] == 200


def test_no_program_inherits_the_password(serve: Serve, tmp_path: Path) -> None:
    told = tmp_path / "told"
    program = f"[program:web]\ncommand = sh -c 'env >{told}.new; mv {told}.new {told}; exec sleep 1000'\n"
    variables = {"SUPERVICE_HTTP_USER": "ops", "SUPERVICE_HTTP_PASSWORD": "geheim"}
    _, browser = serve(program, password=False, env=variables)
    assert Browser(browser.place, "ops", "geheim").ask("/")[0] == 200
    eventually(told.exists)
    assert "geheim" not in told.read_text()


def test_without_a_password_a_name_that_a_web_site_can_have_is_refused(serve: Serve) -> None:
    _, browser = serve(WEB, "http_hosts = app.internal", password=False)
    for host in ("evil.example", "evil.example:80"):
        stranger = Browser(browser.place, host=host)
        for path in ("/", "/events", "/news", "/api/v1/logs", "/page.js", "/act"):
            assert stranger.ask(path)[0] == 421
        assert stranger.ask("/readyz")[0] == 200
        assert stranger.ask("/metrics")[0] == 200
    for host in ("127.0.0.1", f"localhost:{browser.place}", "[::1]", "app.internal"):
        assert Browser(browser.place, host=host).ask("/")[0] == 200


def test_without_a_password_it_is_for_looking_only(serve: Serve) -> None:
    one, browser = serve(password=False)
    page = browser.get()
    assert "<button" not in page
    assert "http_password" in page
    status, _, text = browser.act("stop:web", "", Accept="application/json")
    assert (status, "http_password" in text) == (403, True)
    assert one.row("web")["state"] != "STOPPED"


@pytest.mark.skipif(os.geteuid() != 0, reason="another user needs root")
def test_on_a_unix_socket_the_user_decides(daemon: Make, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    path = tmp_path / "page.sock"
    one = daemon(f"[supervice]\nsocket = {tmp_path}/0/s.sock\nhttp = unix:{path}\n{WEB}")
    browser = Browser(path, host="any.example")
    eventually(path.exists)
    one.wait_state("web", "RUNNING")
    for folder in path.parents:
        if folder.stat().st_mode & 0o001 == 0:
            folder.chmod(folder.stat().st_mode | 0o001)
    script = (
        "import os, sys; from pathlib import Path; from tests.process.harness.page import Browser\n"
        "os.setgroups([]); os.setresgid(54321, 54321, 54321); os.setresuid(54321, 54321, 54321)\n"
        "browser = Browser(Path(sys.argv[1]))\n"
        "assert '<button' not in browser.get(); print(browser.act('stop:web', 'x')[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "403\n"
    assert one.row("web")["state"] == "RUNNING"
    assert browser.act("stop:web")[0] == 303
    one.wait_state("web", "STOPPED")


# -- what is done ----------------------------------------------------------------------------------------


def test_an_action_is_a_post_with_the_token_of_the_page(serve: Serve) -> None:
    one, browser = serve()
    pid = one.wait_state("web", "RUNNING")["pid"]
    token = browser.token()
    refused = [
        (browser.ask(f"/act?do=stop:web&token={token}"), 405),
        (browser.ask("/act", "DELETE"), 405),
        (browser.ask("/", "POST", b"x"), 405),
        (browser.act("stop:web", ""), 403),
        (browser.act("stop:web", "0" * 32), 403),
        (browser.act("stop:web", "\N{PILE OF POO}"), 403),
        (browser.act("stop:web", token, Sec_Fetch_Site="cross-site", Origin="https://evil.example"), 403),
        (browser.act("stop:web", token, Sec_Fetch_Site="same-site"), 403),
        (browser.act("stop:web", token, Content_Type="text/plain"), 415),
        (browser.act("stop:nothing", token), 404),
        (browser.act("shutdown", token), 400),
        (browser.act("signal:web", token), 400),
        (browser.act("stop:", token), 404),
        (Browser(browser.place, "ops", "wrong").act("stop:web", token), 401),
        (browser.ask("/act", "POST", b"\xff\x00%%%&&==" * 99, Content_Type=FORM), 403),
    ]
    for (status, headers, text), wanted in refused:
        assert (
            status,
            "content-security-policy" in headers or headers["content-type"].startswith("text/plain"),
        ) == (wanted, True), text
    assert one.row("web")["pid"] == pid
    status, headers, _ = browser.act(
        "restart:web", token, Sec_Fetch_Site="same-origin", Origin="https://behind.a.proxy"
    )
    assert (status, headers["location"]) == (303, "./")
    eventually(lambda: one.row("web")["pid"] not in (pid, None))
    assert "web: restart was asked for on the page, by ops from 127.0.0.1:" in one.text()
    eventually(lambda: "Restarted web" in browser.get())


def test_an_action_answers_at_once_and_its_outcome_comes_later(serve: Serve, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    stubborn = f"[program:web]\ncommand = sh -c 'trap \"\" TERM; while ! test -e {gate}; do sleep 0.05; done'\nstartsecs = 0\nautorestart = false\n"
    one, browser = serve(stubborn)
    one.wait_state("web", "RUNNING")
    status, _, text = browser.act("stop:web", Accept="application/json")
    assert (status, '"ok": null' in text) == (202, True)
    one.wait_state("web", "STOPPING")
    assert browser.json("/news?said=0")["said"][-1]["text"] == "Stopping web"
    gate.touch()
    outcome = eventually(
        lambda: [said for said in browser.json("/news?said=1")["said"] if said["about"] == 1]
    )
    assert outcome is not None
    assert (outcome[0]["ok"], outcome[0]["text"]) == (True, "Stopped web")


def test_what_fails_is_said(serve: Serve) -> None:
    one, browser = serve("[program:bad]\ncommand = false\nautostart = false\nstartretries = 0\n" + WEB)
    assert browser.act("start:bad")[0] == 303
    one.wait_state("bad", "FATAL")
    eventually(lambda: "bad did not reach RUNNING" in browser.get())
    assert '<tr class="bad"' in browser.get()


def test_reload(serve: Serve) -> None:
    one, browser = serve()
    one.config.write_text(one.config.read_text() + "[program:new]\ncommand = sleep 1000\n")
    assert browser.act("reload")[0] == 303
    one.wait_state("new", "RUNNING", "STARTING")
    assert "new" in browser.get()


# -- what is shown ---------------------------------------------------------------------------------------


def test_the_page_and_its_parts(serve: Serve) -> None:
    one, browser = serve(WEB + SAYS + "depends_on = web\n")
    one.wait_state("says", "RUNNING")
    status, headers, page = browser.ask("/")
    assert (status, headers["content-type"], headers["cache-control"]) == (
        200,
        "text/html; charset=utf-8",
        "no-store",
    )
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert browser.ask("/", "HEAD")[0] == 200
    for path, kind in (
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/icon.svg", "image/svg"),
        ("/graph.svg", "image/svg"),
        ("/boot.svg", "image/svg"),
    ):
        assert path[1:] in page
        status, headers, text = browser.ask(path)
        assert (status, headers["content-type"].startswith(kind), bool(text)) == (200, True, True)
    assert browser.ask("/page.html")[0] == 404
    assert browser.ask("/files/page.css")[0] == 404
    assert browser.ask("/../../etc/passwd")[0] == 404


def test_the_last_lines_of_a_program_are_text(serve: Serve) -> None:
    one, browser = serve(SAYS)
    eventually(lambda: len(one.ask("logs", "says", lines=9)["logs"]) == 2)
    page = browser.get("/?program=says")
    assert "&lt;b&gt;out&lt;/b&gt;\n" in page
    assert '<i class="err">red\n</i>' in page
    assert "\x1b" not in page
    assert browser.ask("/?program=nothing%3Cb%3E")[0] == 404
    assert "<b>" not in browser.ask("/?program=nothing%3Cb%3E")[2].replace("<b>\N{HORIZONTAL ELLIPSIS}", "")


def test_the_api_is_the_control_protocol(serve: Serve) -> None:
    one, browser = serve(SAYS + WEB)
    one.wait_state("web", "RUNNING")
    said, asked = browser.json("/api/v1/status"), one.ask("status")
    assert [row["name"] for row in said["processes"]] == [row["name"] for row in asked["processes"]]
    assert said["processes"][0].keys() >= asked["processes"][0].keys()
    assert browser.json("/api/v1/logs?name=says&lines=5") == one.ask("logs", "says", lines=5)
    assert browser.json("/api/v1/graph") == one.ask("graph")
    assert browser.ask("/api/v1/status?name=nothing")[0] == 404
    assert browser.ask("/api/v1/stop?name=web")[0] == 404
    assert browser.ask("/api/v1/stop?name=web", "POST")[0] == 405
    assert one.row("web")["state"] == "RUNNING"


def test_without_a_client_nothing_of_it_is_loaded(serve: Serve) -> None:
    one, browser = serve(env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert browser.ask("/livez")[0] == 200
    assert "supervice.web" not in one.err.read_text()
    assert browser.ask("/")[0] == 200
    assert "supervice.web.site" in one.err.read_text()


# -- the stream ------------------------------------------------------------------------------------------


def test_a_stream_says_what_changes_and_nothing_else(serve: Serve) -> None:
    one, browser = serve(WEB + WEB.replace("web", "db"))
    one.wait_state("db", "RUNNING")
    with Events(browser) as events:
        head = events.head.lower()
        for line in (
            "content-type: text/event-stream",
            "cache-control: no-store, no-transform",
            "x-accel-buffering: no",
        ):
            assert line in head
        assert "content-encoding" not in head
        assert events.next()[0] == "hello"
        rows = events.until("rows")
        assert (rows["all"], [row[0] for row in rows["rows"]]) == (True, ["web", "db"])
        known = {row[0]: row[:8] for row in rows["rows"]}  # without what they use, which changes by itself
        one.ask("stop", "web")
        while known["web"][2] != "STOPPED":
            news = events.until("rows")
            changed = {row[0] for row in news["rows"] if row[:8] != known[row[0]]}
            assert (news["all"], changed <= {"web"}) == (False, True)
            known |= {row[0]: row[:8] for row in news["rows"]}
        one.config.write_text(one.config.read_text() + "[program:new]\ncommand = sleep 1000\n")
        one.ask("reload")
        while not news["all"]:
            news = events.until("rows")
        assert [row[0] for row in news["rows"]] == ["web", "db", "new"]
    with Events(browser, f"/events?from={news['from']}") as events:
        assert events.next()[0] == "hello"
        one.ask("start", "web")
        again = events.until("rows")
        assert not again["all"]


def test_a_stream_brings_output_and_outcomes(serve: Serve, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"echo begin; while ! test -e {gate}; do sleep 0.05; done; echo '<i>next'; exec sleep 1000"
    one, browser = serve(f'[program:says]\ncommand = sh -c "{script}"\nstartsecs = 0\n')
    eventually(lambda: one.ask("logs", "says")["logs"])
    with Events(browser, "/events?program=says") as events:
        assert events.until("log") == {"name": "says", "begin": True, "pieces": [[0, "begin\n"]]}
        gate.touch()
        assert events.until("log")["pieces"] == [[0, "<i>next\n"]]
        browser.act("restart:says")
        assert events.until("said")["text"] == "Restarting says"
        assert events.until("said")["text"] == "Restarted says"
    with Events(browser, "/events?program=nothing") as events:
        assert "not found" in events.until("log")["error"].lower()


def test_one_stream_too_many_ends_the_oldest(serve: Serve) -> None:
    _, browser = serve()
    streams = [Events(browser) for _ in range(33)]
    try:
        first = streams[0]
        kinds = []
        while True:
            kind, _ = first.next()
            if not kind:
                break
            kinds.append(kind)
        assert kinds[-1] == "full"
        for stream in streams[1:]:
            assert stream.next()[0] == "hello"
        assert browser.ask("/")[0] == 200
        assert browser.ask("/livez")[0] == 200
    finally:
        for stream in streams:
            stream.close()


def test_a_page_of_another_site_gets_no_stream(serve: Serve) -> None:
    _, browser = serve()
    assert browser.ask("/events", Sec_Fetch_Site="cross-site")[0] == 403


# -- bad clients -----------------------------------------------------------------------------------------


def test_garbage_and_slow_clients_hurt_no_other(serve: Serve) -> None:
    one, browser = serve()
    bad: list[RawClient] = []
    for data in (
        b"\x00\xff" * 500,
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"POST /act HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
    ):
        bad.append(browser.connect().raw(data))
    assert one.ask("status")["status"] == "ok"
    for client in bad:
        client.close()
    eventually(lambda: browser.ask("/")[0] == 200)


def test_a_thousand_connections_take_no_place_from_others(serve: Serve) -> None:
    """They have half of all places; the others are told so, and a client from another address is answered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2048)), hard))
    one, browser = serve(MANY)
    assert isinstance(browser.place, int)
    one.wait_state("p9", "RUNNING")
    before = {row["name"]: row["pid"] for row in one.ask("status")["processes"]}
    crowd = []
    try:
        for _ in range(1000):
            crowd.append(socket.create_connection(("127.0.0.1", browser.place), 20))
            crowd[-1].send(b"GET / HTTP/1.1\r\nHo")
        # One that is silent for long gives its place to another, and is hung up on.
        answers = eventually(
            lambda: found if len(found := _answered(crowd)) >= 1000 - 128 else None,
            message="there are 128 places for one address",
        )
        assert set(answers) <= {b"HTTP/1.1 503 ", b""}
        assert answers.count(b"HTTP/1.1 503 ") > 500
        for _ in range(20):
            assert one.ask("status")["status"] == "ok"
        request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        request += f"Authorization: {browser.headers['Authorization']}\r\n\r\n"
        with socket.create_connection(
            ("127.0.0.1", browser.place), 20, source_address=("127.0.0.2", 0)
        ) as other:
            other.sendall(request.encode())
            assert other.recv(13) == b"HTTP/1.1 200 "
        assert {row["name"]: row["pid"] for row in one.ask("status")["processes"]} == before
    finally:
        for client in crowd:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    eventually(lambda: browser.ask("/")[0] == 200)


def _answered(clients: list[socket.socket]) -> list[bytes]:
    """What each client that was answered or hung up on has got."""
    poll = select.poll()
    for client in clients:
        poll.register(client, select.POLLIN)
    ready = {fd for fd, _ in poll.poll(0)}
    return [client.recv(13, socket.MSG_PEEK) for client in clients if client.fileno() in ready]


def test_a_stream_that_is_not_read_costs_its_own_news_only(serve: Serve) -> None:
    one, browser = serve(
        "[program:loud]\ncommand = sh -c 'yes 0123456789012345678901234567890123456789'\nstdout_logfile = NONE\n"
        + WEB
    )
    one.wait_state("web", "RUNNING")
    client = browser.connect()
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    browser.send(client, "GET", "/events?program=web")
    for _ in range(20):
        one.ask("restart", "web")
    with Events(browser) as events:
        assert events.until("rows")["all"]
    client.close()
    assert one.ask("status")["status"] == "ok"
