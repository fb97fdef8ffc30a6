"""The page in a real browser: it lives, acts, survives, and is for every reader."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from selenium.webdriver.common.keys import Keys

from tests.browser.harness import Page, Proxy, Show
from tests.eventually import eventually

Make = Callable[..., Show]
WEB = "[program:web]\ncommand = sleep 1000\nstartsecs = 0\n"
NASTY = '[program:nasty]\ncommand = sh -c \'printf "<img src=x onerror=alert(1)>\\n"; printf "\\033[31mred\\000\\n" >&2; exec sleep 1000\'\nstartsecs = 0\n'
# Where the pictures of the documentation are written to; unset: nowhere but the test's own directory.
IMAGES = os.environ.get("SUPERVICE_TEST_IMAGES")


def test_it_lives_without_being_loaded_again(page: Page, show: Make) -> None:
    one = show(WEB + WEB.replace("web", "db"))
    page.open(one.url)
    page.sees(page.is_live)
    page.run("window.same = true")
    one.daemon.ask("stop", "web")
    page.sees(lambda: page.states() == {"web": "STOPPED", "db": "RUNNING"})
    assert page.text("#sum") == "1 running, 1 stopped"
    one.daemon.config.write_text(one.daemon.config.read_text() + WEB.replace("web", "new"))
    one.daemon.ask("reload")
    page.sees(lambda: list(page.states()) == ["web", "db", "new"])
    assert page.run("return window.same")


def test_the_keyboard_does_everything(page: Page, show: Make) -> None:
    one = show(WEB + NASTY)
    page.open(one.url)
    page.sees(page.is_live)
    page.button("stop", "web").send_keys(Keys.ENTER)
    page.sees(lambda: page.states()["web"] == "STOPPED")
    page.sees(lambda: "Stopped web" in page.text("#said"))
    page.sees(lambda: page.run("return document.activeElement.getAttribute('aria-label')") == "start web")
    page.one("body").send_keys("/")
    page.run("return document.activeElement").send_keys("nas")
    assert [row.is_displayed() for row in page.all("tbody tr")] == [False, True]
    page.one("#filter").clear()
    page.one('a[href="?program=nasty"]').send_keys(Keys.ENTER)
    page.sees(lambda: page.one("#log").is_displayed())
    page.one("#log").send_keys(Keys.ESCAPE)
    page.sees(lambda: not page.one("#log").is_displayed())


def test_output_comes_as_text(page: Page, show: Make, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"while ! test -e {gate}; do sleep 0.05; done; echo later; exec sleep 1000"
    one = show(NASTY + f"[program:web]\ncommand = sh -c '{script}'\nstartsecs = 0\n")
    page.open(f"{one.url}?program=nasty")
    page.sees(page.is_live)
    page.sees(lambda: "<img src=x onerror=alert(1)>" in page.text("#log"))
    page.sees(lambda: page.text("#log .err") == "red\N{SYMBOL FOR NULL}\n")
    assert page.all("#log img") == []
    page.one('a[href="?program=web"]').click()
    page.sees(lambda: page.text("#program") == "web")
    gate.touch()
    page.sees(lambda: page.text("#log") == "later\n")
    page.driver.back()
    page.sees(lambda: page.text("#program") == "nasty" and "red" in page.text("#log"))


def test_below_a_path_of_a_proxy(page: Page, show: Make, proxy: Callable[[int], Proxy]) -> None:
    one = show(WEB + NASTY + "depends_on = web\n")
    before = proxy(one.port)
    eventually(lambda: socket.create_connection(("127.0.0.1", before.port)), 20).close()
    page.open(before.url)
    page.sees(page.is_live)
    page.button("restart", "web").click()
    page.sees(lambda: "Restarted web" in page.text("#said"))
    page.one('a[href="?program=nasty"]').click()
    page.sees(lambda: "red" in page.text("#log"))
    page.run("document.querySelectorAll('summary').forEach((s) => s.click())")
    page.sees(lambda: page.run("return [...document.images].every((i) => i.complete && i.naturalWidth > 0)"))
    places = page.run("return performance.getEntriesByType('resource').map((r) => new URL(r.name).pathname)")
    assert [place for place in places if not place.startswith("/a/b/")] == []
    page.scripts(False)
    page.open(before.url)
    page.button("stop", "web").click()
    page.sees(lambda: one.daemon.row("web")["state"] == "STOPPED")
    assert "/a/b/" in page.driver.current_url


def test_it_goes_on_with_the_next_daemon(page: Page, show: Make) -> None:
    page.forgiven = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "status of 403")
    one = show(WEB)
    page.open(one.url)
    page.sees(page.is_live)
    page.run("window.same = true")
    one.daemon.signal(signal.SIGTERM)
    one.daemon.wait()
    page.sees(lambda: page.text("#link").startswith("Not connected since "))
    one.start()
    page.sees(lambda: not page.one("#link").is_displayed())
    page.sees(lambda: page.states() == {"web": "RUNNING"})
    page.button("stop", "web").click()
    page.sees(lambda: page.states() == {"web": "STOPPED"})
    assert page.run("return window.same")


def test_in_an_eighth_window_it_lives_and_acts(page: Page, show: Make) -> None:
    one = show(WEB)
    page.open(one.url)
    page.sees(page.is_live)
    for _ in range(7):
        page.window()
        page.open(one.url)
        page.sees(page.is_live)
    page.button("stop", "web").click()
    page.sees(lambda: page.states() == {"web": "STOPPED"})
    page.sees(lambda: "Stopped web" in page.text("#said"))
    one.daemon.ask("start", "web")
    page.sees(lambda: page.states() == {"web": "RUNNING"})


def test_a_hidden_page_gives_its_stream_back(page: Page, show: Make) -> None:
    one = show(WEB)
    page.open(one.url)
    page.sees(page.is_live)
    hide = "Object.defineProperty(document, 'hidden', {{value: {}, configurable: true}}); document.dispatchEvent(new Event('visibilitychange'))"
    opened = connections(one)
    page.run(hide.format("true"))
    page.sees(lambda: connections(one) < opened)
    one.daemon.ask("stop", "web")
    page.run(hide.format("false"))
    page.sees(lambda: page.states() == {"web": "STOPPED"})


def connections(one: Show) -> int:
    """Connected sockets of the daemon's page."""
    port = f":{one.port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[1].endswith(port) and line[3] == "01" for line in lines)


