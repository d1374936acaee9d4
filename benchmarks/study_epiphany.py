"""Try Epiphany's own path by tag and by digest: download, file names, load, paths, templates, architectures.

Called by study_digests.py for the page docs/concepts/digests-or-tags.md.  Epiphany's side is carried out with skopeo
in the place of its downloader and of `docker load`, `docker tag` and `docker push`; the other with imagelock.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, sample_image
from imagelock.registry.client import RegistryClient
from support.peers import skopeo

if TYPE_CHECKING:
    from pathlib import Path

    from support.push import Pusher

BOTH = (LINUX_AMD64, LINUX_ARM64)
INSECURE = ("--src-tls-verify=false", "--dest-tls-verify=false")
LISTED = ("haproxy:2.2", "rook/ceph:v1.8", "quay.io/ceph/ceph:v1.8", "k8s.gcr.io/pause:3.5")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the path: what was run, what came of it by tag and sha1, and by digest."""

    title: str
    ran: str
    by_tag: str
    by_digest: str


class EpiphanyPath:
    """The folder, the registry and the images of all steps: ``origin`` is where images are downloaded from."""

    def __init__(self, address: str, pusher: Pusher, directory: Path) -> None:
        self.address = address
        self.directory = directory / "epiphany"
        self.directory.mkdir()
        self.digests: dict[str, str] = {}
        for name in LISTED:
            path, _, tag = name.rpartition(":")
            self.digests[name] = str(pusher.image(f"origin/{path}", tag, sample_image(name, BOTH)))
        lines = "".join(f"    '{self.name(name)}':\n      sha1: {'0' * 40}\n" for name in LISTED)
        for architecture in ("x86_64", "aarch64"):
            (self.directory / architecture).mkdir()
            (self.directory / architecture / "images.yml").write_text(f"images:\n  all:\n{lines}")

    def name(self, listed: str) -> str:
        """Return a listed image's name in the registry of this trial."""
        return f"{self.address}/origin/{listed}"

    def imagelock(self, *words: str) -> tuple[int, str]:
        """Run imagelock in the folder; return the exit code and all that it said."""
        environ = {**os.environ, "NO_COLOR": "1", "IMAGELOCK_RETRY_TIME": "5"}
        done = subprocess.run(
            [sys.executable, "-m", "imagelock", *words],
            cwd=self.directory,
            env=environ,
            check=False,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    def digest(self, repository: str, target: str) -> str:
        """Return what is in the registry, hashed here; nothing where it is missing."""
        with RegistryClient() as client:
            try:
                return str(client.get_manifest(f"{self.address}/{repository}", target).digest)
            except Exception:  # noqa: BLE001 - whatever the reason, it is not there
                return ""


def same(one: object, other: object) -> str:
    """Say whether something stayed the same."""
    return "the same" if one == other else "another"


def downloaded(path: EpiphanyPath) -> Step:
    """Save one image twice per architecture, and lock it from both lists."""
    sums: dict[str, list[str]] = {"amd64": [], "arm64": []}
    for architecture, found in sums.items():
        for copy in ("a", "b"):
            file = path.directory / f"{architecture}-{copy}.tar"
            source = f"docker://{path.name('haproxy:2.2')}"
            skopeo(
                "--override-arch",
                architecture,
                "copy",
                "-q",
                *INSECURE,
                source,
                f"docker-archive:{file}:haproxy:2.2",
            )
            found.append(hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest())
    code, said = path.imagelock(
        "import", "epiphany", "--lock", "-o", "json", "x86_64/images.yml", "aarch64/images.yml"
    )
    listed = {
        item["reference"]: item["digest"] for item in json.loads(said[: said.rindex("}") + 1])["images"]
    }
    locked = {name: listed.get(path.name(name)) for name in LISTED}
    return Step(
        "the lists of two architectures are downloaded",
        "`imagelock import epiphany --lock x86_64/images.yml aarch64/images.yml`",
        f"a file for each architecture, {same(sums['amd64'][0], sums['arm64'][0])} sha1 for each",
        f"one digest for both lists, {same(locked, path.digests)} as the registry's index; the two `ceph-v1.8.tar` "
        f"are {'reported' if code == 1 and 'IL116' in said else 'passed over'} (IL116)",
    )


def named(path: EpiphanyPath) -> Step:
    """Make archives of two images that want one file name."""
    code, said = path.imagelock(
        "bundle",
        "create",
        "archives",
        "--archive",
        "docker-archive",
        "--naming",
        "epiphany",
        "--platform",
        "linux/amd64",
    )
    whole, words = path.imagelock("bundle", "create", "release.tar")
    verified, _ = path.imagelock("bundle", "verify", "release.tar")
    refused = "refused (exit 2)" if code == 2 and "would both be named" in said else f"exit {code}: {said}"
    return Step(
        "files get their names",
        "`imagelock bundle create archives --archive docker-archive --naming epiphany`, `imagelock bundle create release.tar`",
        f"`ceph-v1.8.tar` for rook/ceph and for ceph/ceph: {refused}",
        "one file for all of them, verified" if (whole, verified) == (0, 0) else f"exit {whole}: {words}",
    )


def loaded(path: EpiphanyPath) -> Step:
    """Load the images into the site's registry, both ways."""
    skopeo(
        *("copy", "-q", *INSECURE, f"docker-archive:{path.directory / 'amd64-a.tar'}"),
        f"docker://{path.address}/docker/haproxy:2.2",
    )
    old = path.digest("docker/haproxy", "2.2")
    code, said = path.imagelock(
        "bundle", "load", "release.tar", "--to", f"{path.address}/site", "--map", r".*/origin/(.*)=$1"
    )
    new = {name: path.digest(f"site/{name.rpartition(':')[0]}", name.rpartition(":")[2]) for name in LISTED}
    result = "every digest is the same" if new == path.digests else f"exit {code}: {said}"
    return Step(
        "they are loaded, tagged and pushed at the site",
        r"`imagelock bundle load release.tar --to REGISTRY --map '.*/origin/(.*)=$1'`",
        f"`docker load`, `tag`, `push`: {same(old, path.digests['haproxy:2.2'])} digest, one platform of two",
        f"exit {code}; {result}, with all platforms",
    )


def addressed(path: EpiphanyPath) -> Step:
    """Pull by the paths that Epiphany's roles put together, with and without a digest."""
    address = f"docker://{path.address}/site/k8s.gcr.io/pause"
    found = []
    for end in (":3.5", f"@{path.digests['k8s.gcr.io/pause:3.5']}"):
        skopeo("inspect", "--raw", "--tls-verify=false", address + end)
        found.append(end[0])
    return Step(
        "roles put the registry's address in front",
        "`{{ image_registry_address }}/k8s.gcr.io/pause:3.5`, and the same with `@sha256:…`",
        "pulled" if ":" in found else "not found",
        "pulled: the digest does not depend on the registry" if "@" in found else "not found",
    )


def templated(path: EpiphanyPath) -> Step:
    """Compare a template with the lists, right and wrong."""
    template = path.directory / "config.toml.j2"
    codes = []
    for tag in ("3.5", "3.6"):
        template.write_text(
            f'sandbox_image = "{{{{ image_registry_address }}}}/{path.name(f"k8s.gcr.io/pause:{tag}")}"\n'
        )
        code, said = path.imagelock(
            "import", "epiphany", "-q", "--against", template.name, "x86_64/images.yml"
        )
        codes.append((code, "IL121" in said))
    ok = [found for _, found in codes] == [False, True] and codes[1][0] == 1
    return Step(
        "a template names an image that no list has",
        "`imagelock import epiphany --against config.toml.j2 x86_64/images.yml`",
        "nothing checks it: nodes wait for an image that was never loaded",
        "reported before anything is downloaded (IL121, exit 1)" if ok else f"not reported: {codes}",
    )


def rewritten(path: EpiphanyPath) -> Step:
    """Put digests into the list itself, and ask the downloader's way for the image and its file name."""
    code, _ = path.imagelock("pin", "x86_64/images.yml")
    key = next(
        line.strip().strip("':")
        for line in (path.directory / "x86_64/images.yml").read_text().splitlines()
        if "haproxy" in line
    )
    file_name = key.rpartition("/")[2].replace(":", "-") + ".tar"
    target = f"docker-archive:{path.directory / 'digest.tar'}:haproxy:2.2"
    try:
        skopeo("--override-arch", "amd64", "copy", "-q", *INSECURE, f"docker://{key}", target)
        answer = "downloaded"
    except RuntimeError:
        answer = "refused by skopeo (a tag and a digest)"
    return Step(
        "a digest is written into the key of `images.yml`",
        "`imagelock pin x86_64/images.yml`, then the download of that key",
        f"`{file_name[:18]}…{file_name[-8:]}` would be its file, which no `file_name` of image-registry.yml says",
        f"exit {code}; {answer}: as long as Epiphany's downloader reads the list, keep digests in the lock",
    )


def trials(address: str, pusher: Pusher, directory: Path) -> list[Step]:
    """Carry out every step, in order."""
    path = EpiphanyPath(address, pusher, directory)
    return [step(path) for step in (downloaded, named, loaded, addressed, templated, rewritten)]


def lines(steps: list[Step]) -> list[str]:
    """Return the section of the page."""
    table = [f"| {step.title} | {step.ran} | {step.by_tag} | {step.by_digest} |" for step in steps]
    return [
        "",
        "## On Epiphany's own path",
        "",
        (
            "Can digests be used there without breaking anything? Each step was run on docker-registry 2.8.2, Epiphany's way "
            "with skopeo in the place of its downloader and of docker, the other with imagelock; four images of two platforms. "
            "`make study` runs all of it again."
        ),
        "",
        "| step | what was run | by tag and sha1 | by digest |",
        "| --- | --- | --- | --- |",
        *table,
        "",
        (
            "So: yes, everywhere but in the keys of `images.yml`, which one program takes for file names. Lock the lists, load a "
            "bundle in the place of archives, and let manifests and templates name digests; the lists stay as they are."
        ),
    ]
