"""Try what becomes of tags, digests and file sums, and write docs/concepts/digests-or-tags.md.

    python benchmarks/study_digests.py [--check]

Every cell of the table is the outcome of a trial on the embedded registry and on docker-registry, carried
out with skopeo and plain HTTP.  With `--check` nothing is written and a difference is an error.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import study_epiphany
from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, sample_image
from imagelock.model.manifest import parse_manifest
from imagelock.registry.client import RegistryClient
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore
from support.peers import DockerRegistry, skopeo
from support.push import Pusher

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).resolve().parent.parent / "docs" / "concepts" / "digests-or-tags.md"
NAME = "acme/shop"


@dataclass(frozen=True, slots=True)
class Site:
    """One registry under trial; ``collect`` runs its garbage collection, None where it has none."""

    title: str
    address: str
    collect: Callable[[], None] | None

    @property
    def reference(self) -> str:
        """The image's name there."""
        return f"{self.address}/{NAME}"


@dataclass(frozen=True, slots=True)
class Row:
    """What was tried, and what became of the three ways to name an image."""

    title: str
    tag: str
    digest: str
    file_sum: str
    why: str


def digest_of(site: Site, target: str) -> str:
    """Return what a tag points to, hashed here."""
    with RegistryClient() as client:
        return str(client.get_manifest(f"{site.address}/{NAME}", target).digest)


def exists(site: Site, digest: str) -> bool:
    """Whether skopeo can still read an image by its digest."""
    try:
        skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{site.reference}@{digest}")
    except RuntimeError:
        return False
    return True


def same(one: object, other: object) -> str:
    """Say whether something stayed the same."""
    return "the same" if one == other else "another"


def tag_moved(site: Site, pusher: Pusher) -> Row:
    """Push another image under a tag that is in use."""
    first = pusher.image(NAME, "1.4", sample_image("first"))
    second = pusher.image(NAME, "1.4", sample_image("second"))
    return Row(
        title="someone pushes another image under the tag",
        tag=f"{same(digest_of(site, '1.4'), str(first))} image",
        digest="the same image" if exists(site, str(first)) else "gone",
        file_sum="says nothing of the registry",
        why=f"The tag pointed to `{first.short}…` and now points to `{second.short}…`; the first is still there, by its "
        "digest only. A file that names the tag deploys another product without having changed.",
    )


def collected(site: Site, pusher: Pusher) -> Row:
    """Let the registry collect what no tag holds any more."""
    lonely = pusher.image(NAME, "1.5", sample_image("lonely"))
    kept = pusher.image(NAME, "1.6", sample_image("kept"))
    pusher.image(NAME, "1.5", sample_image("newer"))
    pusher.image(NAME, "1.6", sample_image("newer still"))
    with RegistryClient() as client:
        content = client.get_manifest(f"{site.address}/{NAME}", kept)
    pusher.get_manifest(NAME, content, f"keep-{kept.short}")
    if site.collect is not None:
        site.collect()
    lost = "gone" if not exists(site, str(lonely)) else "still there"
    held = "still there" if exists(site, str(kept)) else "gone"
    return Row(
        title="the registry collects garbage after the tag moved",
        tag="another image",
        digest=f"{lost}; with a tag of its own: {held}",
        file_sum="says nothing of the registry",
        why="docker-registry's collector with `--delete-untagged` removes a digest that no tag holds. The same digest "
        "under a tag of its own survives, which is why `mirror` sets one for entries that have no tag. The embedded "
        "registry collects nothing."
        if site.collect
        else "The embedded registry collects nothing.",
    )


def other_platform(site: Site, pusher: Pusher) -> Row:
    """Look at an image of two platforms from each of them."""
    image = sample_image("platforms", (LINUX_AMD64, LINUX_ARM64))
    digest = pusher.image(NAME, "2.0", image)
    seen = {
        arch: skopeo(
            "--override-arch", arch, "inspect", "--tls-verify=false", "--format", "{{.Digest}}",
            f"docker://{site.reference}:2.0",
        ).decode().strip()
        for arch in ("amd64", "arm64")
    }  # fmt: skip
    children = {str(child.digest) for child in image.children}
    return Row(
        title="a node of another platform pulls it",
        tag="the same image, that platform's part",
        digest=f"{same(set(seen.values()), {str(digest)})} digest on every platform; a part's digest runs on one only",
        file_sum="a file holds one platform" if len(children) == 2 else "",
        why=f"The tag names an index, `{digest.short}…`, and both platforms report that digest. Its two parts have digests "
        "of their own. Pinning the index is right everywhere; pinning a part (IL108) breaks the other platform.",
    )


