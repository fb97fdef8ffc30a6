"""`COPY --from=supervice /opt/supervice /opt/supervice` into images of every kind."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.container.helpers import Box, eventually
from tests.container.images import BASES, last_word
from tests.process.harness.bundle import bundle_folder

# The program that is run: each image has one of its own.
IMAGES = {
    "scratch": (
        "FROM scratch\n",
        '/opt/supervice/lib/python -c "import time; time.sleep(1000)"',
    ),
    # As in Alpine: the loader of musl, and a program that asks for it.
    "musl": (
        "FROM {base} AS musl\n"
        "RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends musl musl-tools gcc libc6-dev\n"
        "RUN echo 'int pause(void); int main(void) {{ return pause(); }}' >/p.c && musl-gcc -o /program /p.c\n"
        "RUN mkdir /loader && cp -L /lib/ld-musl-* /loader\n"
        "FROM scratch\n"
        "COPY --from=musl /loader /lib\n"
        "COPY --from=musl /program /program\n",
        "/program",
    ),
    # As in distroless: the C library and nothing else.
    "libc alone": (
        "FROM {base} AS glibc\n"
        "RUN mkdir -p /root-of-it && cp --parents -L /bin/sleep $(ldd /bin/sleep | grep -o '/[^ ]*') /root-of-it\n"
        "FROM scratch\n"
        "COPY --from=glibc /root-of-it /\n",
        "/bin/sleep 1000",
    ),
    "glibc without Python": (
        "FROM {base}\n"
        "RUN rm -rf /usr/bin/*python* /usr/bin/pip* /usr/lib/python* /usr/local/bin/*py* /usr/local/lib/*py*\n",
        "sleep 1000",
    ),
}  # fmt: skip
COPY = """
COPY --from={image} /opt/supervice {folder}
COPY supervice.conf /etc/supervice/supervice.conf
ENV {environment}
ENTRYPOINT ["{folder}/bin/supervice"]
"""
HOSTILE = (
    "LD_PRELOAD=/nowhere/preload.so PYTHONHOME=/nowhere PYTHONPATH=/nowhere PYTHONINSPECT=1 "
    "PYTHONWARNINGS=error PYTHONMALLOC=debug LANG=tlh_KX.EBCDIC LC_ALL=tlh_KX.EBCDIC PYTHONVERBOSE=2"
)
SURROUNDINGS: dict[str, dict[str, Any]] = {
    "root": {},
    "any user": {"user": "12345:12345"},
    "read-only": {"read_only": True},
    "any user, read-only, no rights": {
        "user": "12345:12345",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
    },
}


@pytest.fixture(scope="session")
def copied(image: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """`copied("musl")`: the id of an image of that kind with the bundle in it, built once a session."""
    bundle_folder()  # skips where there is none
    built: dict[tuple[str, str], str] = {}

    def build(kind: str, folder: str = "/opt/supervice") -> str:
        if (kind, folder) not in built:
            context = tmp_path_factory.mktemp("image")
            start, command = IMAGES[kind]
            copy = COPY.format(image=image, folder=folder, environment=HOSTILE)
            (context / "Dockerfile").write_text(start.format(base=BASES[0]) + copy)
            config = f"[supervice]\n[program:one]\ncommand = {command}\nstartsecs = 0\n"
            (context / "supervice.conf").write_text(config.replace("/opt/supervice", folder))
            built[kind, folder] = last_word(["docker", "build", "--quiet", str(context)])
        return built[kind, folder]

    return build


def works(box: Box, folder: str = "/opt/supervice") -> None:
    """It runs, answers both of its clients, and ends in order."""
    ctl = f"{folder}/bin/supervicectl"
    eventually(lambda: box.exec(ctl, "health").code == 0, 20)
    assert box.exec(ctl, "health").output.startswith("healthy\nNAME")
    said = json.loads(box.exec(ctl, "--json", "status", check=True).output)
    assert {row["name"]: row["state"] for row in said["processes"]} == {"one": "RUNNING"}
    assert box.exec(ctl, "restart", "one", check=True).code == 0
    log = box.logs()
    assert "Traceback" not in log
    assert "WARNING" not in log, log
    assert box.stop() == 0


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
@pytest.mark.parametrize("kind", IMAGES)
def test_it_runs_in(
    run: Callable[..., Box], copied: Callable[..., str], kind: str, surroundings: str
) -> None:
    works(run(image=copied(kind), **SURROUNDINGS[surroundings]))


def test_it_runs_from_another_folder(run: Callable[..., Box], copied: Callable[..., str]) -> None:
    works(run(image=copied("scratch", "/usr/lib/init")), "/usr/lib/init")


def test_the_image_itself_needs_no_base(run: Callable[..., Box], image_for: Callable[[str], str]) -> None:
    """`--build-arg BASE=scratch`: links in PATH, a configuration, a health check, nothing else."""
    bundle_folder()
    scratch = image_for("scratch")
    box = run(["--version"], image=scratch)
    assert box.wait() == 0
    assert box.logs().startswith("supervice ")
    program = ["/opt/supervice/lib/python", "-c", "import os; os._exit(9)"]
    assert run(["--", *program], image=scratch).wait() == 9


def test_python_variables_reach_the_program_alone(
    run: Callable[..., Box], copied: Callable[..., str]
) -> None:
    """What the image sets is for the application, and arrives there as it is."""
    box = run(["-c", "none", "--", "/bin/sleep", "1000"], image=copied("libc alone"))
    pids = eventually(lambda: box.container.top()["Processes"][1:])
    pid = pids[0][1]
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert b"PYTHONHOME=/nowhere" in environment
    assert b"LD_PRELOAD=/nowhere/preload.so" in environment
    assert subprocess.run(["kill", "-0", pid], check=False).returncode == 0
