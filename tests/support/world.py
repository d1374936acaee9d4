"""A project in a folder, a registry with its images, and the real command line over both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagelock.cli.main import run
from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, push_sample, sample_image
from imagelock.lockfile.reader import parse_lock
from imagelock.model.reference import Reference
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore
from support.schemas import problems

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest

    from imagelock.demo.sample_image import SampleImage
    from imagelock.model.lock import Lock

INTERRUPTIBLE = ("env", "--default-signal=INT")
"""What a command begins with that shall end on Ctrl-C, even where the tests themselves run in the background."""
MULTI = (LINUX_AMD64, LINUX_ARM64)
HOSTS = ("docker.io", "quay.io", "ghcr.io")


@dataclass(frozen=True)
class Result:
    """How one command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Stdout as JSON."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def codes(self) -> list[str]:
        """The codes of the findings of a JSON document, in order."""
        return [item["code"] for item in self.document["findings"]]


@dataclass(frozen=True)
class LoggedRequest:
    """One request as the registry saw it."""

    method: str
    path: str
    status: int


@dataclass
class World:
    """A project below ``root`` whose images live in ``registry``, which notes every request."""

    root: Path
    registry: EmbeddedRegistry
    store: MemoryStore
    capsys: pytest.CaptureFixture[str]
    seen: list[LoggedRequest] = field(default_factory=list)

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def read(self, name: str) -> str:
        """Read a file of the project."""
        return (self.root / name).read_bytes().decode()

    def tree(self) -> dict[str, bytes]:
        """Return every file of the project with its bytes."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not path.is_relative_to(self.root / ".git")
        }

    @property
    def lock(self) -> Lock:
        """The lock as it is on disk."""
        return parse_lock(self.read("images.lock"), "images.lock")

    def configure(self, more: str = "") -> None:
        """Write a configuration in which every public host is this registry, and ``more``."""
        self.write("imagelock.toml", f"{more}\n{mirrors(self.registry.url)}")

    def push(self, reference: str, seed: str = "", *, single: bool = False) -> str:
        """Give the registry an image; another ``seed`` moves the tag.  Return the digest as text."""
        image = sample_image(f"{reference} {seed}", LINUX_AMD64 if single else MULTI)
        return self.push_image(reference, image)

    def push_as(self, reference: str, seed: str) -> str:
        """Give the registry the image of a seed alone: the same under every name."""
        return self.push_image(reference, sample_image(seed, MULTI))

    def push_image(self, reference: str, image: SampleImage) -> str:
        """Give the registry this image."""
        parsed = Reference.parse(reference)
        return str(push_sample(self.store, parsed.name, parsed.tag or "latest", image))

    def run(self, *arguments: str) -> Result:
        """Run a command in this project, in this process."""
        return self.run_plain(arguments[0], "-C", str(self.root), *arguments[1:])

    def run_plain(self, *arguments: str) -> Result:
        """Run a command as it is given."""
        self.capsys.readouterr()
        code = run(list(arguments))
        out, err = self.capsys.readouterr()
        assert "Traceback" not in err, err
        assert "internal error" not in err, err
        return Result(code, out, err)

    def json(self, *arguments: str) -> Result:
        """Run a command with JSON on stdout; every document is held to the published schema."""
        result = self.run(*arguments, "-o", "json")
        if result.out:
            assert problems("output", result.document) == []
        return result

    def asked(self) -> list[LoggedRequest]:
        """Return the requests since the last call."""
        seen, self.seen[:] = list(self.seen), []
        return seen


def mirrors(url: str, hosts: tuple[str, ...] = HOSTS) -> str:
    """Return the configuration that finds every image of ``hosts`` at one registry."""
    return "".join(f'[registries."{host}"]\nmirrors = ["{url}/{host}"]\nfallback = false\n' for host in hosts)


def make_world(root: Path, capsys: pytest.CaptureFixture[str]) -> World:
    """Make an empty project with its registry; the registry must still be started."""
    root.mkdir(parents=True, exist_ok=True)
    store = MemoryStore()
    seen: list[LoggedRequest] = []
    guard = threading.Lock()

    def observe(method: str, path: str, status: int) -> None:
        with guard:
            seen.append(LoggedRequest(method, path, status))

    registry = EmbeddedRegistry(store, observer=observe)
    return World(root, registry, store, capsys, seen)


def deployment(*images: str, name: str = "app", extra: str = "") -> str:
    """Return a Deployment with one container for each image."""
    containers = "".join(
        f"        - name: c{number}\n          image: {image}\n" for number, image in enumerate(images)
    )
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  template:\n    spec:\n"
        f"      containers:\n{containers}{extra}"
    )


def process(
    *arguments: str, cwd: Path, environ: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[bytes]:
    """Start imagelock as a process of its own, its output in pipes unless ``options`` say otherwise."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [*INTERRUPTIBLE, sys.executable, "-m", "imagelock", *arguments],
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        **{**pipes, **options},
    )
