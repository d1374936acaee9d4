"""Run the scripts of the three pipelines' jobs, in their order, against a registry and an API server of this machine.

    python examples/pipelines/try_jobs.py [gitlab|github|tekton]...

Each pipeline gets a copy of the project of examples/gitlab-argocd.  Every script is the file's own, run by the shell that
its runner uses; ``docker`` and ``kubectl`` alone are stand-ins, which push a tiny image and note what was deployed.
Afterwards a pod runs something else, a tag moves and a reference is not pinned: the jobs must end with the exit codes that
the guide names.  Ends with 1 when a job ends otherwise.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tests"))

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, sample_image
from imagelock.lockfile.reader import parse_lock
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore
from support import peers
from support.apiserver import ApiServer
from support.push import Pusher

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROJECT = ROOT / "examples" / "gitlab-argocd" / "project"
HOSTS = ("docker.io", "ghcr.io", "quay.io", "registry.gitlab.example")
EXPRESSION = re.compile(r"\$\{\{[^}]*\}\}")
DOCKER = f"""#!{sys.executable}
# buildx build --push --metadata-file FILE --tag NAME:TAG FOLDER
import json, os, sys
sys.path.insert(0, {str(ROOT / "tests")!r})
from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, sample_image
from support.push import Pusher
given = dict(zip(sys.argv, sys.argv[1:]))
tag = given["--tag"]
pusher = Pusher(os.environ["REGISTRY_URL"])
name, _, version = tag.rpartition(":")
digest = str(pusher.image(name, version, sample_image(tag, (LINUX_AMD64, LINUX_ARM64))))
pusher.close()
with open(given["--metadata-file"], "w") as stream:
    json.dump({{"image.name": tag, "containerimage.digest": digest}}, stream)
