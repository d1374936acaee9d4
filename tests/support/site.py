"""Tag files in a folder beside a real registry, and the real command line over both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.cli.main import run
from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, sample_image
from support import peers
from support.push import push_image
from support.world import Result

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from conftest import AnyRegistry
    from imagelock.model.digest import Digest


@dataclass
class Site:
    """A folder with tag files, and the registry that their images are in."""

    root: Path
    registry: AnyRegistry
    capsys: pytest.CaptureFixture[str]

    def name(self, image: str) -> str:
        """Return an image's full name."""
        return f"{self.registry.address}/acme/{image}"

    def push(self, image: str, tag: str, seed: str | None = None) -> Digest:
        """Give the registry a multi-platform image."""
        made = sample_image(seed or image, (LINUX_AMD64, LINUX_ARM64), attestation=True)
        return push_image(self.registry.url, f"acme/{image}", tag, made)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self.root / name).write_text(text, encoding="utf-8")

    def read(self, name: str) -> str:
        """Read a file."""
        return (self.root / name).read_text(encoding="utf-8")

    def run(self, verb: str, *arguments: str) -> Result:
        """Run ``imagelock tags VERB`` here."""
        return self.any("tags", verb, "-C", str(self.root), *arguments)

    def any(self, *arguments: str) -> Result:
        """Run a command as it is given."""
        self.capsys.readouterr()
        code = run(list(arguments))
        out, err = self.capsys.readouterr()
        assert "Traceback" not in err
        assert "internal error" not in err, err
        return Result(code, out, err)

    def digest(self, image: str, tag: str) -> str:
        """Ask skopeo for the digest of a tag, independently of imagelock."""
        reference = f"docker://{self.name(image)}:{tag}"
        shown = peers.skopeo("inspect", "--tls-verify=false", "--format", "{{.Digest}}", reference)
        return shown.decode().strip()
