"""http checks against real servers, good and bad; checks that hang; many checks at once."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h11  # noqa: F401 - the first check imports it in a turn of its own, which is a long one here
import pytest

from supervice.health import HealthCheckConfig, HealthCheckResult, HealthCheckType, create_health_checker
from supervice.lean.loop import Loop, running_loop, sleep
from tests.eventually import eventually
from tests.process.harness.daemon import Daemon, alive

Make = Callable[..., Daemon]


@contextmanager
def server(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """Accepts connections and has `answer` deal with each."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(50)

        def serve() -> None:
            while True:
                try:
                    client, _ = sock.accept()
                except OSError:
                    return
                with client:
                    try:
                        answer(client)
                    except OSError:
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            sock.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def says(text: bytes) -> Callable[[socket.socket], object]:
    def answer(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(text)

    return answer


def check(port: int, *, ours: bool = True, **options: Any) -> tuple[bool, str]:
    """One check, on our own loop or on asyncio's."""
    url = f"http://127.0.0.1:{port}/health?deep=1"
    config = HealthCheckConfig(type=HealthCheckType.HTTP, **{"url": url, "timeout": 5, **options})
    checker = create_health_checker(config)
    assert checker is not None

    async def ask() -> HealthCheckResult:
        answer = await checker.check()
        await sleep(running_loop(), 0.01)  # what was given up lets go of its connection
        return answer

    if ours:
        loop = Loop()
        try:
            result = loop.run_until_complete(ask())
        finally:
            loop.close()
    else:
        result = asyncio.run(ask())
    return result.healthy, result.message


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize(
    ("answer", "healthy", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True, "answers 200"),
        (b"HTTP/1.0 200 OK\r\n\r\n", True, "answers 200"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", True, "answers 302"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", True, "answers 204"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 8\r\n\r\nno \x1b disk", False, "answers 503: no \\x1b dis"),
        (b"HTTP/1.1 500 X\r\n\r\n" + b"x" * 100_000, False, "answers 500: xxx"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", False, "does not speak HTTP"),
        (b"", False, "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000, False, "does not speak HTTP"),
    ],
)
def test_answers(answer: bytes, healthy: bool, words: str, ours: bool) -> None:
    with server(says(answer)) as port:
        well, message = check(port, ours=ours)
    assert (well, words in message) == (healthy, True), message
    assert len(message) < 400
    assert message.isprintable()


def test_what_is_asked() -> None:
    seen: list[bytes] = []

    def answer(client: socket.socket) -> None:
        seen.append(client.recv(65536))
        client.sendall(b"HTTP/1.1 404 Not Found\r\n\r\n")

    with server(answer) as port:
        headers = (("X-Probe", "supervice"), ("Host", "example.org"))
        assert check(port, headers=headers, status=((200, 200), (404, 404)))[0]
    lines = seen[0].decode().split("\r\n")
    assert lines[0] == "GET /health?deep=1 HTTP/1.1"
    assert {"X-Probe: supervice", "Host: example.org", "Connection: close"} <= set(lines)
    assert sum(line.lower().startswith("host:") for line in lines) == 1


def test_who_does_not_answer_has_failed_in_time() -> None:
    hold = threading.Event()
    with server(lambda client: hold.wait(30)) as port:
        well, message = check(port, timeout=0.2)
        hold.set()
    assert (well, "within 0.2 s" in message) == (False, True), message
    assert check(port)[1].endswith("Connection refused")


def test_an_http_check_restarts(daemon: Make) -> None:
    status = [b"200 OK"]

    def answer(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 " + status[0] + b"\r\nContent-Length: 4\r\n\r\nouch")

    with server(answer) as port:
        one = daemon(
            "[program:a]\ncommand = sleep 1000\nstartsecs = 0\nhealthcheck_type = http\nbackoff = 0.1\n"
            f"healthcheck_url = http://localhost:{port}/\nhealthcheck_interval = 0.1\nhealthcheck_retries = 2\n"
            "healthcheck_start_period = 0\nstartretries = 1\n[program:b]\ncommand = sleep 1000\n"
        )
        row = eventually(lambda: (row := one.row("a"))["healthy"] and row)
        assert row["health_message"].endswith("/ answers 200")
        assert row["health_time"].endswith("Z")
        status[0] = b"503 Busy"
        row = one.wait_state("a", "FATAL")
    assert "answers 503: ouch" in row["reason"]


def test_a_hanging_readiness_check_dies_with_its_group(daemon: Make, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    one = daemon(
        "[program:a]\ncommand = sleep 1000\nstartsecs = 0\nready = check\nreadiness_type = script\n"
        f"readiness_command = sh -c 'sleep 500 & echo $! > {note}; wait'\nreadiness_timeout = 0.3\n"
    )
    helper = int(eventually(lambda: note.exists() and note.read_text().strip()))
    eventually(lambda: not alive(helper))
    eventually(lambda: "was killed" in one.row("a")["ready_message"])
    assert one.row("a")["state"] == "STARTING"


def test_many_checks_disturb_no_program(daemon: Make) -> None:
    """A hundred scripts a second, some of them hanging: the daemon answers, and all of them are asked."""
    programs = "".join(
        f"[program:p{n}]\ncommand = sleep 1000\nstartsecs = 0\nhealthcheck_type = script\nhealthcheck_interval = 1\n"
        f"healthcheck_timeout = 1\nhealthcheck_retries = 1000\nhealthcheck_start_period = 0\n"
        f"healthcheck_command = {'sleep 100' if n % 10 == 0 else 'true'}\n"
        for n in range(100)
    )
    one = daemon(programs)
    eventually(
        lambda: all(row["healthy"] is (int(name[1:]) % 10 != 0) for name, row in one.status().items()), 20
    )