def test_without_a_script_it_is_complete(page: Page, show: Make) -> None:
    one = show(WEB + NASTY)
    page.scripts(False)
    page.open(one.url)
    page.button("stop", "web").click()
    page.sees(lambda: one.daemon.row("web")["state"] == "STOPPED")
    page.one("#refresh").click()
    assert page.one("tbody tr td").text == "STOPPED"
    assert "Stopped web" in page.one("#said").text
    page.one('a[href="?program=nasty"]').click()
    assert "<img src=x onerror=alert(1)>" in page.one("#log").text


# -- for every reader ------------------------------------------------------------------------------------

# Text that is seen, with its contrast against what is behind it (WCAG 2.2, 1.4.3).
CONTRAST = """
const parts = (c) => { const m = c.match(/[\\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; };
const light = ([r, g, b]) => { const f = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
const behind = (e) => { for (; e; e = e.parentElement) { const c = parts(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255]; };
const found = [];
for (const e of document.querySelectorAll('body *')) {
  if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility() || getComputedStyle(e).clipPath !== 'none') continue;
  const a = light(parts(getComputedStyle(e).color)), b = light(behind(e));
  found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.tagName + ' ' + e.textContent.slice(0, 30)]);
}
return found;
"""
STACK = """
[program:postgres]
command = sh -c 'echo ready to accept connections; exec sleep 1000'
ready = log:ready to accept
[program:redis]
command = sleep 1000
startsecs = 0
[program:migrate]
type = oneshot
command = sh -c 'echo 3 migrations applied'
depends_on = postgres:ready
[program:app]
command = sh -c 'i=0; while :; do i=$((i+1)); echo "GET /orders/$i 200 in 12 ms"; test $((i %% 7)) = 0 && echo "slow query: 1204 ms" >&2; sleep 0.05; done'
startsecs = 0
depends_on = migrate:completed, redis:started
healthcheck_type = script
healthcheck_command = true
healthcheck_interval = 0.2
healthcheck_start_period = 0
[program:worker]
command = sleep 1000
numprocs = 2
startsecs = 0
depends_on = redis:started
[program:nginx]
command = sleep 1000
startsecs = 0
depends_on = app:healthy
[program:exporter]
command = sh -c 'echo cannot open /etc/exporter.yml >&2; exit 3'
startretries = 0
[program:report]
command = true
autostart = false
"""


