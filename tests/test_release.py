"""A release team's loop over five rounds, in a real git repository, against Debian's docker-registry."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from imagelock.cli.main import run
from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, sample_image
from imagelock.lockfile.reader import parse_lock
from imagelock.model.digest import Digest
from imagelock.model.reference import Reference
from support import peers
from support.push import Pusher
from support.world import deployment, mirrors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTS = ("quay.io", "ghcr.io", "docker.io")
OPERATOR = "quay.io/acme/operator:7.15.1"
SERVER = "quay.io/acme/server:7.15"
SERVER_LONGER = "quay.io/acme/server:7.15.1"
TOOLS = "ghcr.io/acme/tools:ubi9"
REDIS = "docker.io/library/redis:latest"
BASE = "docker.io/library/python:3.13"
BACKUP = "quay.io/acme/backup:0.9"
SIDECAR = "quay.io/acme/sidecar:2"
IMAGES = (OPERATOR, SERVER, SERVER_LONGER, TOOLS, REDIS, BASE, BACKUP, SIDECAR)

CSV = f"""\
apiVersion: operators.coreos.com/v1alpha1
kind: ClusterServiceVersion
metadata:
  name: acme.v7.15.1
  annotations:
    containerImage: {OPERATOR}
    description: 'An image: is not one here'
spec:
  # the CRDs' schema has a key of that name, which is no reference
  customresourcedefinitions: {{owned: [{{name: shops.acme.io, kind: Shop}}]}}
  install:
    strategy: deployment
    spec:
      deployments:
        - name: operator
          spec:
            template:
              spec:
                initContainers:
                  - {{name: init, image: "{SIDECAR}"}}
                containers:
                  - name: operator
                    image: {OPERATOR}   # the operator itself
                    env:
                      - name: RELATED_IMAGE_server
                        value: {SERVER}
                      - name: RELATED_IMAGE_server_longer
                        value: {SERVER_LONGER}
                      - name: EDITORS
                        value: >-
                          [{{"name": "shell", "container":
                          {{"image": "{TOOLS}"}}}}]