def other_archive(site: Site, pusher: Pusher, directory: Path) -> Row:
    """Save an image in two archive formats, twice, and load it again."""
    digest = str(pusher.image(NAME, "3.0", sample_image("archive")))
    source = f"docker://{site.reference}:3.0"
    sums: dict[str, list[str]] = {}
    back: dict[str, str] = {}
    for kind in ("oci-archive", "docker-archive"):
        for copy in ("first", "second"):
            path = directory / f"{site.title}-{kind}-{copy}.tar"
            skopeo("copy", "-q", "--src-tls-verify=false", source, f"{kind}:{path}:acme/shop:3.0")
            sums.setdefault(kind, []).append(
                hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
            )
            time.sleep(1.1)  # archives carry times in seconds
        skopeo(
            "copy", "-q", "--dest-tls-verify=false", f"{kind}:{directory / f'{site.title}-{kind}-first.tar'}"
            + ("" if kind == "docker-archive" else ":acme/shop:3.0"),
            f"docker://{site.reference}:from-{kind}",
        )  # fmt: skip
        back[kind] = digest_of(site, f"from-{kind}")
    twice = {kind: same(*pair) for kind, pair in sums.items()}
    return Row(
        title="it is saved to a file and loaded again",
        tag="whatever the loader sets",
        digest=f"OCI archive: {same(back['oci-archive'], digest)}; "
        f"docker archive: {same(back['docker-archive'], digest)} digest",
        file_sum=f"saved twice, OCI: {twice['oci-archive']}; docker: {twice['docker-archive']} sha1; "
        f"between formats: {same(sums['oci-archive'][0], sums['docker-archive'][0])}",
        why="An OCI archive keeps the manifest's bytes, so the digest survives the way through a file. A docker archive "
        "keeps no manifest: the loader makes a new one around unpacked layers. The sum of a file is the sum of that one "
        "file: neither the format nor the time of saving may change, and nothing in a registry or a cluster can be "
        "compared with it.",
    )


def copied(site: Site, pusher: Pusher) -> Row:
    """Copy an image into another repository of the same registry, all platforms."""
    digest = str(pusher.image(NAME, "4.0", sample_image("copied", (LINUX_AMD64, LINUX_ARM64))))
    skopeo(
        "copy", "-q", "--all", "--src-tls-verify=false", "--dest-tls-verify=false",
        f"docker://{site.reference}:4.0", f"docker://{site.address}/mirror/shop:4.0",
    )  # fmt: skip
    with RegistryClient() as client:
        there = client.get_manifest(f"{site.address}/mirror/shop", "4.0")
    parse_manifest(there.body, there.media_type)
    return Row(
        title="it is copied to another registry or name",
        tag="whatever the copier sets",
        digest=f"{same(str(there.digest), digest)} digest",
        file_sum="says nothing of the registry",
        why="A digest is a digest of content: whoever holds the same bytes under whatever name answers to it. A mirror "
        "needs no trust of its own when files name digests.",
    )


def trials(site: Site, directory: Path) -> list[Row]:
    """Carry out every trial on one registry."""
    pusher = Pusher(f"http://{site.address}")
    try:
        return [
            tag_moved(site, pusher),
            collected(site, pusher),
            other_platform(site, pusher),
            other_archive(site, pusher, directory),
            copied(site, pusher),
        ]
    finally:
        pusher.close()


def page(results: dict[str, list[Row]], steps: list[study_epiphany.Step]) -> str:
    """Return the page: one table a registry, each row explained below."""
    lines = [
        "<!-- Made by benchmarks/study_digests.py. Change the trials, then run it again. -->",
        "",
        "# Digests or tags",
        "",
        (
            "Three ways to say which image is meant: its tag, its digest, and the sum of a file it was saved to. What becomes "
            "of each when something ordinary happens was tried, not argued; the tables are what came out."
        ),
    ]
    for title, rows in results.items():
        lines += [
            "",
            f"## On {title}",
            "",
            "| what happens | the tag names | the digest names | sha1 of a saved file |",
        ]
        lines.append("| --- | --- | --- | --- |")
        lines += [f"| {row.title} | {row.tag} | {row.digest} | {row.file_sum} |" for row in rows]
    lines += ["", "## Why", ""]
    lines += [
        f"- **{row.title[0].upper()}{row.title[1:]}.** {row.why}" for row in next(iter(results.values()))
    ]
    lines += study_epiphany.lines(steps)
    lines += [
        "",
        "## What follows",
        "",
        (
            "Name images by digest wherever a machine reads the name, keep the tag beside it for people, and keep a tag on every "
            "digest that a release needs. Verify files by hashing what is inside them (`imagelock bundle verify`), never by a sum "
            "of the archive."
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run the trials and write the page, or compare it."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        (directory / "registry").mkdir()
        with DockerRegistry(directory / "registry") as registry, EmbeddedRegistry(MemoryStore()) as embedded:
            sites = (
                Site("docker-registry 2.8.2", registry.address, registry.collect),
                Site("the embedded registry", embedded.address, None),
            )
            results = {site.title: trials(site, directory) for site in sites}
            pusher = Pusher(registry.url)
            text = page(results, study_epiphany.trials(registry.address, pusher, directory))
            pusher.close()
    if "--check" in sys.argv:
        ok = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        print("in step" if ok else f"{PAGE.name} is not what the trials give: run {Path(__file__).name}")
        return 0 if ok else 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
