"""``imagelock demo``: the real commands, run one after the other on a product in miniature."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from imagelock.cli.common import CONTEXT, Verb
from imagelock.cli.terminal import stdout_style


@click.command("demo", cls=Verb, context_settings=CONTEXT)
@click.option(
    "--keep", type=click.Path(path_type=Path), metavar="DIR", help="Leave the files in DIR, to look at."
)
def command(keep: Path | None) -> None:
    r"""Run the whole line on a built-in example against an embedded registry.

    Everything happens in a temporary directory and on this machine's loopback interface; nothing is
    downloaded. What you see are the real commands and their real output.

    \b
    Examples:
      imagelock demo
      imagelock demo --keep shop
    """
    from imagelock.demo import product as example
    from imagelock.service.embedded import EmbeddedRegistry
    from imagelock.stores.memory import MemoryStore

    store = MemoryStore()
    example.push_images(store)
    with (
        tempfile.TemporaryDirectory(prefix="imagelock-demo-") as temporary,
        EmbeddedRegistry(store) as registry,
    ):
        directory = keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        example.write_files(directory, registry.url)
        _freeze(directory)
        _tell("somebody pushes another shop:1.4; the files do not change, and drift sees it")
        example.move_tag(store, "quay.io/acme/shop", "1.4")
        _follow(directory)
        with EmbeddedRegistry(MemoryStore()) as site:
            _carry(directory, site.address)
        _prove(directory)
        _tell("and all of it can be taken back, byte for byte")
        _run(directory, "unpin", "-q")
        _same(directory, example.FILES)


def _freeze(directory: Path) -> None:
    _tell("a product in miniature: a Deployment, a Dockerfile and a list; its images are named by tags")
    _run(directory, "scan")
    _tell("every reference gets the digest its registry has now; one lock holds them")
    _run(directory, "lock")
    _tell("the digests go into the files, and nothing else changes")
    _run(directory, "pin", "--diff", "deploy")
    _run(directory, "pin", "-q")
    _tell("the gate of a pipeline: offline, exit 0 when every file says what the lock says")
    _run(directory, "check")


def _follow(directory: Path) -> None:
    _run(directory, "drift", expected=1)
    _tell("taken on purpose: one image, its lock entry and every place of it, and nothing else")
    _run(directory, "update", "quay.io/acme/shop")
    _run(directory, "check", "--registry")


def _carry(directory: Path, site: str) -> None:
    _tell("for a site without a network: one tar with every image and the lock, proved before and after")
    _run(directory, "bundle", "create", "release.tar")
    _run(directory, "bundle", "verify", "release.tar")
    _run(directory, "bundle", "load", "release.tar", "--to", site)


def _prove(directory: Path) -> None:
    from imagelock.demo import product as example
    from imagelock.ops.project import Settings, open_project, read_lock

    images = read_lock(open_project(Settings(directory=directory))).lock.images
    dump = example.cluster_dump({image.reference: str(image.digest) for image in images})
    (directory / "cluster.json").write_text(dump, encoding="utf-8")
    _tell("what runs is what was released, but for one pod that nobody released")
    _run(directory, "cluster", "check", "cluster.json", expected=1)


def _tell(words: str) -> None:
    sys.stdout.write(f"\n{stdout_style().bold('# ' + words)}\n")


def _run(directory: Path, *arguments: str, expected: int = 0) -> None:
    """Run one command as a user would, and stop the demo when it ends otherwise than shown."""
    from imagelock.cli.main import run

    sys.stdout.write(f"{stdout_style().cyan('$ imagelock ' + ' '.join(arguments))}\n")
    sys.stdout.flush()
    verbs = 2 if arguments[0] in ("bundle", "cluster") else 1
    code = run([*arguments[:verbs], "-C", str(directory), *arguments[verbs:]])
    sys.stdout.flush()
    sys.stderr.flush()
    if code != expected:
        raise click.ClickException(f"the demo expected exit code {expected} and got {code}")


def _same(directory: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        if (directory / name).read_text(encoding="utf-8") != content:
            raise click.ClickException(f"{name} did not come back as it was")
    _tell("every file is as it was; the demo is over")
