"""Builds the bundle: `build.py [--arch ARCH] [OUT]` makes OUT/ARCH/opt/supervice and OUT/ARCH.tar.

Three steps: the interpreter (minutes, once for each set of its inputs), our modules as bytecode, one link
(seconds). Exit code 3: it cannot be built on this machine, and the last line says why.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import sources
from data import write_data
from fetch import Missing, alone, digest, libraries, say, zig
from interpreter import (
    ARCHITECTURES,
    COMPILE,
    LINK,
    environment,
    interpreter,
    own_architecture,
    target_options,
)
from parts import module as module_of_parts

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
TREES = ("supervice", "docker/bundle")


def digest_of_inputs() -> str:
    """Of all files that the program is made of, as docker/bundle/in-image.sh computes it."""
    found = []
    for tree in TREES:
        found += [p for p in (REPOSITORY / tree).rglob("*") if p.is_file() and p.suffix != ".pyc"]
    lines = (f"{digest(path.read_bytes())}  {path.relative_to(REPOSITORY)}\n" for path in found)
    return digest("".join(sorted(lines, key=lambda line: line[66:])).encode())


def cache_of_user() -> Path:
    """For what is fetched and the interpreters, of all clones of a user: each has its inputs in its name."""
    told = os.environ.get("SUPERVICE_BUNDLE_CACHE")
    caches = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(told) if told else Path(caches, "supervice-bundle")


def freeze(python: Path, libraries: Path, work: Path) -> None:
    """Our modules, the libraries' and the standard library's as frozen.bin and frozen.c."""
    standard = python.parent / "Lib"
    generated = work / "generated"
    generated.mkdir(exist_ok=True)
    (generated / "_supervice_parts.py").write_text(module_of_parts())
    write_data(REPOSITORY, generated)
    folders = (REPOSITORY, generated, libraries, standard, work)
    # Columns are for the markers under a line of the source, which is not there.
    command: list[str | Path] = [python, "-X", "no_debug_ranges", HERE / "freeze.py", *folders]
    subprocess.run(command, env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"}, check=True)


def link(parts: Path, work: Path, cache: Path, architecture: str, out: Path) -> None:
    """The program, of the launcher, the frozen modules and the interpreter."""
    include = parts / "Include"
    sources_of_launcher = sorted(str(path) for path in (HERE / "launcher").glob("*.c"))
    command = [
        str(zig(cache)), "cc", *target_options(architecture), *COMPILE.split(), "-std=gnu11",
        "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers", "-DPy_BUILD_CORE",
        f"-I{parts}", f"-I{include}", f"-I{include / 'internal'}", f"-ffile-prefix-map={HERE}=.",
        *LINK.split(), "-Wl,-e,supervice_entry", "-o", str(out),
        *sources_of_launcher, "frozen.c",
        *(str(parts / name) for name in ("libpython3.13.a", "libexpat.a", "libHacl_Hash_SHA2.a", "libz.a")),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=work, env=environment(cache), check=False)
    if done.returncode != 0:
        raise SystemExit("bundle: the link failed")
    if _has_interpreter(out):
        raise SystemExit(f"bundle: {out} is not static: it names a loader")


def try_out(program: Path, work: Path) -> None:
    """Imports every module that is frozen: one that misses another would be found by a user."""
    names = [line.split()[1] for line in (work / "modules.txt").read_text().splitlines()]
    ours = [name for name in names if name.startswith(("supervice", "click", "h11"))]
    (work / "python").unlink(missing_ok=True)
    (work / "python").symlink_to(program)
    code = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    command: list[str | Path] = [work / "python", "-I", "-S", "-c", code, *ours]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{done.stderr}bundle: a module that is needed is not in docker/bundle/modules.py")


def _has_interpreter(path: Path) -> bool:
    """Whether the ELF file has a program header of the type INTERP."""
    data = path.read_bytes()
    offset = int.from_bytes(data[32:40], "little")
    size, count = int.from_bytes(data[54:56], "little"), int.from_bytes(data[56:58], "little")
    types = [int.from_bytes(data[offset + n * size : offset + n * size + 4], "little") for n in range(count)]
    return 3 in types


def time_zones(source: Path, folder: Path) -> None:
    """The files of the time zones; of the many that are the same, all but one are links to it."""
    first: dict[bytes, Path] = {}
    for path in sorted(source.rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        if not data.startswith(b"TZif"):
            continue
        place = folder / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if data in first:
            place.symlink_to(os.path.relpath(first[data], place.parent))
        else:
            place.write_bytes(data)
            first[data] = place


def lay_out(program: Path, parts: Path, compiler: Path, wheels: Path, folder: Path) -> None:
    """The folder as it is copied into images: owner, modes and times are the same for every builder."""
    for name in ("bin", "lib", "licences"):
        (folder / name).mkdir(parents=True)
    shutil.copy(program, folder / "bin" / "supervice")
    (folder / "bin" / "supervicectl").symlink_to("supervice")
    (folder / "lib" / "python").symlink_to("../bin/supervice")
    for path in (parts / "licences").iterdir():
        shutil.copy(path, folder / "licences" / path.name)
    shutil.copy(compiler.parent / "lib/libc/musl/COPYRIGHT", folder / "licences" / "musl")
    shutil.copy(compiler.parent / "LICENSE", folder / "licences" / "zig")
    shutil.copy(REPOSITORY / "LICENSE", folder / "licences" / "supervice")
    time_zones(wheels / "tzdata" / "zoneinfo", folder / "share" / "zoneinfo")
    for name in sources.LIBRARIES:
        text, *_ = wheels.glob(f"{name}-*.dist-info/**/LICENSE*")
        shutil.copy(text, folder / "licences" / name)
    for path in sorted(folder.rglob("*"), reverse=True):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        os.utime(path, (sources.EPOCH, sources.EPOCH), follow_symlinks=False)


def put(new: Path, place: Path) -> None:
    """Puts a folder where another one is: what runs from there is not left without its file for long."""
    old = place.with_suffix(".old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def pack(tree: Path, archive: Path) -> None:
    """`opt/supervice` of `tree` and nothing else as a tar archive, the same bytes for the same tree."""
    with tarfile.open(archive.with_suffix(".tmp"), "w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted((tree / "opt" / "supervice").rglob("*"), key=str):
            member = tar.gettarinfo(path, str(path.relative_to(tree)))
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = sources.EPOCH
            tar.addfile(member, io.BytesIO(path.read_bytes()) if member.isfile() else None)
    archive.with_suffix(".tmp").rename(archive)


def is_there(out: Path, inputs: str) -> bool:
    """Whether all of it has been built, of these very files."""
    recorded = out.with_suffix(".inputs")
    whole = recorded.is_file() and out.is_dir() and out.with_suffix(".tar").is_file()
    return whole and recorded.read_text() == inputs + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--arch", choices=sorted(ARCHITECTURES), help="default: this machine's")
    parser.add_argument(
        "--again", action="store_true", help="also when it is there, made of the same sources"
    )
    parser.add_argument("--cache", type=Path, default=cache_of_user())
    parser.add_argument("out", type=Path, nargs="?", default=REPOSITORY / "build/bundle")
    arguments = parser.parse_args()
    cache = arguments.cache.resolve()
    inputs = digest_of_inputs()
    try:
        architecture = arguments.arch or own_architecture()
        out = arguments.out / architecture
        if not arguments.again and is_there(out, inputs):
            return
        parts = interpreter(architecture, cache)
        python = interpreter(own_architecture(), cache) / "python"
        compiler = zig(cache)
        wheels = libraries(cache)
    except Missing as error:
        say(f"the bundle cannot be built here: {error}")
        sys.exit(3)
    with alone(arguments.out, f"program-{architecture}"):
        if not arguments.again and is_there(out, inputs):
            return
        work = arguments.out.resolve() / f"program-{architecture}"
        work.mkdir(exist_ok=True)
        freeze(python, wheels, work)
        link(parts, work, cache, architecture, work / "supervice")
        if architecture == own_architecture():
            try_out(work / "supervice", work)
        shutil.rmtree(out.with_suffix(".tmp"), ignore_errors=True)
        lay_out(work / "supervice", parts, compiler, wheels, out.with_suffix(".tmp") / "opt" / "supervice")
        put(out.with_suffix(".tmp"), out)
        pack(out, out.with_suffix(".tar"))
        out.with_suffix(".inputs").write_text(inputs + "\n")


if __name__ == "__main__":
    main()