"""
KUBECTL = '#!/bin/sh\nprintf "%s\\n" "$*" >> "$DEPLOYED"\n'


@dataclass(frozen=True)
class Job:
    """One job: its script as one text for its shell, and the variables it has."""

    name: str
    script: str
    shell: tuple[str, ...] = ("bash", "-c")
    variables: dict[str, str] = field(default_factory=dict)


def gitlab() -> Iterator[Job]:
    """Yield the jobs of the GitLab pipeline by their stages; the runner joins lines and stops at the first failure."""
    document = yaml.safe_load((HERE / "gitlab" / ".gitlab-ci.yml").read_text())
    common = {name: str(value) for name, value in document["variables"].items()}
    for stage in document["stages"]:
        for name, job in document.items():
            if isinstance(job, dict) and job.get("stage") == stage:
                for values in _matrix(job):
                    script = "\n".join(("set -eo pipefail", *job["script"]))
                    yield Job(name, script, variables={**common, **values})


def _matrix(job: dict[str, Any]) -> Iterator[dict[str, str]]:
    for row in job.get("parallel", {}).get("matrix", [{}]):
        for name, values in row.items():
            yield from ({name: value} for value in values)
        if not row:
            yield {}


def github() -> Iterator[Job]:
    """Yield the steps of the workflow that run something."""
    document = yaml.safe_load((HERE / "github" / "images.yml").read_text())
    common = {name: str(value) for name, value in document["env"].items()}
    for name, job in document["jobs"].items():
        names = job.get("strategy", {}).get("matrix", {}).get("name", [""])
        for step in (step for step in job["steps"] if "run" in step):
            if EXPRESSION.search(step["run"]):
                raise ValueError(f"{step['name']}: an expression in a script is read as a command")
            called = step["name"] if name != "nightly" else name
            for value in names if name == "build" else [""]:
                yield Job(called, step["run"], ("bash", "-eo", "pipefail", "-c"), {**common, "NAME": value})


def tekton() -> Iterator[Job]:
    """Yield the steps of the tasks; the builds before them are those of the GitLab pipeline."""
    yield from (job for job in gitlab() if job.name == "build")
    documents = list(yaml.safe_load_all((HERE / "tekton" / "pipeline.yaml").read_text()))
    for task in (item for item in documents if item["kind"] == "Task"):
        for step in task["spec"]["steps"]:
            name = "nightly" if task["metadata"]["name"].endswith("nightly") else step["name"]
            yield Job(name, step["script"], ("sh", "-c"))


PIPELINES = {"gitlab": gitlab, "github": github, "tekton": tekton}


@dataclass
class Site:
    """The checkout with what its jobs reach, and what went otherwise than expected."""

    root: Path
    pusher: Pusher
    server: ApiServer
    environ: dict[str, str]
    wrong: list[str] = field(default_factory=list)

    def run(self, job: Job, expected: int = 0) -> None:
        """Run one job in the checkout, and note when it ends otherwise than expected."""
        done = subprocess.run(
            (*job.shell, job.script),
            cwd=self.root,
            env={**self.environ, **job.variables},
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said = done.stdout.decode()
        last = (said.strip().splitlines() or [""])[-1]
        which = f"{job.name} {job.variables['NAME']}" if job.variables.get("NAME") else job.name
        print(f"{which}: exit {done.returncode}; {last}", flush=True)
        if done.returncode != expected:
            self.wrong.append(f"{which}: exit {done.returncode}, expected {expected}")
            print(said)

    def deployed(self, *, wrong: str = "") -> None:
        """Let the cluster run what the lock has, and one pod with another digest of the image ``wrong``."""
        lock = parse_lock((self.root / "images.lock").read_text(), "images.lock")
        images = [image for image in lock.images if "/charts/" not in image.name]
        self.server.objects = tuple(
            _pod(
                i,
                image.name,
                image.tag or "",
                str(image.digest) if image.name != wrong else f"sha256:{'e' * 64}",
            )
            for i, image in enumerate(images)
        )

    def expect(self, what: str, *, holds: bool) -> None:
        """Note what should hold and does not."""
        print(f"{what}: {'yes' if holds else 'NO'}")
        if not holds:
            self.wrong.append(what)


def _pod(number: int, name: str, tag: str, digest: str) -> dict[str, Any]:
    image = f"{name}:{tag}@{digest}"
    status = {
        "name": "c",
        "image": image,
        "imageID": f"{name}@{digest}",
        "state": {"running": {}},
        "ready": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"pod-{number}", "namespace": "shop", "uid": f"u{number}"},
        "spec": {"containers": [{"name": "c", "image": image}]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def try_pipeline(site: Site, jobs: list[Job]) -> None:
    """Run a release and the night after it, then what must fail."""
    before = {path: path.read_bytes() for path in site.root.rglob("*.yaml")}
    for job in jobs:
        if job.name in ("cluster-check", "cluster check", "nightly"):
            site.deployed()
        site.run(job)
    site.expect(
        "the checkout is byte for byte what it was", holds=all(p.read_bytes() == b for p, b in before.items())
    )
    applied = Path(site.environ["DEPLOYED"]).read_text()
    site.expect("the pinned app-of-apps was deployed", holds="apply -f dist/apps.yaml" in applied)
    reports = sorted(path.name for path in (site.root / "imagelock-reports").iterdir())
    site.expect(
        f"reports are there: {', '.join(reports)}", holds="cluster.xml" in reports and "drift.xml" in reports
    )
    last = {job.name: job for job in jobs}
    cluster = last.get("cluster-check") or last["cluster check"]
    print("# a pod runs something else")
    site.deployed(wrong="quay.io/vendor/envoy")
    site.run(cluster, expected=1)
    site.run(last["nightly"], expected=1)
    print("# a tag moved in the night")
    site.deployed()
    site.pusher.image("docker.io/library/redis", "7.4", sample_image("moved", (LINUX_AMD64, LINUX_ARM64)))
    site.run(last["nightly"], expected=1)
    print("# the API server does not answer")
    site.environ["KUBECONFIG"] = str(site.root.parent / "gone")
    site.server.kubeconfig(Path(site.environ["KUBECONFIG"]))
    text = Path(site.environ["KUBECONFIG"]).read_text()
    Path(site.environ["KUBECONFIG"]).write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", text))
    site.environ["IMAGELOCK_RETRY_TIME"] = "2"
    site.run(cluster, expected=3)
    print("# a reference is added that is not in the lock")
    late = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: registry.gitlab.example/shop/late:1}]}\n"
    (site.root / "dist" / "late.yaml").write_text(late)
    site.run(last["check"], expected=1)


def main() -> int:
    """Try each pipeline; return the exit code."""
    wrong: list[str] = []
    for name in sys.argv[1:] or PIPELINES:
        print(f"## {name}", flush=True)
        with ExitStack() as stack:
            base = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            if peers.has("docker-registry"):
                registry: peers.DockerRegistry | EmbeddedRegistry = peers.DockerRegistry(base / "registry")
            else:
                registry = EmbeddedRegistry(MemoryStore())
            stack.enter_context(registry)
            server = stack.enter_context(ApiServer())
            site = Site(
                base / "project", Pusher(registry.url), server, _environment(base, registry.url, server)
            )
            stack.callback(site.pusher.close)
            _checkout(site, registry.url)
            try_pipeline(site, list(PIPELINES[name]()))
            wrong += [f"{name}: {problem}" for problem in site.wrong]
        print()
    for problem in wrong:
        print(f"WRONG: {problem}", file=sys.stderr)
    return 1 if wrong else 0


def _checkout(site: Site, url: str) -> None:
    shutil.copytree(PROJECT, site.root)
    mirrors = "".join(
        f'[registries."{host}"]\nmirrors = ["{url}/{host}"]\nfallback = false\n' for host in HOSTS
    )
    with (site.root / "imagelock.toml").open("a") as stream:
        stream.write(f"\n{mirrors}")
    for line in (site.root / "external_images").read_text().splitlines():
        if not line.startswith("#"):
            image, _, tag = line.rpartition(":")
            site.pusher.image(image, tag, sample_image(line, (LINUX_AMD64, LINUX_ARM64)))


def _environment(base: Path, url: str, server: ApiServer) -> dict[str, str]:
    """Return the variables of every job: imagelock and the stand-ins come first on PATH."""
    programs = base / "bin"
    programs.mkdir()
    launcher = f'#!/bin/sh\nexec "{sys.executable}" -m imagelock "$@"\n'
    for name, text in (("imagelock", launcher), ("docker", DOCKER), ("kubectl", KUBECTL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
        "IMAGELOCK_RETRY_TIME": "60",
        "REGISTRY_URL": url,
        "DEPLOYED": str(base / "deployed"),
        "KUBECONFIG": server.kubeconfig(base / "kubeconfig"),
    }


if __name__ == "__main__":
    sys.exit(main())
