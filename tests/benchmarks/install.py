"""Gets supervice and the supervisors that it is compared with: virtual environments in .bench/, packages by apt as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.benchmarks.peers import ALL, BareCopy, Peer
from tests.peer_builds import GO_SUPERVISORD, HORUST, PEBBLE, PROCESS_COMPOSE, Missing

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".bench"
# Where each comes from; what is not named here is a package of the distribution, or must be in PATH.
FROM_PYPI = {"supervice-0.4.0": "supervice==0.4.0", "supervisord": "supervisor", "circus": "circus"}
FROM_APT = {"s6": "s6", "runit": "runit", "tini": "tini", "dumb-init": "dumb-init"}
FROM_NPM = {"pm2": "pm2"}
# Built once, outside of the repository; the conformance page has them from there too.
BUILT = {
    "gosupervisord": GO_SUPERVISORD,
    "pebble": PEBBLE,
    "process-compose": PROCESS_COMPOSE,
    "horust": HORUST,
}


def run(*argv: object, cwd: Path | None = None) -> None:
    subprocess.run(
        [str(one) for one in argv], check=True, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def get(names: list[str], install: bool, before: str = "") -> tuple[list[Peer], dict[str, str]]:
    """The peers that are there, and why the others are not. `before` is a commit of this repository."""
    have: list[Peer] = []
    missing: dict[str, str] = {}
    for kind in ALL:
        if kind.name not in names:
            continue
        try:
            peer = kind(_install(kind.name, before) if install else _folder(kind.name))
        except Missing as error:
            missing[kind.name] = str(error)
            continue
        except (subprocess.CalledProcessError, OSError) as error:
            said = getattr(error, "stderr", None) or str(error).encode()
            missing[kind.name] = said.decode(errors="replace").strip().splitlines()[-1][:120]
            continue
        if peer.version():
            have.append(peer)
        else:
            missing[kind.name] = f"there is no {kind.command}"
    return have, missing


def _folder(name: str) -> Path | None:
    """Where its commands are, if it is one of those with a folder of their own."""
    if name in FROM_APT or name == BareCopy.name:
        return None
    if name.startswith("supervice-static"):
        architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, "")
        return ROOT / "build/bundle" / architecture / "opt/supervice/bin"
    if name.startswith("supervice-before"):
        return HOME / "supervice-before" / "bin"
    if name in BUILT:
        return BUILT[name].folder()
    if name in FROM_NPM:
        return HOME / name / "node_modules" / ".bin"
    return HOME / ("supervice" if name == "supervice-single" else name) / "bin"


def _install(name: str, before: str) -> Path | None:
    folder = _folder(name)
    if name == "supervice":
        _install_ours()
    elif name == "supervice-before":
        _install_commit(before)
    elif name == "supervice-image":
        _install_as_in_the_image()
    elif name.startswith("supervice-static"):
        run(sys.executable, ROOT / "docker/bundle/build.py")
    elif name in FROM_PYPI and not (HOME / name / "done").exists():
        _venv(HOME / name, FROM_PYPI[name])
        (HOME / name / "done").touch()
    elif name in FROM_NPM and folder is not None and not (folder / "pm2").exists():
        run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", HOME / name, FROM_NPM[name])
    elif name in BUILT:
        BUILT[name].get()
    elif name in FROM_APT:
        command = next(kind.command for kind in ALL if kind.name == name)
        if shutil.which(command) is None and os.geteuid() == 0 and shutil.which("apt-get"):
            run("apt-get", "install", "-y", "-qq", "--no-install-recommends", FROM_APT[name])
    return folder


def _venv(folder: Path, *requirements: object) -> None:
    """With a copy of the interpreter, so that no peer shares its memory with another one or with the harness.

    In a container it is alone, too. Where the interpreter is a library, `Peer.environment` points at its copy.
    """
    if not (folder / "bin" / "python").exists():
        run(sys.executable, "-m", "venv", "--copies", folder)
        library = Path(str(sysconfig.get_config_var("LIBDIR")), str(sysconfig.get_config_var("INSTSONAME")))
        if library.is_file():
            shutil.copy(library, folder / "lib")
    run(
        folder / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *requirements,
    )


def _install_ours() -> None:
    """From a copy, so that nothing that an earlier build left in the checkout comes in, and not editable."""
    source = _empty(HOME / "source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "docs/man", source / "docs/man")
    shutil.copytree(ROOT / "supervice", source / "supervice", ignore=shutil.ignore_patterns("__pycache__"))
    _venv(HOME / "supervice", source)
    _venv(HOME / "supervice", "--force-reinstall", "--no-deps", source)


def _install_commit(commit: str) -> None:
    source = _empty(HOME / "source-before")
    archive = HOME / "before.tar"
    run("git", "archive", "--output", archive, commit, cwd=ROOT)
    run("tar", "-xf", archive, "-C", source)
    _venv(HOME / "supervice-before", source)
    _venv(HOME / "supervice-before", "--force-reinstall", "--no-deps", source)


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _install_as_in_the_image() -> None:
    """The commands that the Dockerfile writes: no site, no environment for the interpreter."""
    folder = HOME / "supervice-image"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    python = HOME / "supervice" / "bin" / "python"
    library = next((HOME / "supervice" / "lib").glob("python3.*")) / "site-packages"
    for name, module in (("supervice", "main"), ("supervicectl", "ctl")):
        script = folder / "bin" / name
        script.write_text(
            f'#!{python} -IS\nimport sys\nsys.path.append("{library}")\nfrom supervice.cli.{module} import main\nmain()\n'
        )
        script.chmod(0o755)
