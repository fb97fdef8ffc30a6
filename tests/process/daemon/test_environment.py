"""What variables a program gets, byte for byte, and what a reload makes of changed files."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.process.harness.daemon import Daemon

Make = Callable[..., Daemon]

# In the order of how badly they have gone wrong elsewhere: quoting, commas, comments, percents, bytes.
NASTY: tuple[bytes, ...] = (
    b"", b" ", b"  two  ", b"\t", b"a\nb", b"\n", b"\n\n", b"\r\n", b"a\r", b"trailing\n",
    b"'", b'"', b"''", b'""', b"it's", b'say "hi"', b"'\"'\"", b"\\", b"\\\\", b"\\n",
    b"a\\", b'\\"', b",", b"a,b", b"A=1,B=2", b"=", b"a=b=c", b"#", b"a #b", b"; x",
    b"a ; b", b"%", b"%%", b"100%", b"%(here)s", b"%(ENV_HOME)s", b"%(", b"$HOME", b"${X:-y}", b"`id`",
    b"$(id)", b"*", b"[program:x]", b"\x01\x02\x7f", b"\xff\xfe", b"caf\xc3\xa9", b"\xe2\x80\xa8", b"\xef\xbb\xbf",
    b"-----BEGIN KEY-----\nMIIE/+==\n-----END KEY-----\n", b"x" * 100_000,
)  # fmt: skip


def child_environment(path: Path) -> dict[bytes, bytes]:
    def whole() -> bytes | None:
        data = path.read_bytes() if path.exists() else b""
        return data if data.endswith(b"\0") else None

    data = eventually(whole, message=str(path))
    assert data
    return dict(item.split(b"=", 1) for item in data[:-1].split(b"\0"))


def reporting(path: Path) -> str:
    """A program that shows its environment and stays. The rename makes it whole when it is there."""
    command = f"sh -c 'cat /proc/self/environ > {path}.part; mv {path}.part {path}; exec sleep 1000'"
    return f"command = {command}\nstartsecs = 0\nbackoff = 0.1\n"


def test_fifty_nasty_values_arrive_byte_for_byte(daemon: Make, tmp_path: Path) -> None:
    assert len(NASTY) == 50
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    env_file = tmp_path / "some.env"
    ours, pairs, files, lines = {}, [], [], []
    for number, value in enumerate(NASTY):
        ours[f"OURS_{number}"] = os.fsdecode(value)
        if number != 49:  # both of it would not leave the others room
            pairs.append(f'CONF_{number}="%(ENV_OURS_{number})s"')
        (secrets / str(number)).write_bytes(value + b"\n")
        files.append(f"SECRET_{number}={secrets / str(number)}")
        if b"\n" not in value:
            lines.append(b'export LINE_%d="%s"\n' % (number, value))
    env_file.write_bytes(b"".join(lines))
    out = tmp_path / "environ"
    one = daemon(
        f"[program:a]\n{reporting(out)}environment = {','.join(pairs)}\nsecrets = {', '.join(files)}\n"
        f"env_file = {env_file}\n",
        env=ours,
    )
    found = child_environment(out)
    for number, value in enumerate(NASTY):
        for route in ("OURS", "CONF", "SECRET", "LINE"):
            if (route == "CONF" and number == 49) or (route == "LINE" and b"\n" in value):
                continue
            assert found[f"{route}_{number}".encode()] == value, (route, number)
    assert "BEGIN KEY" not in one.text() + str(one.ask("status")) + str(one.ask("why", name="a"))


def test_which_variable_wins(daemon: Make, tmp_path: Path) -> None:
    for name, names in (("all", "ABCDEF"), ("one", "CDEF"), ("two", "DEF")):
        (tmp_path / name).write_text("".join(f"{key}={name}\n" for key in names))
    (tmp_path / "secret").write_text("secret\n")
    out = tmp_path / "environ"
    daemon(
        f"[supervice]\nsocket = {tmp_path}/0/s.sock\nenv_file = {tmp_path}/all\nenvironment = B=every\n"
        f"[program:a]\n{reporting(out)}env_file = {tmp_path}/one, {tmp_path}/two\nenvironment = E=own,F=own\n"
        f"secrets = F={tmp_path}/secret\n"
    )
    found = child_environment(out)
    assert [found[key] for key in (b"A", b"B", b"C", b"D", b"E", b"F")] == [
        b"all",
        b"every",
        b"one",
        b"two",
        b"own",
        b"secret",
    ]


def test_only_what_is_named_passes(daemon: Make, tmp_path: Path) -> None:
    outs = [tmp_path / name for name in "ab"]
    daemon(
        f"[program:a]\n{reporting(outs[0])}pass_environment = PATH, MY_*\nenvironment = X=1\n"
        f"[program:b]\n{reporting(outs[1])}",
        env={"MY_A": "1", "MY_B": "2", "OTHER": "3", "NOTIFY_SOCKET": "/x"},
    )
    found = child_environment(outs[0])
    ours = {b"PATH", b"MY_A", b"MY_B", b"X"}
    ours |= {b"SUPERVISOR_ENABLED", b"SUPERVISOR_PROCESS_NAME", b"SUPERVISOR_GROUP_NAME", b"SUPERVICE_SOCKET"}
    assert found.keys() - {b"PWD", b"OLDPWD", b"SHLVL", b"_"} == ours
    assert child_environment(outs[1])[b"OTHER"] == b"3"
    assert b"NOTIFY_SOCKET" not in child_environment(outs[1])


@pytest.mark.skipif(os.geteuid() != 0, reason="switching users needs root")
def test_a_user_switch_brings_its_own_home_whatever_passes(daemon: Make, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    one = daemon(
        "[program:a]\ncommand = sh -c 'echo $HOME:$USER:$LOGNAME:$SECRET:$(id -G); exec sleep 1000'\nuser = nobody\n"
        f"pass_environment = HOME\nsecrets = SECRET={tmp_path}/secret\nstartsecs = 0\nbackoff = 0.1\n"
        "startretries = -1\n"
    )
    row = one.wait_state("a", "BACKOFF")
    assert f"secret SECRET, {tmp_path}/secret: No such file or directory" in row["reason"]
    (tmp_path / "secret").write_text("fallen-from-heaven\n")
    (tmp_path / "secret").chmod(0o400)  # we read it, the program need not be able to
    entry = pwd.getpwnam("nobody")
    groups = sorted(os.getgrouplist("nobody", entry.pw_gid), key=lambda gid: gid != entry.pw_gid)
    one.wait_text(f"{entry.pw_dir}:nobody:nobody:fallen-from-heaven:{' '.join(map(str, groups))}\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="switching users needs root")
def test_a_user_without_rights_opens_its_own_output_again(daemon: Make) -> None:
    """`/dev/stderr` as a log file of nginx or php-fpm (moby/moby#6880); what is no pipe of ours stays as it is."""
    before = os.stat("/dev/null")
    one = daemon(
        "[program:a]\ncommand = sh -c 'echo to stdout >/dev/stdout; echo to stderr >/dev/stderr; exec sleep 1000'\n"
        "user = nobody\nstartsecs = 0\n"
        "[program:quiet]\ncommand = sleep 1000\nuser = nobody\nstdout_logfile = NONE\nstderr_logfile = NONE\n"
    )
    one.wait_text("to stderr\n")
    assert "to stdout\n" in one.text()
    one.wait_state("quiet", "RUNNING")
    after = os.stat("/dev/null")
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


def test_a_missing_file_is_retried_and_named(daemon: Make, tmp_path: Path) -> None:
    late = tmp_path / "late.env"
    out = tmp_path / "environ"
    one = daemon(f"[program:a]\n{reporting(out)}startretries = -1\nenv_file = {late}\n")
    assert f"env_file {late}: No such file or directory" in one.wait_state("a", "BACKOFF")["reason"]
    late.write_text("A=1\nhunter2\n")
    eventually(lambda: "line 2 is not KEY=VALUE" in (one.row("a")["reason"] or ""))
    late.write_text("A=1\n")
    assert child_environment(out)[b"A"] == b"1"
    assert "hunter2" not in one.text()


def test_changed_content_counts_as_a_change_at_reload(daemon: Make, tmp_path: Path) -> None:
    env_file, secret = tmp_path / "some.env", tmp_path / "secret"
    env_file.write_text("A=1\n")
    secret.write_text("old-secret\n")
    outs = [tmp_path / name for name in "abc"]
    one = daemon(
        f"[program:a]\n{reporting(outs[0])}env_file = {env_file}\n"
        f"[program:b]\n{reporting(outs[1])}secrets = S={secret}\n"
        f"[program:c]\n{reporting(outs[2])}"
    )
    for out in outs:
        child_environment(out)
    pids = {name: row["pid"] for name, row in one.status().items()}
    nothing: dict[str, list[str]] = {"added": [], "removed": [], "changed": []}

    def reload(**more: bool) -> dict[str, object]:
        reply = one.ask("reload", **more)
        assert reply["status"] == "ok"
        return {key: reply[key] for key in nothing}

    assert reload() == nothing
    env_file.write_text("# only a comment is new\nA='1'\n")
    assert reload() == nothing
    secret.unlink()  # cannot be read: what runs is not replaced by what cannot start
    assert reload() == nothing
    outs[1].unlink()
    secret.write_text("new-secret\n")
    assert reload(dry_run=True) == {**nothing, "changed": ["b"]}
    assert reload() == {**nothing, "changed": ["b"]}
    assert child_environment(outs[1])[b"S"] == b"new-secret"
    assert reload() == nothing
    env_file.write_text("A=2\n")
    assert one.ask("stop", "a")["status"] == "ok"
    assert reload() == {**nothing, "changed": ["a"]}
    assert one.row("a")["state"] == "STOPPED"
    assert reload() == nothing  # it has not been started since
    assert one.row("c")["pid"] == pids["c"]
    assert "-secret" not in one.text()


@pytest.mark.parametrize("header", ["[supervice]\nsocket = none\n", "; no [supervice]\n[supervisord]\n"])
def test_what_is_written_out_in_the_file_arrives(daemon: Make, tmp_path: Path, header: str) -> None:
    """As far as a line of the file can hold it; percents are doubled, in our dialect quotes are escaped."""
    stock = "[supervisord]" in header
    wanted, pairs = {}, []
    for number, value in enumerate(NASTY[:49]):
        text = value.decode("utf-8", "replace").replace("\ufeff", "")
        if any(c in text for c in "\n\r\x01\x02\u2028") or " ;" in text or " #" in text or text[:1] in ";#":
            continue
        if stock and ('"' in text or text.strip() != text or text == "" or "'" in text):
            continue  # shlex there knows no escape, and takes quotes off both ends
        wanted[f"N_{number}".encode()] = text.encode()
        shown = text.replace("%", "%%")
        if not stock:
            shown = shown.replace("\\", "\\\\").replace('"', '\\"')
        pairs.append(f'N_{number}="{shown}"')
    out = tmp_path / "environ"
    daemon(
        f"{header}[program:a]\n{reporting(out)}environment = {','.join(pairs)}\n".replace(
            "backoff = 0.1\n", ""
        ),
        "-s",
        "none",
        wait=False,
    )
    found = child_environment(out)
    assert {name: found.get(name) for name in wanted} == wanted
    assert len(wanted) >= (15 if stock else 30)
