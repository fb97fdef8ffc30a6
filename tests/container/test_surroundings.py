"""The ways in which people run containers: other users, read-only, without rights, again and again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.container.helpers import Box, eventually

CONFIG = """\
[supervice]

[program:one]
command = sleep 1000
startsecs = 0

[program:who]
command = sh -c "echo uid $(id -u) gid $(id -g) in $PWD; exec sleep 1000"
startsecs = 0
"""

SURROUNDINGS: dict[str, dict[str, Any]] = {
    "user without a passwd entry": {"user": "12345:12345"},
    "user nobody": {"user": "nobody"},
    "read-only": {"read_only": True},
    "read-only with a tmpfs": {"read_only": True, "tmpfs": {"/tmp": "", "/run": ""}},
    "no capabilities": {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]},
    "all of it": {
        "user": "12345:12345",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
    },
    "under an init": {"init": True},
    "under an init as a user": {"init": True, "user": "12345:12345"},
    "limited": {"mem_limit": "128m", "pids_limit": 20},
    "another working directory": {"working_dir": "/usr/share"},
}


def works(box: Box) -> None:
    """Whatever the surroundings, this can be expected."""
    box.wait_state("one", "who")
    first = box.pid("one")
    box.ctl("signal", "KILL", "one")
    eventually(lambda: box.state("one") == "RUNNING" and box.pid("one") != first)
    box.ctl("restart", "one")
    assert box.ctl("health").code == 0
    assert box.zombies() == []
    assert box.stop() == 0
    expected = r"one: ended, killed by SIGKILL|running without a pid file: supervice.pid"
    assert re.findall(rf"WARNING (?!{expected}).*", box.logs()) == []


@pytest.mark.parametrize("options", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_it_works_in(run: Callable[..., Box], options: dict[str, Any]) -> None:
    box = run(config=CONFIG, **options)
    works(box)
    uid = {"12345:12345": "12345", "nobody": "65534"}.get(options.get("user", ""), "0")
    assert re.search(rf"^uid {uid} gid {uid} in {options.get('working_dir', '/')}$", box.logs(), re.M)


@pytest.mark.parametrize("options", [SURROUNDINGS["all of it"], {"init": True}], ids=["all of it", "init"])
def test_on_every_base(
    run: Callable[..., Box], image_for: Callable[[str], str], base: str, options: dict[str, Any]
) -> None:
    works(run(config=CONFIG, image=image_for(base), **options))


def test_control_as_the_user_of_the_container_and_as_root(run: Callable[..., Box]) -> None:
    box = run(config=CONFIG, user="12345:12345", wait=True)
    # docker exec without -u is that user
    assert box.exec("id", "-u").output == "12345\n"
    box.ctl("restart", "one")
    box.ctl("restart", "one", user="root")
    assert box.ctl("restart", "one", user="54321", check=False).code == 4
    assert box.stop() == 0


def test_without_any_writable_directory(run: Callable[..., Box]) -> None:
    """It runs, without socket and pid file, and says so once."""
    box = run(config=CONFIG, user="12345:12345", read_only=True, ipc_mode="none")
    log = box.wait_log("one: running")
    assert len(re.findall("without a control socket", log)) == 1
    assert len(re.findall("WARNING", log)) == 1
    pid = re.search(r"one: running, pid (\d+)", log)
    assert pid
    box.exec("sh", "-c", f"kill -KILL {pid[1]}", check=True)
    eventually(lambda: box.logs().count("one: running") == 2)
    assert box.stop() == 0


def test_a_program_of_another_user_without_the_right_to_switch(run: Callable[..., Box]) -> None:
    config = """\
[supervice]
[program:app]
command = sleep 1000
user = nobody
startretries = 0
[program:one]
command = sleep 1000
"""
    box = run(config=config, user="12345:12345")
    box.wait_state("app", state="FATAL")
    assert "only root may" in box.status()["app"]["reason"]
    box.wait_state("one")


def test_programs_of_other_users(run: Callable[..., Box]) -> None:
    config = """\
