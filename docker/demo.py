"""The demo: nginx, a web application and Redis under supervice as PID 1, shown in plain words.

    demo.py [--image TAG] [--base TAG] container   in a container; builds the images first
    demo.py [--bin DIR] namespace                                in a PID namespace of this machine

Whatever is said here was seen: every step checks, and the first that does not hold ends the demo
with exit code 1. Exit code 3: no engine, so the container cannot be shown (see with-engine.sh).
Standard library only, since it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

REPOSITORY = Path(__file__).resolve().parent.parent
EXAMPLE = REPOSITORY / "examples" / "web-stack"
APP = EXAMPLE / "app"
SERVERS = ("redis", "web", "nginx")
PROCESSES = ("redis", "web:00", "web:01", "nginx")
ORPHANS = 50
TIME_LIMIT = 110  # seconds, images not counted
WIDTH = 75  # of what is quoted
CLIENTS = 4
GRACE = 20  # seconds that a stop may take before it is a kill

T = TypeVar("T")
Status = dict[str, dict[str, Any]]


class Failed(Exception):
    """Something that the demo shows did not happen."""


# --- saying and checking ---------------------------------------------------------------------------


def headline(text: str) -> None:
    print(f"\n== {text}", flush=True)


def say(text: str) -> None:
    for line in textwrap.wrap(text, WIDTH, subsequent_indent="    ", break_on_hyphens=False):
        print(f"   {line}", flush=True)


def quote(text: str, width: int | None = WIDTH) -> None:
    """Prints it for a terminal of 80 columns; with None whole lines."""
    for line in text.rstrip().splitlines():
        cut = width is not None and len(line) > width
        print(f"   | {line[: WIDTH - 1] + '…' if cut else line}", flush=True)


def check(holds: bool, what: str) -> None:
    if not holds:
        raise Failed(what)


def until(what: str, look: Callable[[], T | None], timeout: float = 30.0) -> T:
    """The first result of `look` that is not None. An exception is "not yet"; Failed is final."""
    deadline = time.monotonic() + timeout
    last: Exception | None = None
    while time.monotonic() < deadline:
        try:
            result = look()
            if result is not None:
                return result
        except Failed:
            raise
        except Exception as error:
            last = error
        time.sleep(0.02)
    raise Failed(f"not within {timeout:g} s: {what}" + (f" ({last})" if last else ""))


def output_of(*argv: str) -> str:
    """Standard output of a command that has to succeed."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(
            f"{shlex.join(argv)}: exit code {done.returncode}: {done.stdout}{done.stderr}".strip()
        )
    return done.stdout


# --- where it runs ---------------------------------------------------------------------------------


class Stage(Protocol):
    """What the story needs of the place it is played in. Pids are those inside."""

    def start(self) -> None: ...
    def ctl(self, *args: str) -> str: ...
    def fetch(self) -> bytes: ...
    def pid_1(self) -> str: ...
    def inside(self, script: str) -> str: ...  # output of a shell script run beside the programs
    def processes(self) -> dict[int, str]: ...  # pid -> state letter of /proc/PID/status
    def stop(self) -> int: ...  # the exit code
    def log(self) -> str: ...
    def clean_up(self) -> None: ...