"""
DOCKERFILE = "FROM docker.io/library/python:3.13 AS build\r\nRUN make\r\nFROM build\r\n"
LIST = f"# pulled by the sites\n{BACKUP}\n{SERVER}\n"


@dataclass
class Team:
    """The team: its repository, its registry, and the command line."""

    root: Path
    registry: peers.DockerRegistry
    capsys: pytest.CaptureFixture[str]
    digests: dict[str, str] = field(default_factory=dict)

    def push(self, reference: str, seed: str) -> str:
        """Build and push; some images run on two platforms."""
        parsed = Reference.parse(reference)
        platforms = LINUX_AMD64 if "library" in reference else (LINUX_AMD64, LINUX_ARM64)
        pusher = Pusher(self.registry.url)
        try:
            digest = pusher.image(parsed.name, parsed.tag, sample_image(f"{reference} {seed}", platforms))
        finally:
            pusher.close()
        self.digests[reference] = str(digest)
        return str(digest)

    def imagelock(self, *arguments: str, cwd: Path | None = None, code: int = 0) -> dict[str, object]:
        """Run a command with JSON output; it must end as expected."""
        self.capsys.readouterr()
        ended = run([arguments[0], "-C", str(cwd or self.root), *arguments[1:], "-o", "json"])
        out, err = self.capsys.readouterr()
        assert ended == code, f"{arguments}: exit {ended}\n{out}\n{err}"
        document: dict[str, object] = json.loads(out) if out else {}
        return document

    def codes(self, *arguments: str, code: int) -> list[tuple[str, str]]:
        """Run a command and return the code and reference of each finding."""
        findings = self.imagelock(*arguments, code=code)["findings"]
        assert isinstance(findings, list)
        return [(item["code"], item["reference"]) for item in findings]

    def git(self, *arguments: str) -> str:
        """Run git in the repository, as nobody in particular."""
        who = ("-c", "user.name=team", "-c", "user.email=team@example.com", "-c", "init.defaultBranch=main")
        done = subprocess.run(
            ("git", *who, *arguments), cwd=self.root, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def changed_lines(self) -> list[str]:
        """Return what the working tree changes, without the marks of the diff."""
        lines = self.git("diff", "-U0").splitlines()
        return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]

    def locked(self) -> dict[str, str]:
        """Return the lock as reference to digest."""
        text = (self.root / "images.lock").read_text()
        return {image.reference: str(image.digest) for image in parse_lock(text, "images.lock").images}


@pytest.fixture
def team(tmp_path: Path, alone: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Team]:
    """Give a team with a repository of mixed files, every image pushed, nothing locked yet."""
    root = tmp_path / "product"
    root.mkdir()
    with peers.DockerRegistry(tmp_path / "registry") as registry:
        made = Team(root, registry, capsys)
        for reference in IMAGES:
            made.push(reference, "first")
        files = {
            "imagelock.toml": mirrors(registry.url, HOSTS),
            "bundle/acme.clusterserviceversion.yaml": CSV,
            "Dockerfile": DOCKERFILE,
            "external_images.txt": LIST,
            "deploy/mixed.yaml": deployment(
                "redis",
                f"{SERVER}@{made.digests[SERVER]}",
                f"quay.io/acme/sidecar@{made.digests[SIDECAR]}",
            ),
            "README.md": f"Use image: {SERVER}\n",
        }
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text.encode())
        made.git("init", "-q")
        made.commit("the product")
        yield made


def require_peers() -> bool:
    """Whether both peers are there; the loud line names the ones that are not."""
    found = [peers.has(program) for program in ("docker-registry", "skopeo")]
    return all(found)


if require_peers():

    def test_five_rounds_change_only_what_was_asked(team: Team, tmp_path: Path) -> None:
        files = [path for path in team.root.rglob("*") if path.is_file() and ".git" not in path.parts]
        before = {path: path.read_bytes() for path in files}
        team.imagelock("lock")
        assert team.locked() == team.digests
        team.imagelock("pin")
        team.imagelock("unpin", "bundle", "Dockerfile", "external_images.txt")
        assert [path.name for path in files if path.read_bytes() != before[path]] == ["mixed.yaml"]
        team.imagelock("pin")
        team.commit("locked and pinned")
        for number, reference in enumerate((SERVER, OPERATOR, TOOLS, REDIS, SIDECAR)):
            _round(team, tmp_path / f"clone{number}", reference, f"round {number}")

    def _round(team: Team, clone: Path, reference: str, seed: str) -> None:
        old = dict(team.locked())
        others = [other for other in IMAGES if other != reference][:3]
        for moved in (reference, *others):
            team.push(moved, seed)
        told = {("IL102", moved) for moved in IMAGES if team.digests[moved] != old[moved]}
        assert {("IL102", reference), *(("IL102", other) for other in others)} <= told
        assert set(team.codes("drift", code=1)) == told
        team.imagelock("lock")
        team.imagelock("pin")
        assert team.git("status", "--porcelain") == ""
        team.imagelock("update", reference)
        new = team.digests[reference]
        assert team.locked() == {**old, reference: new}
        allowed = (old[reference], new)
        odd = [line for line in team.changed_lines() if not _is_of(line, allowed)]
        assert odd == []
        team.commit(f"update {reference}")
        team.git("clone", "-q", str(team.root), str(clone))
        team.imagelock("check", cwd=clone)
        team.imagelock("lock", "--check", cwd=clone)
        team.imagelock("pin", cwd=clone)
        assert _inspected(team, reference) == new
        shutil.rmtree(clone)

    def _is_of(line: str, digests: tuple[str, str]) -> bool:
        """Whether a changed line has one of the digests, or is one of the lock about the same entry.

        An entry that was adopted with its digest learns at its first update who answers for its tag.
        """
        details = ("    { platform = ", "size = ", "resolved-from = ")
        return any(digest in line for digest in digests) or line[1:].startswith(details)

    def _inspected(team: Team, reference: str) -> str:
        name, _, tag = reference.rpartition(":")
        target = f"docker://{team.registry.address}/{name}:{tag}"
        return str(Digest.of(peers.skopeo("inspect", "--tls-verify=false", "--raw", target)))

    def test_skopeo_agrees_on_every_digest(team: Team) -> None:
        team.imagelock("lock")
        assert {reference: _inspected(team, reference) for reference in IMAGES} == team.locked()

    def test_gone_tags_gone_digests_and_a_stopped_registry_are_told_apart(team: Team) -> None:
        team.imagelock("lock")
        team.imagelock("pin")
        team.commit("locked and pinned")
        before = (team.root / "images.lock").read_bytes()
        _forget_tag(team, BACKUP)
        assert team.codes("drift", code=1) == [("IL304", BACKUP)]
        pusher = Pusher(team.registry.url)
        pusher.delete("quay.io/acme/backup", team.digests[BACKUP])
        pusher.close()
        assert team.codes("drift", code=1) == [("IL303", BACKUP)]
        assert team.codes("check", "--registry", code=1) == [("IL303", BACKUP)]
        team.registry.stop()
        for command in (("drift",), ("lock", "-U"), ("update", "-U"), ("check", "--registry")):
            found = team.codes(*command, "--retry-time", "0", code=3)
            assert {code for code, _ in found} <= {"IL301", "IL302"}
        team.imagelock("check")
        assert (team.root / "images.lock").read_bytes() == before
        assert team.git("status", "--porcelain") == ""

    def _forget_tag(team: Team, reference: str) -> None:
        """Delete a tag alone, which this registry has no request for."""
        name, _, tag = reference.rpartition(":")
        data = team.registry.data / "docker/registry/v2/repositories"
        shutil.rmtree(data / name / "_manifests/tags" / tag)
