"""Builds the interpreter, once for each set of its inputs: libpython and its libraries, static, against musl.

The folder that comes out has in it what a link takes, the sources of the standard library, and on the
machine's own architecture a `python` that runs them, which compiles the modules of the bundle and builds for
the other architecture.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import sources
from fetch import Missing, alone, fetch, need, say, zig

# Docker's name of an architecture: the one of the compiler and of the kernel, the oldest processor.
ARCHITECTURES = {"amd64": ("x86_64", "x86_64"), "arm64": ("aarch64", "generic")}

# What the bundle does without. `unicodedata` alone is 1 MB; `encodings.idna`, which needs it, is a stand-in.
DISABLED = """
_asyncio _bz2 _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _csv _ctypes _curses
_curses_panel _dbm _decimal _elementtree _gdbm _hashlib _interpchannels _interpqueues _interpreters
_lsprof _lzma _multibytecodec _multiprocessing _pickle _posixshmem _queue _sqlite3 _ssl _statistics _tkinter
_uuid cmath mmap readline syslog unicodedata
"""
COMPILE = (
    "-O2 -g0 -DNDEBUG -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables "
    # musl gives a thread 128 KiB, which the interpreter's recursion does not fit into
    "-DTHREAD_STACK_SIZE=0x100000"
)
LINK = "-static -s -Wl,--gc-sections -Wl,-z,stack-size=1048576"
CONFIGURE = """
--disable-shared --without-ensurepip --disable-test-modules --without-doc-strings --without-mimalloc
--without-readline --with-pkg-config=no --prefix=/opt/supervice
"""
ZLIB = "adler32 compress crc32 deflate infback inffast inflate inftrees trees uncompr zutil"


def own_architecture() -> str:
    """Docker's name of this machine's architecture. `Missing`."""
    for name, (machine, _) in ARCHITECTURES.items():
        if platform.machine() == machine:
            return name
    raise Missing(f"the bundle is built on x86-64 and arm64 only, not on {platform.machine()}")


def target_options(architecture: str) -> list[str]:
    machine, processor = ARCHITECTURES[architecture]
    return ["-target", f"{machine}-linux-musl", f"-mcpu={processor}"]


def key(architecture: str) -> str:
    """Changes with everything that the interpreter is made of."""
    pinned = (sources.CPYTHON, sources.ZLIB_SOURCE, sources.PATCHES, sources.ZIG_WHEELS, sources.EPOCH)
    inputs = Path(__file__).read_bytes() + f"{architecture} {pinned}".encode()
    return hashlib.sha256(inputs).hexdigest()[:16]


def environment(cache: Path) -> dict[str, str]:
    """What the compiler needs, and nothing that would find its way into what it makes."""
    return {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C",
        "HOME": str(cache),
        "ZIG_GLOBAL_CACHE_DIR": str(cache / "zig-cache"),
        "ZIG_LOCAL_CACHE_DIR": str(cache / "zig-cache"),
        "SOURCE_DATE_EPOCH": str(sources.EPOCH),
    }


def interpreter(architecture: str, cache: Path) -> Path:
    """The folder of the interpreter for an architecture, built if it is not there. `Missing`."""
    done = cache / f"interpreter-{architecture}-{key(architecture)}"
    if done.is_dir():
        return done
    need("make")
    need("patch")
    # The other architecture is built by a Python of the very same version: this one's.
    host = None if architecture == own_architecture() else interpreter(own_architecture(), cache) / "python"
    with alone(cache, f"interpreter-{architecture}"):
        if not done.is_dir():
            _build(architecture, cache, host, done)
    return done


def _build(architecture: str, cache: Path, host: Path | None, done: Path) -> None:
    patches = fetch(cache / "downloads")
    compiler = zig(cache)
    work = cache / f"work-{architecture}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    _unpack(cache / "downloads", work, patches)
    say(f"building the interpreter for {architecture}: two to five minutes, once; log in {work}/log")
    _tools(work, compiler, architecture)
    _compile(work, cache, architecture, host)
    _gather(work, host is None)
    (work / "out").rename(done)
    shutil.rmtree(work)


def _unpack(downloads: Path, work: Path, patches: dict[str, bytes]) -> None:
    for source, name in ((sources.CPYTHON, "src"), (sources.ZLIB_SOURCE, "zlib")):
        with tarfile.open(downloads / source.file) as archive:
            archive.extractall(work / f"{name}.tmp", filter="tar")
        (folder,) = (work / f"{name}.tmp").iterdir()
        folder.rename(work / name)
    for name, data in patches.items():
        command = ["patch", "-s", "-p1"]
        done = subprocess.run(command, input=data, cwd=work / "src", capture_output=True, check=False)
        if done.returncode != 0:
            raise Missing(f"{name} does not apply: {done.stdout.decode()}")


def _tools(work: Path, compiler: Path, architecture: str) -> None:
    """Names for the compiler that configure can work with."""
    machine, _ = ARCHITECTURES[architecture]
    target = " ".join(target_options(architecture))
    scripts = {
        "cc": f"""case " $* " in *" --print-multiarch "*) echo {machine}-linux-musl; exit ;; esac
