"""All supervisors of the page, and which of them are here."""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.conformance.peers.circus import Circus
from tests.conformance.peers.folders import S6, Runit
from tests.conformance.peers.gosupervisord import GoSupervisord
from tests.conformance.peers.horust import Horust
from tests.conformance.peers.inits import Catatonit, DumbInit, Tini
from tests.conformance.peers.ours import Supervice, SuperviceByPip, SuperviceSingle
from tests.conformance.peers.pebble import Pebble
from tests.conformance.peers.pm2 import Pm2
from tests.conformance.peers.process_compose import ProcessCompose
from tests.conformance.peers.supercronic import Supercronic
from tests.conformance.peers.supervisord import Supervisord
from tests.conformance.supervisor import Supervisor
from tests.peer_builds import Missing

SUPERVISORS: tuple[Supervisor, ...] = (
    Supervice(), SuperviceByPip(), Supervisord(), GoSupervisord(), Circus(), Pm2(), Pebble(), ProcessCompose(),
    Horust(), S6(), Runit(),
    SuperviceSingle(), Tini(), DumbInit(), Catatonit(), Supercronic(),
)  # fmt: skip
# What has no adapter, and why: nothing here says that it would fail.
NOT_TO_BE_HAD = {
    "dinit": "Debian has no package of it in bookworm, trixie or sid",
    "s6-rc and s6-overlay": "Debian has no package of them",
    "immortal": "the Go module proxy does not serve it (403: this module version is not available)",
    "monit": "it watches daemons by their pid files and does not run programs in the foreground",
}


def available(install: bool) -> tuple[list[Supervisor], dict[str, str]]:
    """Those that are here, installed first if that is wanted and possible; why the others are not."""
    have: list[Supervisor] = []
    missing: dict[str, str] = {}
    for one in SUPERVISORS:
        why = f"there is no {one.program} here"
        if not one.path() and install:
            why = _install(one) or why
        if one.path():
            have.append(one)
        else:
            missing[one.name] = why
    return have, missing | NOT_TO_BE_HAD


def _install(one: Supervisor) -> str:
    """Why that failed, if it did and can be said."""
    if one.build is not None:
        print(f"conformance: building {one.name}, once", flush=True)
        try:
            one.build.get()
        except Missing as error:
            return str(error)
    elif one.package and os.geteuid() == 0 and shutil.which("apt-get"):
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", one.package]
        subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    return ""
