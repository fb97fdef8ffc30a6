"""Servers that go into the background by themselves, and the words that send others there."""

from __future__ import annotations

import pytest

from supervice.config.background import _ADD, _STAYS, server_problem, told_problem
from supervice.config.check_rules import SUSPECTS
from supervice.config.quoting import split_command
from supervice.config.shell_words import _BUILTINS


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        ("nginx", "nginx -g 'daemon off;'"),
        ("/usr/sbin/nginx -c /etc/n.conf", "/usr/sbin/nginx -c /etc/n.conf -g 'daemon off;'"),
        ("php-fpm8.2", "php-fpm8.2 -F"),
        ("apache2ctl start", "apache2ctl start -DFOREGROUND"),
        ("cron", "cron -f"),
        ("sshd -e", "sshd -e -D"),
    ],
)
def test_servers_that_go_into_the_background(command: str, instead: str) -> None:
    problem = server_problem(split_command(command), command)
    assert problem.endswith(f"unless its own configuration says otherwise; write command = {instead}")


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("redis-server --daemonize yes", "--daemonize sends redis-server into the background; remove it"),
        ("gunicorn --daemon app:app", "--daemon sends gunicorn into the background; remove it"),
        ("celery worker --detach", "--detach sends celery into the background; remove it"),
        ("service nginx start", "service starts a server in the background; run nginx -g 'daemon off;'"),
        ("/etc/init.d/cron start", "an init script starts a server in the background; run cron -f"),
        ("/etc/init.d/own start", "an init script starts a server in the background; run own itself"),
    ],
)
def test_words_that_send_a_program_there(command: str, problem: str) -> None:
    assert told_problem(split_command(command)) == problem


@pytest.mark.parametrize(
    "command",
    [
        "nginx -g 'daemon off;'",
        "nginx -t",
        'nginx -g "pid /x;  daemon   off;"',
        "php-fpm -F",
        "php-fpm8.2 --nodaemonize -c x",
        "apachectl -D FOREGROUND",
        "httpd-foreground",
        "cron -f -L 15",
        "crond -nx",
        "sshd -De",
        "redis-server /etc/redis.conf",
        "redis-server --daemonize no",
        "haproxy -f /etc/haproxy.cfg",
        "memcached -u app",
        "gunicorn app:app",
        "sleep --daemon=no",
        "service nginx status",
        "",
    ],
)
def test_what_stays(command: str) -> None:
    argv = split_command(command) if command else []
    assert (server_problem(argv, command), told_problem(argv)) == ("", "")


def test_every_name_is_known_where_it_is_looked_for() -> None:
    assert set(_STAYS) <= set(_ADD)
    assert _BUILTINS <= SUSPECTS
