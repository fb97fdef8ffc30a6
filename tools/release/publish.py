"""`python -m tools.release.publish --tag vX.Y.Z --repository HOST/NAME [FOLDER]`: publishes a release.

Checks what is in the folder, pushes the images, signs them and the checksums without a key, and makes the
release page. A version that is in the registry is never pushed again. `--dry-run` prints the commands and
runs none of them.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from tools.release import oci, sbom
from tools.release.archives import sha256
from tools.release.tree import ROOT, Refused, require_changes, require_tag, version

CHECKSUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.sigstore.json"
NEEDED = ("skopeo", "cosign", "gh")


def check(folder: Path) -> list[Path]:
    """The files of the release. Refuses a folder in which one is missing, changed or not listed."""
    try:
        text = (folder / CHECKSUMS).read_text()
    except OSError:
        raise Refused(f"{folder} has no {CHECKSUMS}; run make release first") from None
    listed = set()
    for digest, _, name in (line.partition("  ") for line in text.splitlines()):
        listed.add(name)
        if not (folder / name).is_file() or sha256((folder / name).read_bytes()) != digest:
            raise Refused(f"{name} is not the file that {CHECKSUMS} lists; run make release again")
    files = sorted(path for path in folder.iterdir() if path.name != SIGNATURE)
    for path in files:
        if path.name not in listed and path.name != CHECKSUMS and path.suffix != ".sha256":
            raise Refused(f"{path.name} is not in {CHECKSUMS}; take it away")
    return files


def notes(version: str) -> str:
    """The section of CHANGELOG.md."""
    text = (ROOT / "CHANGELOG.md").read_text()
    found = re.search(rf"^## {re.escape(version)}[^\n]*\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return found.group(1).strip() + "\n" if found else ""


class Publisher:
    def __init__(self, repository: str, dry: bool) -> None:
        self.repository = repository
        self.dry = dry

    def run(self, *command: str, stdin: str | None = None) -> str:
        """What the command says; in a dry run it is printed instead. `Refused` when it fails."""
        print(f"publish: {' '.join(command)}", flush=True)
        if self.dry:
            return ""
        try:
            done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, text=True, check=False)
        except OSError as error:
            raise Refused(f"{command[0]}: {error.strerror}; install {', '.join(NEEDED)}") from None
        if done.returncode != 0:
            raise Refused(f"{' '.join(command)} failed with exit code {done.returncode}")
        return done.stdout

    def log_in(self) -> None:
        """At the registry, for skopeo and cosign, with the token of the job where there is one."""
        token = os.environ.get("GH_TOKEN", "")
        if token:
            host = self.repository.partition("/")[0]
            user = os.environ.get("GITHUB_ACTOR", "github")
            file = str(Path.home() / ".docker/config.json")
            options = ["--authfile", file, "--username", user, "--password-stdin"]
            self.run("skopeo", "login", *options, host, stdin=token)

    def is_there(self, tag: str) -> bool:
        """Whether the registry has a tag already."""
        command = ["skopeo", "inspect", "--raw", f"docker://{self.repository}:{tag}"]
        print(f"publish: {' '.join(command)}", flush=True)
        return not self.dry and subprocess.run(command, capture_output=True, check=False).returncode == 0

    def push(self, archive: Path, reference: str, digest: str, tags: list[str]) -> None:
        """Puts an image of the archive under all its tags and signs it."""
        for tag in tags:
            self.run(
                "skopeo", "copy", "--all", "--preserve-digests", f"oci-archive:{archive}:{reference}",
                f"docker://{self.repository}:{tag}",
            )  # fmt: skip
        signed = f"{self.repository}@{digest}"
        self.run("cosign", "sign", "--yes", "--recursive", signed)
        bill = str(archive.parent / sbom.SBOM)
        self.run("cosign", "attest", "--yes", "--type", "cyclonedx", "--predicate", bill, signed)


def tags_of(version: str) -> list[str]:
    """X.Y.Z, which never moves, and X.Y and X, which do."""
    major, minor, _ = version.split(".")
    return [version, f"{major}.{minor}", major]


def publish(folder: Path, tag: str, repository: str, dry: bool) -> None:
    number = version()
    require_tag(tag, number)
    require_changes(number)
    files = check(folder)
    archive = folder / oci.NAME
    images = oci.images_in(archive.read_bytes())
    wanted = {number: tags_of(number), f"{number}-bundle": [f"{tag}-bundle" for tag in tags_of(number)]}
    if set(images) != set(wanted):
        raise Refused(f"{oci.NAME} has {', '.join(images)} and not {', '.join(wanted)}; nothing is published")
    publisher = Publisher(repository, dry)
    publisher.log_in()
    if publisher.is_there(number):
        raise Refused(f"{repository}:{number} is there, and a version never changes; release the next one")
    for name, tags in wanted.items():
        publisher.push(archive, name, images[name], tags)
    signature = str(folder / SIGNATURE)
    publisher.run("cosign", "sign-blob", "--yes", "--bundle", signature, str(folder / CHECKSUMS))
    listed = [*map(str, files), signature]
    publisher.run(
        "gh", "release", "create", tag, "--verify-tag", "--notes-file", "-", *listed, stdin=notes(number)
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.release.publish", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--tag", required=True)
    parser.add_argument(
        "--repository", required=True, help="of the images, such as ghcr.io/supervice/supervice"
    )
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "release")
    arguments = parser.parse_args()
    try:
        publish(arguments.folder, arguments.tag, arguments.repository, arguments.dry_run)
    except Refused as error:
        print(f"publish: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