def test_every_reader_can_read_it(page: Page, show: Make, tmp_path: Path) -> None:
    """Contrast, names of what can be used, no sideways scrolling; and the pictures of the documentation."""
    one = show(STACK)
    one.daemon.wait_state("nginx", "RUNNING")
    one.daemon.wait_state("exporter", "FATAL")
    images = Path(IMAGES) if IMAGES else tmp_path
    page.look(1280, 800)
    page.open(f"{one.url}?program=app")
    page.sees(page.is_live)
    page.sees(lambda: "slow query" in page.text("#log"))
    page.run("document.querySelector('summary').click()")
    page.sees(lambda: page.run("return document.images[0].naturalWidth > 0"))
    page.sees(lambda: "%" in page.text("tbody tr td:nth-child(7)"), "resources are shown")
    for name, width, height, dark in (
        ("light", 1280, 900, False),
        ("dark", 1280, 900, True),
        ("narrow", 390, 844, False),
    ):
        page.look(width, height, dark=dark)
        page.run("scrollTo(0, 0)")
        low = [line for line in page.run(CONTRAST) if line[0] < 4.5]
        assert low == [], name
        assert page.run("return document.documentElement.scrollWidth <= innerWidth"), name
        page.driver.save_screenshot(str(images / f"page-{name}.png"))
    for width in (320, 768, 1920):
        page.look(width, 800)
        assert page.run("return document.documentElement.scrollWidth <= innerWidth"), width
    page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for element in page.all("button, a, input:not([type=hidden]), img, table"):
        assert element.accessible_name, element.get_attribute("outerHTML")
    assert page.one("#sum").aria_role == "status"
    assert page.one("#log").aria_role == "log"


def test_a_long_name_leaves_room_for_the_reason(page: Page, show: Make) -> None:
    name = "the-importer-of-the-orders-of-all-customers-in-all-countries"
    reason = "the database at db.internal.example.com:5432 does not answer"
    check = f"healthcheck_type = script\nhealthcheck_command = sh -c 'echo {reason}; exit 1'\n"
    pace = "healthcheck_interval = 0.2\nhealthcheck_start_period = 0\nhealthcheck_action = none\n"
    one = show(f"[program:{name}]\ncommand = sleep 1000\nstartsecs = 0\n{check}{pace}")
    one.daemon.wait_state(name, "UNHEALTHY")
    for width in (390, 880, 970, 1024, 1600):
        page.look(width, 800)
        page.open(one.url)
        page.sees(lambda: reason in page.text("tbody td:nth-child(9)"))
        assert page.run("return document.querySelector('tbody td:nth-child(9)').clientWidth") >= 150, width
        right = (
            "return document.querySelector('tbody td:last-child').getBoundingClientRect().right <= innerWidth"
        )
        assert page.run(right), width
    page.look(390, 800)
    page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.sees(lambda: page.run("return document.images[1].clientWidth >= 600"), "a picture can be read")
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")


def test_no_programs_is_no_empty_table(page: Page, show: Make) -> None:
    page.open(show("").url)
    page.sees(page.is_live)
    assert page.text("#sum") == "No programs"
    assert not page.one("#processes").is_displayed()


def test_it_is_quick_with_many_programs(page: Page, show: Make) -> None:
    one = show("".join(WEB.replace("web", f"program-{n:03d}") for n in range(100)))
    eventually(lambda: {row["state"] for row in one.daemon.status().values()} == {"RUNNING"})
    page.open(one.url)
    page.sees(page.is_live)
    assert len(page.states()) == 100
    weight = page.run(
        "return performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource'))"
        ".filter((r) => !/events|news/.test(r.name)).reduce((sum, r) => sum + r.transferSize, 0)"
    )
    assert 10_000 < weight < 70_000  # with the heads of the answers, some 300 bytes each
    one.daemon.ask("stop", "program-050")
    page.sees(lambda: page.states()["program-050"] == "STOPPED")