class InContainer:
    def __init__(self, image: str, base: str) -> None:
        self.image, self.base = image, base
        self.stack = f"{image.partition(':')[0]}-example-web-stack:dev"
        self.name = f"supervice-demo-{os.getpid()}"
        self.published = ""

    def build(self) -> None:
        headline("Building the images")
        own = (str(REPOSITORY / "docker/image.sh"), self.image, self.base)
        example = ("docker", "build", "-t", self.stack, "--build-arg", f"BASE={self.image}", str(EXAMPLE))
        for tag, command in ((self.image, own), (self.stack, example)):
            begun = time.monotonic()
            # The first time there is an interpreter to build, and its standard error says so.
            errors = None if command is own else subprocess.STDOUT
            done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=errors)
            if done.returncode != 0:
                quote(done.stdout, None)
                raise Failed(f"{tag} could not be built")
            say(f"{tag}: {time.monotonic() - begun:.1f} s")

    def start(self) -> None:
        command = ["docker", "run", "--detach", "--name", self.name, "--publish", "127.0.0.1::80", self.stack]
        say("$ " + shlex.join(command))
        output_of(*command)
        self.published = output_of("docker", "port", self.name, "80").split()[0]
        say(f"port 80 of the container is http://{self.published}/")

    def exec(self, *argv: str) -> str:
        return output_of("docker", "exec", self.name, *argv)

    def ctl(self, *args: str) -> str:
        return self.exec("supervicectl", *args)

    def fetch(self) -> bytes:
        return fetch(f"http://{self.published}/")

    def pid_1(self) -> str:
        return self.exec("cat", "/proc/1/cmdline").replace("\0", " ").strip()

    def inside(self, script: str) -> str:
        return self.exec("sh", "-c", script)

    def processes(self) -> dict[int, str]:
        # The glob is expanded first, so a process may be gone by the time it is read.
        script = "sed -s -n -e '/^State:/p' -e '/^Pid:/p' /proc/[0-9]*/status 2>/dev/null; exit 0"
        return parse_status(self.inside(script))

    def stop(self) -> int:
        say(f"$ docker stop --time {GRACE} {self.name}")
        output_of("docker", "stop", "--time", str(GRACE), self.name)
        return int(output_of("docker", "inspect", "--format", "{{.State.ExitCode}}", self.name))

    def log(self) -> str:
        done = subprocess.run(
            ("docker", "logs", self.name), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return done.stdout

    def clean_up(self) -> None:
        subprocess.run(("docker", "rm", "--force", "--volumes", self.name), capture_output=True)


class InNamespace:
    """The same programs with supervice as PID 1 of a PID namespace; only the walls are missing."""

    def __init__(self, bin_directory: Path) -> None:
        self.bin = bin_directory.absolute()
        self.directory = Path(tempfile.mkdtemp(prefix="supervice-demo-"))
        self.directory.chmod(0o755)
        self.socket = self.directory / "supervice.sock"
        self.unshare: subprocess.Popen[bytes] | None = None
        self.ports = {name: free_port() for name in SERVERS}

    def build(self) -> None:
        headline("Preparing a PID namespace (no container: the same stack, on this machine's files)")
        commands = self.commands()
        (self.directory / "nginx.conf").write_text(self.nginx_conf())
        (self.directory / "supervice.conf").write_text(self.supervice_conf(commands))

    def commands(self) -> dict[str, str]:
        """How each server is run here: the real one, installed if possible, else a stand-in."""
        missing = [
            package
            for name, package in (("nginx", "nginx-light"), ("redis-server", "redis-server"))
            if not tool(name)
        ]
        if missing and os.geteuid() == 0 and shutil.which("apt-get"):
            say(f"installing {' '.join(missing)} with apt")
            # RUNLEVEL=1: their start scripts must not start servers of the machine's own.
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
            for verb in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
                # A failure shows itself as a stand-in below.
                subprocess.run(
                    ["apt-get", "-qq", *verb], env=environment, stdin=subprocess.DEVNULL, capture_output=True
                )
        packages = self.directory / "packages"
        pip = (str(self.bin / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check")
        subprocess.run(
            (*pip, "--timeout", "15", "--retries", "1", "install", "--target", str(packages), "gunicorn"),
            capture_output=True,
        )
        this = f"{shlex.quote(sys.executable)} {shlex.quote(str(Path(__file__).resolve()))} stand-in"
        redis, web, nginx = (self.ports[name] for name in SERVERS)
        commands = {
            "redis": f"{tool('redis-server')} --bind 127.0.0.1 --port {redis} --save '' --appendonly no",
            "web": f"{self.bin}/python {packages}/bin/gunicorn app:application",
            "nginx": f"{tool('nginx')} -c {self.directory}/nginx.conf -e stderr",
        }
        if not tool("redis-server"):
            commands["redis"] = f"{this} redis {redis}"
        if not (packages / "bin" / "gunicorn").exists():
            commands["web"] = f"{this} web {web}"
        if not tool("nginx"):
            commands["nginx"] = f"{this} proxy {nginx} {web}"
        for name, command in commands.items():
            program = "a stand-in in Python" if command.startswith(this) else command.split(" -")[0]
            say(f"{name}: {program}")
        return commands

    def nginx_conf(self) -> str:
        text = (EXAMPLE / "nginx.conf").read_text()
        for here, there in (
            ("user www-data;\n", ""),
            ("/run/nginx.pid", f"{self.directory}/nginx.pid"),
            ("listen 80;", f"listen 127.0.0.1:{self.ports['nginx']};"),
            ("127.0.0.1:8000", f"127.0.0.1:{self.ports['web']}"),
            ("http {\n", "http {\n" + "".join(
                f"    {kind}_temp_path {self.directory}/{kind};\n"
                for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            )),
        ):  # fmt: skip
            check(here in text, f"examples/web-stack/nginx.conf has {here!r}")
            text = text.replace(here, there)
        return text

    def supervice_conf(self, commands: dict[str, str]) -> str:
        environment = f'REDIS_PORT="{self.ports["redis"]}",PYTHONPATH="{self.directory}/packages"'
        setup = f"{shlex.quote(sys.executable)} setup.py"

        def when_ready(name: str) -> str:
            return f"startsecs = 0\nready = tcp:127.0.0.1:{self.ports[name]}\nready_timeout = 30"

        return f"""
[supervice]
socket = {self.socket}

[program:redis]
command = {commands["redis"]}
directory = {self.directory}
{when_ready("redis")}

[program:setup]
type = oneshot
command = {setup}
directory = {APP}
environment = {environment}
depends_on = redis:ready

[program:web]
command = {commands["web"]}
numprocs = 2
listen = tcp:127.0.0.1:{self.ports["web"]}
rolling = true
directory = {APP}
environment = {environment}
depends_on = setup:completed
ready = notify
ready_timeout = 30

[program:nginx]
command = {commands["nginx"]}
directory = {self.directory}
depends_on = web:ready
{when_ready("nginx")}
stopsignal = QUIT
"""

    def start(self) -> None:
        unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if os.geteuid() != 0:
            unshare += ["--user", "--map-root-user"]
        command = [*unshare, str(self.bin / "supervice"), "-c", str(self.directory / "supervice.conf")]
        say("$ " + shlex.join(command))
        with (self.directory / "log").open("wb") as log:
            self.unshare = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def outside(self) -> int:
        """The pid that this machine has for PID 1 of the namespace."""
        assert self.unshare is not None
        if self.unshare.poll() is not None:
            raise Failed(
                f"the PID namespace has ended (or could not be made), exit code {self.unshare.returncode}"
            )
        children = Path(f"/proc/{self.unshare.pid}/task/{self.unshare.pid}/children").read_text()
        return int(children.split()[0])

    @staticmethod
    def descends(pid: int, top: int) -> bool:
        while pid > 1 and pid != top:
            pid = int(status_field(pid, "PPid"))
        return pid == top

    def ctl(self, *args: str) -> str:
        self.outside()  # fails at once when the namespace has ended, and does not wait for its socket
        return output_of(str(self.bin / "supervicectl"), "-s", str(self.socket), *args)

    def fetch(self) -> bytes:
        return fetch(f"http://127.0.0.1:{self.ports['nginx']}/")

    def pid_1(self) -> str:
        return Path(f"/proc/{self.outside()}/cmdline").read_text().replace("\0", " ").strip()

    def inside(self, script: str) -> str:
        user = ["--user", "--preserve-credentials"] if os.geteuid() != 0 else []
        return output_of("nsenter", "--target", str(self.outside()), *user, "--pid", "sh", "-c", script)

    def processes(self) -> dict[int, str]:
        top = self.outside()
        depth = len(status_field(top, "NSpid").split())
        found: dict[int, str] = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, LookupError):  # it ended meanwhile
                numbers = status_field(int(entry.name), "NSpid").split()
                # By descent, not by the namespace link, which a zombie has no more. What nsenter
                # puts beside PID 1 is not its descendant, and none of this story's business.
                if len(numbers) == depth and self.descends(int(entry.name), top):
                    found[int(numbers[-1])] = status_field(int(entry.name), "State")[0]
        return found

    def stop(self) -> int:
        assert self.unshare is not None
        outside = self.outside()
        say(f"$ kill -TERM {outside}   (pid 1 inside)")
        os.kill(outside, signal.SIGTERM)
        code = self.unshare.wait(timeout=GRACE)
        return code if code >= 0 else 128 - code

    def log(self) -> str:
        return (
            (self.directory / "log").read_text(errors="replace") if (self.directory / "log").exists() else ""
        )

    def clean_up(self) -> None:
        if self.unshare is not None and self.unshare.poll() is None:
            self.unshare.kill()  # --kill-child: and with it everything in the namespace
            self.unshare.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def tool(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def fetch(url: str) -> bytes:
    # No proxy of the environment: what is asked is always on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as reply:
        return bytes(reply.read())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def status_field(pid: int, field: str) -> str:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return value.strip()
    raise LookupError(field)


def parse_status(text: str) -> dict[int, str]:
    found: dict[int, str] = {}
    state = ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "State":
            state = value.strip()[0]
        else:
            found[int(value)] = state
    return found


# Each subshell ends before its child, which is then PID 1's to collect. Their streams are closed,
# or a reader of this output would wait for them too.
ORPHANAGE = f"""
i=0
while [ $i -lt {ORPHANS} ]; do
    (sleep 1000 >/dev/null 2>&1 & echo $!)
    i=$((i+1))
done
"""


# --- the story -------------------------------------------------------------------------------------


def status(stage: Stage) -> Status:
    return {process["name"]: process for process in json.loads(stage.ctl("--json", "status"))["processes"]}


def visit(stage: Stage) -> int:
    """One request through nginx; the number that Redis counted."""
    body = stage.fetch()
    quote(body.decode())
    answer = json.loads(body)
    check(answer.get("greeting") == "hello", "the greeting that the setup program put into Redis")
    return int(answer["visits"])


def crash(stage: Stage, before: Status) -> None:
    headline("One of the two web servers crashes")
    old = before["web:00"]["pid"]
    begun = time.monotonic()
    say(f"$ kill -9 {old}   (inside)")
    stage.inside(f"kill -9 {old}")

    def replaced() -> Status | None:
        row = (now := status(stage))["web:00"]
        return now if row["state"] == "RUNNING" and row["pid"] not in (None, old) else None

    after = until("web:00 RUNNING again with a new pid", replaced)
    took = time.monotonic() - begun
    say(f"it is RUNNING again, {took:.1f} s after the kill: pid {old} -> {after['web:00']['pid']}")
    for name in ("redis", "web:01", "nginx"):
        check(after[name]["pid"] == before[name]["pid"], f"{name} was left alone")
    say("the others were left alone: same pids as before")

    headline("supervicectl why web:00")
    why = stage.ctl("why", "web:00")
    quote(why)
    check("killed by SIGKILL" in why, "why has the reason")


def rolling(stage: Stage) -> None:
    headline("A rolling restart, while clients ask without a pause")
    before = status(stage)
    answers: list[int] = []
    failures: list[str] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                answers.append(int(json.loads(stage.fetch())["pid"]))
            except (OSError, ValueError, LookupError, http.client.HTTPException) as error:
                failures.append(f"{type(error).__name__}: {error}")

    clients = [threading.Thread(target=ask, daemon=True) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        until("answers", lambda: len(answers) > 20 or None)
        say("$ supervicectl restart 'web:*'")
        quote(stage.ctl("restart", "web:*"))
        until("an answer of a new process", lambda: answers[-1] not in answers[:20] or None)
    finally:
        over.set()
        for client in clients:
            client.join(10)
    after = status(stage)
    for name in ("web:00", "web:01"):
        say(f"{name}: pid {before[name]['pid']} -> {after[name]['pid']}")
        check(after[name]["pid"] != before[name]["pid"], f"{name} was replaced")
    say(f"{len(answers)} requests answered, {len(failures)} refused or cut off")
    check(not failures, f"no request failed; {failures[:1]}")


def tell(stage: Stage) -> None:
    headline("Starting")
    begun = time.monotonic()
    stage.start()

    def all_up() -> Status | None:
        now = status(stage)
        fatal = [name for name, process in now.items() if process["state"] == "FATAL"]
        check(not fatal, f"no program FATAL ({', '.join(fatal)})")
        up = all(now[name]["state"] == "RUNNING" for name in PROCESSES) and now["setup"]["state"] == "EXITED"
        return now if up else None

    before = until("redis, web and nginx RUNNING and setup done", all_up)
    until("the first answer through nginx", lambda: json.loads(stage.fetch())["visits"])
    say(f"everything is up after {time.monotonic() - begun:.1f} s; PID 1 is: {stage.pid_1()}")
    check("supervice" in stage.pid_1(), "supervice is PID 1")

    headline("supervicectl status -o wide: each with all that it has started")
    quote(stage.ctl("status", "-o", "wide"))

    headline("supervicectl boot: which program waited for which")
    quote(stage.ctl("boot"))

    headline("Requests through nginx to the web application, which counts in Redis")
    first = visit(stage)
    second = visit(stage)
    check(second == first + 1, "the second request counted one more than the first")

    crash(stage, before)

    headline("And Redis went on counting")
    third = visit(stage)
    check(third > second, "Redis went on counting")
    rolling(stage)

    headline("supervicectl exec: a command with everything that the program has")
    words = "id -un; pwd; echo $SUPERVISOR_GROUP_NAME"
    say(f"$ supervicectl exec web:00 -- sh -c '{words}'")
    said = stage.ctl("exec", "web:00", "--", "sh", "-c", words)
    quote(said)
    check(said.split()[-1] == "web", "the command has the environment of web:00")

    headline(f"{ORPHANS} orphans are left to PID 1, and die all at once")
    orphans = [int(pid) for pid in stage.inside(ORPHANAGE).split()]
    check(set(orphans) <= set(stage.processes()), f"{ORPHANS} orphans are there")
    stage.inside("kill -9 " + " ".join(map(str, orphans)))

    def collected() -> dict[int, str] | None:
        now = stage.processes()
        return now if not set(orphans) & set(now) and "Z" not in now.values() else None

    left = until("no orphan and no zombie left", collected, 10)
    say(f"collected all {len(orphans)}; zombies: {list(left.values()).count('Z')} of {len(left)} processes")

    headline("A graceful stop")
    begun = time.monotonic()
    code = stage.stop()
    took = time.monotonic() - begun
    quote("\n".join(stage.log().rstrip().splitlines()[-8:]))
    say(f"exit code {code}, {took:.1f} s")
    check(code == 0, "exit code 0 after a graceful stop")
    check(took < GRACE / 2, "the stop was graceful, not a kill after the grace period")


def perform(stage: InContainer | InNamespace) -> int:
    def too_late(*_: object) -> None:
        raise Failed(f"the demo did not end within {TIME_LIMIT} s")

    def interrupted(*_: object) -> None:
        sys.exit(143)  # through the finally below: nothing may be left running

    signal.signal(signal.SIGTERM, interrupted)
    begun = time.monotonic()
    try:
        stage.build()
        signal.signal(signal.SIGALRM, too_late)
        signal.alarm(TIME_LIMIT)
        begun = time.monotonic()
        tell(stage)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        print(f"\nFAILED: {error}", flush=True)
        quote("\n".join(stage.log().splitlines()[-60:]), None)
        return 1
    finally:
        signal.alarm(0)
        stage.clean_up()
    headline(f"All of it happened, in {time.monotonic() - begun:.1f} s.")
    return 0


# --- stand-ins, for a machine that has no nginx, no Redis, and no way to get them ---------------------


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _RedisHandler(socketserver.StreamRequestHandler):
    """GET, SET and INCR of strings."""

    data: dict[bytes, bytes] = {}

    def handle(self) -> None:
        while header := self.rfile.readline():
            words = [self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2] for _ in range(int(header[1:]))]
            self.wfile.write(self.answer(*words))

    def answer(self, verb: bytes, key: bytes, value: bytes = b"") -> bytes:
        if verb == b"SET":
            self.data[key] = value
            return b"+OK\r\n"
        if verb == b"INCR":
            self.data[key] = b"%d" % (int(self.data.get(key, b"0")) + 1)
            return b":%s\r\n" % self.data[key]
        found = self.data.get(key)
        return b"$-1\r\n" if found is None else b"$%d\r\n%s\r\n" % (len(found), found)


def web_stand_in() -> None:
    """Serves on the socket that it is handed, says that it is ready, and ends when it has answered."""
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

    sys.path.insert(0, str(APP))
    from app import application  # type: ignore[import-not-found]

    with socket.socket(fileno=3) as given, WSGIServer(("", 0), WSGIRequestHandler, False) as server:
        server.socket.close()
        server.socket = given
        server.server_name, server.server_port = "localhost", given.getsockname()[1]
        server.setup_environ()
        server.set_app(application)
        given.setblocking(False)  # another process may be faster
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
        server.serve_forever(poll_interval=0.05)


def stand_in(kind: str, port: int, behind: int) -> None:
    address = ("127.0.0.1", port)
    if kind == "redis":
        _Server(address, _RedisHandler).serve_forever()
    elif kind == "web":
        web_stand_in()
    else:
        signal.signal(signal.SIGQUIT, lambda *_: sys.exit(0))

        class Proxy(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass
                try:
                    body, line = fetch(f"http://127.0.0.1:{behind}/"), b"200 OK"
                except OSError:
                    body, line = b"{}", b"502 Bad Gateway"
                head = b"HTTP/1.0 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                self.wfile.write(head % (line, len(body)) + body)

        _Server(address, Proxy).serve_forever()


def main() -> int:
    parser = argparse.ArgumentParser(description="Show supervice as PID 1.")
    parser.add_argument("--image", default="supervice:dev")
    parser.add_argument("--base", default="python:3.13-slim")
    parser.add_argument("--bin", type=Path, default=REPOSITORY / ".venv" / "bin")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("container")
    commands.add_parser("namespace")
    extra = commands.add_parser("stand-in")
    extra.add_argument("kind", choices=("redis", "web", "proxy"))
    extra.add_argument("port", type=int)
    extra.add_argument("behind", type=int, nargs="?", default=0)
    options = parser.parse_args()
    if options.command == "stand-in":
        stand_in(options.kind, options.port, options.behind)
        return 0
    if options.command == "container":
        if os.environ.get("SUPERVICE_TEST_REQUIRE_ENGINE") == "0":
            return 3
        return perform(InContainer(options.image, options.base))
    return perform(InNamespace(options.bin))


if __name__ == "__main__":
    sys.exit(main())
