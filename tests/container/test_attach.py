"""`docker exec -i CONTAINER supervicectl attach`: for those who may, while the program goes on."""

from __future__ import annotations

from collections.abc import Callable

from tests.container.helpers import Box

CONFIG = """
[supervice]
socket_group = users
log_format = json
[program:console]
command = sh -c 'printf "name: "; while read -r line; do echo "<$line>"; done; echo the end'
startsecs = 0
stdin = pipe
"""
MEMBER = "12345:100"  # the gid of `users` in Debian


def test_what_is_piped_in_is_read_and_the_program_goes_on(run: Callable[..., Box]) -> None:
    box = run(config=CONFIG, wait=True)
    # Docker's own log has whole lines only; as JSON the unfinished one is a line.
    box.wait_log('"message":"name: ","partial":true')
    pid = box.pid("console")
    for word in ("one", "two"):
        done = box.exec("sh", "-c", f"echo {word} | supervicectl attach console", check=True)
        assert f"<{word}>" in done.output
        box.wait_log(f"<{word}>")
    refused = box.exec("sh", "-c", "echo three | supervicectl attach console", user=MEMBER)
    assert (refused.code, "you may only read" in refused.output) == (1, True)
    assert box.pid("console") == pid
    assert "three" not in box.logs()
    assert "the end" not in box.logs()
