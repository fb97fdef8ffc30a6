"""Options of `listen`: addresses, names, descriptors in the command, and what does not fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervice.config import Loaded, load
from supervice.config.listen_addresses import parse
from supervice.models import ListenConfig


def read(tmp_path: Path, *options: str, command: str = "web") -> Loaded:
    path = tmp_path / "supervice.conf"
    path.write_text("\n".join(("[supervice]", "[program:web]", f"command = {command}", *options, "")))
    return load(str(path), environ={"PORT": "8000"}, cwd="/start")


def problems(tmp_path: Path, *options: str) -> list[str]:
    return [f"{problem.severity}: {problem.message}" for problem in read(tmp_path, *options).problems]


def test_what_the_options_become(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        "listen = http=tcp:*:%(ENV_PORT)s, unix:/run/web.sock",
        "listen_stdin = true",
        "listen_backlog = 10",
        "listen_mode = 0600",
        "listen_owner = www-data",
        command="web --fd %(listen_http)s --admin %(listen_2)s",
    )
    assert loaded.problems == []
    assert loaded.processes[0].listen == ListenConfig(
        (("http", "tcp:*:8000"), ("2", "unix:/run/web.sock")), True, 10, 0o600, "www-data"
    )
    assert loaded.processes[0].command == "web --fd 3 --admin 4"


def test_the_number_of_a_process_in_an_address(tmp_path: Path) -> None:
    loaded = read(tmp_path, "listen = unix:/run/web-%(process_num)02d.sock", "numprocs = 2")
    assert loaded.problems == []
    found = [one.listen.sockets for one in loaded.processes if one.listen]
    assert found == [(("1", "unix:/run/web-00.sock"),), (("1", "unix:/run/web-01.sock"),)]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp:127.0.0.1:80", "tcp:127.0.0.1:80"),
        ("tcp::80", "tcp::80"),
        ("TCP:*:80", "tcp:*:80"),
        ("tcp:[::1]:80", "tcp:[::1]:80"),
        ("tcp:localhost:80", "tcp:localhost:80"),
        ("unix:/run/a=b.sock", "unix:/run/a=b.sock"),
    ],
)
def test_addresses(text: str, address: str) -> None:
    assert parse(text) == (("1", address),)
    assert parse(f"web={text}") == (("web", address),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no socket"),
        ("8000", "write tcp:HOST:PORT or unix:/PATH"),
        ("tcp:8000", "write tcp:HOST:PORT"),
        ("tcp:host:", "write digits"),
        ("tcp:host:70000", "port"),
        ("tcp:::1:80", "write tcp:[::1]:80"),
        ("unix:run/x", "write tcp:HOST:PORT or unix:/PATH"),
        ("udp:host:80", "not the address of a socket"),
        ("a-b=tcp::80", "not the name of a socket"),
        ("a=tcp::80 a=tcp::81", "two sockets are called a"),
        ("a=tcp::80 b=tcp::80", "stands there twice"),
        (" ".join(f"tcp::{port}" for port in range(8000, 8100)), "more than 90"),
    ],
)
def test_what_is_no_address(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        parse(text)
    assert words in str(error.value)


def test_what_does_not_fit_together(tmp_path: Path) -> None:
    alone = problems(tmp_path, "listen_backlog = 5")
    assert alone == ["error: [program:web] listen_backlog does nothing without listen; add it"]
    oneshot = problems(tmp_path, "listen = tcp::80", "type = oneshot")
    assert oneshot == [
        "error: [program:web] listen: a oneshot serves no socket that is kept open; remove listen"
    ]
    scheduled = problems(tmp_path, "listen = tcp::80", "schedule = @daily")
    assert scheduled == oneshot
    ready = problems(tmp_path, "listen = tcp::80 tcp::81", "ready = fd:4")
    assert ready == ["error: [program:web] ready = fd:4: listen takes descriptors up to 4; write fd:5"]
    assert problems(tmp_path, "listen = tcp::80 tcp::81", "ready = fd:5") == []
    stdin = problems(tmp_path, "listen = tcp::80", "listen_stdin = true", "stdin = pipe")
    assert stdin == ["error: [program:web] listen_stdin = true does not go with stdin = pipe; remove one"]
    mode = problems(tmp_path, "listen = tcp::80", "listen_mode = 0600")
    assert mode == ["error: [program:web] listen_mode is for unix sockets, and listen has none; remove it"]


def test_a_descriptor_that_is_not_there(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, "listen = a=tcp::80", command="web --fd %(listen_b)s").problems
    assert "unknown name %(listen_b)s; did you mean 'listen_a'?" in problem.message


def test_the_descriptor_in_a_variable(tmp_path: Path) -> None:
    """nginx and php-fpm read the numbers of their sockets there."""
    variable = 'environment = NGINX="%(listen_http)s;%(listen_2)s;",MARK=%(listen_http)s'
    for order in (("listen = http=tcp::80 tcp::81", variable), (variable, "listen = http=tcp::80 tcp::81")):
        loaded = read(tmp_path, *order)
        assert loaded.problems == []
        assert loaded.processes[0].environment == {"NGINX": "3;4;", "MARK": "3"}
    loaded = read(tmp_path, "listen = tcp::%(ENV_OWN)s", "environment = OWN=81")
    listen = loaded.processes[0].listen
    assert listen is not None
    assert listen.sockets[0][1].endswith(":81")
    (problem,) = read(tmp_path, "listen = a=tcp::80", "environment = FD=%(listen_b)s").problems
    assert "unknown name %(listen_b)s; did you mean 'listen_a'?" in problem.message


def test_a_path_that_no_unix_socket_can_have(tmp_path: Path) -> None:
    longest = "/tmp/" + "a" * 102
    assert problems(tmp_path, f"listen = unix:{longest}") == []
    (said,) = problems(tmp_path, f"listen = tcp::80, unix:{longest}a")
    assert said.startswith("error: [program:web] listen: unix:/tmp/aaa")
    assert said.endswith("...: its path has 108 bytes, a Unix socket at most 107; write a shorter one")


def test_without_listen_its_rules_are_not_loaded(tmp_path: Path) -> None:
    import subprocess
    import sys

    path = tmp_path / "supervice.conf"
    path.write_text("[program:web]\ncommand = web\n")
    code = "import sys; from supervice.config import load; load(sys.argv[1]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "supervice.config.program" in done.stdout
    assert "listen" not in done.stdout.replace("unix_listener", "").replace("inet_listener", "")
