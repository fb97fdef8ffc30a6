"""`python -m tools.release [--tag vX.Y.Z] [OUT]`: everything that is published, from a clean tree, into OUT.

The same commit gives the same bytes. With a tag the release has to be whole: the image on its base, for every
architecture, and a section of CHANGELOG.md. Without one it is for trying out, and what is missing is said.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.release import archives, bundles, distributions, oci, sbom, tree
from tools.release.tree import ROOT, Refused


def say(text: str) -> None:
    print(f"release: {text}", file=sys.stderr, flush=True)


def base_name() -> str:
    """The base of the image, from the Dockerfile."""
    found = re.search(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.M)
    assert found is not None
    return found.group(1)


def base(architecture: str, name: str) -> oci.Base:
    """The base image of one architecture, by the engine. `Refused`."""
    platform = f"linux/{architecture}"
    for command in (["docker", "pull", "--quiet", "--platform", platform, name], ["docker", "save", name]):
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except OSError as error:
            raise Refused(f"docker: {error.strerror}") from None
        if done.returncode != 0:
            raise Refused(f"{' '.join(command)}: {done.stderr.decode(errors='replace').strip()[-300:]}")
    found = oci.base_of(done.stdout)
    if found.config.get("architecture") != architecture:
        raise Refused(f"{name} is for {found.config.get('architecture')}, not for {architecture}")
    return found


def documentation(source: Path, epoch: int) -> bytes:
    """The site, built of the pages of the commit. `Refused`."""
    made = source.parent / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(made)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "NO_MKDOCS_2_WARNING": "1", "TZ": "UTC"}
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(f"the site cannot be built: {(done.stdout + done.stderr).strip()[-1000:]}")
    packed = source.parent / "site.tar"
    subprocess.run(["tar", "-c", "-C", str(source.parent), "-f", str(packed), "site"], check=True)
    return archives.compress(archives.normal_tar(archives.entries_of(packed.read_bytes()), epoch))


def images(out: Path, layout: oci.Layout, architectures: list[str], whole: bool) -> None:
    trees = {name: (ROOT / "build/bundle" / f"{name}.tar").read_bytes() for name in architectures}
    oci.add_bundle(layout, trees)
    name = base_name()
    try:
        bases = {one: base(one, name) for one in architectures}
    except Refused as error:
        if whole:
            raise
        say(f"without the image on {name}, which is not to be had here: {error}")
    else:
        oci.add_image(layout, trees, bases, (ROOT / "docker/supervice.conf").read_bytes())
    oci.write(layout, out)


def release(out: Path, tag: str, architectures: list[str]) -> None:
    """Makes all of it. `Refused`."""
    tree.require_clean()
    version = tree.version()
    tree.require_tag(tag, version)
    if tag:
        tree.require_changes(version)
        if set(architectures) != set(bundles.ARCHITECTURES):
            raise Refused(f"a release of {tag} has both architectures, {' and '.join(bundles.ARCHITECTURES)}")
    epoch, commit = tree.epoch(), tree.commit()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"supervice-{version}"
        tree.export(source)
        say("sdist and wheel")
        _, wheel = sorted(distributions.build(source, out, epoch), key=lambda path: path.suffix == ".whl")
        say("documentation")
        (out / "supervice-docs.tar.gz").write_bytes(documentation(source, epoch))
    hashes = {}
    for architecture in architectures:
        say(f"bundle for {architecture}")
        path = bundles.build(architecture, out)
        hashes[path.name] = archives.sha256(path.read_bytes())
    say("images")
    images(out, oci.Layout(epoch, version, commit), architectures, bool(tag))
    about, tables = sbom.Release(version, commit, epoch, hashes), sbom.facts()
    (out / distributions.REQUIREMENTS).write_text(distributions.requirements(wheel, tables["wheels"]))
    (out / sbom.SBOM).write_text(sbom.text(sbom.sbom(about, tables)))
    (out / sbom.VEX).write_text(sbom.text(sbom.vex(about, tables)))
    archives.write_checksums(out)
    tree.require_clean()
    for path in sorted(out.iterdir()):
        say(f"{path.stat().st_size:>11,}  {path.name}")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.release", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--tag", default="", help="the tag that is released; it has to fit the version")
    parser.add_argument(
        "--arch", nargs="+", default=list(bundles.ARCHITECTURES), choices=bundles.ARCHITECTURES
    )
    parser.add_argument("out", type=Path, nargs="?", default=ROOT / "release")
    arguments = parser.parse_args()
    try:
        release(arguments.out.resolve(), arguments.tag, arguments.arch)
    except Refused as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