exec '{compiler}' cc {target} -Wno-date-time -ffile-prefix-map='{work}'=. "$@\"""",
        "ar": f"exec '{compiler}' ar \"$@\"",
    }
    for name, script in scripts.items():
        (work / name).write_text(f"#!/bin/sh\n{script}\n")
        (work / name).chmod(0o755)


def _compile(work: Path, cache: Path, architecture: str, host: Path | None) -> None:
    build = work / "build"
    build.mkdir()
    cc, ar = str(work / "cc"), str(work / "ar")
    variables = {
        **environment(cache),
        "MODULE_BUILDTYPE": "static",
        "CC": cc,
        "CXX": "false",
        "AR": ar,
        "RANLIB": "true",
        "READELF": "true",
        "PKG_CONFIG": "/bin/false",
        "OPT": "-DNDEBUG",
        "CFLAGS": COMPILE,
        "LDFLAGS": LINK,
        "LINKFORSHARED": " ",
        "ZLIB_CFLAGS": "-I../zlib",
        "ZLIB_LIBS": "-L../zlib -lz",
    }
    options = [*CONFIGURE.split(), *(f"py_cv_module_{module}=n/a" for module in DISABLED.split())]
    if host is not None:
        machine, _ = ARCHITECTURES[architecture]
        own, _ = ARCHITECTURES[own_architecture()]
        options += [f"--host={machine}-linux-musl", f"--build={own}-linux-musl"]
        options += [f"--with-build-python={host}", "ac_cv_buggy_getaddrinfo=no"]
        options += ["ac_cv_file__dev_ptmx=yes", "ac_cv_file__dev_ptc=no"]
    jobs = f"-j{len(os.sched_getaffinity(0))}"
    libraries = ["libpython3.13.a", "Modules/expat/libexpat.a", "Modules/_hacl/libHacl_Hash_SHA2.a"]
    with (work / "log").open("wb") as log:

        def run(folder: Path, *command: str) -> None:
            done = subprocess.run(command, cwd=folder, env=variables, stdout=log, stderr=log, check=False)
            if done.returncode != 0:
                log.flush()
                last = (work / "log").read_text(errors="replace")[-3000:]
                raise SystemExit(f"{last}\nbundle: {command[0]} failed; its log is {work}/log")

        for name in ZLIB.split():
            defines = ("-DHAVE_UNISTD_H", "-DHAVE_STDARG_H")
            run(work / "zlib", cc, *COMPILE.split(), *defines, "-c", f"{name}.c")
        run(work / "zlib", ar, "rcs", "libz.a", *(f"{name}.o" for name in ZLIB.split()))
        run(build, "../src/configure", *options)
        # Debian's patch takes LDFLAGS out of the Makefile.
        run(build, "make", jobs, f"LDFLAGS={LINK}", *libraries)
        if host is None:
            run(build, cc, *COMPILE.split(), "-I.", "-I../src/Include", "-c", "../src/Programs/python.c")
            run(build, cc, *LINK.split(), "-o", "interpreter", "python.o", *libraries, "../zlib/libz.a")


def _gather(work: Path, own: bool) -> None:
    out, build, src = work / "out", work / "build", work / "src"
    out.mkdir()
    for path in (
        build / "libpython3.13.a",
        build / "Modules/expat/libexpat.a",
        build / "Modules/_hacl/libHacl_Hash_SHA2.a",
        work / "zlib/libz.a",
        build / "pyconfig.h",
    ):
        shutil.copy(path, out / path.name)
    # The bundle has its own of these two: what modules are frozen, and where to look for others (nowhere).
    subprocess.run([str(work / "ar"), "d", str(out / "libpython3.13.a"), "frozen.o", "getpath.o"], check=True)
    shutil.copytree(src / "Include", out / "Include")
    unwanted = shutil.ignore_patterns("test", "idlelib", "ensurepip", "__pycache__")
    shutil.copytree(src / "Lib", out / "Lib", ignore=unwanted)
    licences = out / "licences"
    licences.mkdir()
    shutil.copy(src / "LICENSE", licences / "CPython")
    shutil.copy(src / "Modules/expat/COPYING", licences / "expat")
    shutil.copy(work / "zlib/LICENSE", licences / "zlib")
    if own:
        shutil.copy(build / "interpreter", out / "interpreter")
        script = out / "python"
        script.write_text(
            "#!/bin/sh\n"
            'here=$(dirname "$(readlink -f "$0")")\n'
            'PYTHONHOME=$here PYTHONPATH=$here/Lib exec "$here/interpreter" -S -B "$@"\n'
        )
        script.chmod(0o755)


if __name__ == "__main__":
    # Only this step: an image build has it in a layer of its own.
    interpreter(own_architecture(), Path(sys.argv[1]))