[supervice]
[program:named]
command = sh -c 'echo named $(id -u) $(id -g) $HOME $USER; exec sleep 1000'
user = www-data
[program:numbered]
command = sh -c 'echo numbered $(id -u) $(id -g) $(id -G) $HOME; exec sleep 1000'
user = 4711:4712
[program:grouped]
command = sh -c 'echo grouped $(id -u) $(id -g); exec sleep 1000'
user = nobody:users
"""
    box = run(config=config, wait=True)
    log = box.logs()
    assert "named 33 33 /var/www www-data\n" in log
    assert "numbered 4711 4712 4712 /\n" in log
    assert "grouped 65534 100\n" in log
    assert box.stop() == 0


RESTARTED = CONFIG.replace(
    "[supervice]", "[supervice]\npidfile = /run/supervice.pid\nsocket = /run/supervice.sock"
)


@pytest.mark.long
def test_docker_restart(run: Callable[..., Box], image_for: Callable[[str], str], base: str) -> None:
    box = run(config=RESTARTED, image=image_for(base), wait=True)
    for _ in range(2):
        box.container.restart(timeout=5)
        box.wait_state("one", "who")
    assert box.stop() == 0
    # Nothing is left that the next start would stumble over.
    box.container.start()
    box.wait_state("one", "who")
    assert box.exec("cat", "/run/supervice.pid").output.strip() == "1"
    # Killed, the socket and the pid file stay behind, and both look like ours: we are pid 1 again.
    box.container.kill()
    assert box.wait() == 137
    box.container.start()
    box.wait_state("one", "who")
    log = box.logs()
    assert "refused" not in log
    assert "without" not in log
    assert box.stop() == 0


def test_a_restart_policy_sees_the_exit_code(run: Callable[..., Box]) -> None:
    config = (
        "[supervice]\n[program:app]\ncommand = sh -c 'echo begun; exit {code}'\nmain = true\nstartsecs = 0\n"
    )
    policy = {"Name": "on-failure", "MaximumRetryCount": 2}
    failing = run(config=config.format(code=5), restart_policy=policy)
    content = run(config=config.format(code=0), restart_policy=policy)
    eventually(lambda: failing.logs().count("begun") == 3, 30, 0.05, "the first start and two more")
    assert failing.wait() == 5
    assert content.wait() == 0
    assert content.logs().count("begun") == 1


def test_descriptors_and_signals_of_programs_are_clean(run: Callable[..., Box]) -> None:
    box = run(config="[supervice]\n[program:app]\ncommand = sleep 1000\n", wait=True)
    proc = f"/proc/{box.pid('app')}"
    assert sorted(box.exec("ls", f"{proc}/fd", check=True).output.split()) == ["0", "1", "2"]
    assert box.exec("readlink", f"{proc}/fd/0").output == "/dev/null\n"
    status = box.exec("cat", f"{proc}/status", check=True).output
    masks = {key: int(value, 16) for key, value in re.findall(r"^(Sig\w+):\s+([0-9a-f]+)$", status, re.M)}
    # The C library's own two (32 and 33), which its posix_spawn ignores in each child, are not ours.
    assert (masks["SigBlk"], masks["SigIgn"] & ~(3 << 31), masks["SigCgt"]) == (0, 0, 0)
    # Its own group and session.
    stat = box.exec("cat", f"{proc}/stat").output.rpartition(")")[2].split()
    assert stat[2] == stat[3] == str(box.pid("app"))


def test_python_variables_of_an_application_are_not_for_pid_1(run: Callable[..., Box]) -> None:
    """PYTHONHOME of an application must not keep supervice from starting, and must reach the application."""
    box = run(
        config="[program:a]\ncommand = sh -c 'echo home=$PYTHONHOME path=$PYTHONPATH; exec sleep 1000'\n",
        environment={"PYTHONHOME": "/nowhere", "PYTHONPATH": "/elsewhere"},
    )
    box.wait_log("home=/nowhere path=/elsewhere")
