"""``imagelock demo``: run the real commands one after the other on a small product."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from imagelock.cli.common import CONTEXT, Verb
from imagelock.cli.terminal import stdout_style


@click.command("demo", cls=Verb, context_settings=CONTEXT)
@click.option("--keep", type=click.Path(path_type=Path), metavar="DIR", help="Keep the files in DIR.")
def command(keep: Path | None) -> None:
    r"""Run the whole line on a built-in example against an embedded registry.

    Everything happens in a temporary directory and on this machine's loopback interface; nothing is
    downloaded. The commands and their output are real.

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
        _narrate("someone pushes another image as shop:1.4; the files stay the same, and drift reports it")
        example.move_tag(store, "quay.io/acme/shop", "1.4")
        _follow(directory)
        with EmbeddedRegistry(MemoryStore()) as site:
            _carry(directory, site.address)
        _prove(directory)
        _narrate("everything can be undone, byte for byte")
        _run(directory, "unpin", "-q")
        _same(directory, example.FILES)


def _freeze(directory: Path) -> None:
    _narrate("a small product: a Deployment, a Dockerfile and a list; they name their images by tag")
    _run(directory, "scan")
    _narrate("every reference is resolved to the digest its registry has now; one lock records them")
    _run(directory, "lock")
    _narrate("the digests are written into the files; nothing else changes")
    _run(directory, "pin", "--diff", "deploy")
    _run(directory, "pin", "-q")
    _narrate("the gate for a pipeline: offline, exit 0 if every file matches the lock")
    _run(directory, "check")


def _follow(directory: Path) -> None:
    _run(directory, "drift", expected=1)
    _narrate("an intended update: one image, its lock entry and every place that uses it, nothing else")
    _run(directory, "update", "quay.io/acme/shop")
    _run(directory, "check", "--registry")


def _carry(directory: Path, site: str) -> None:
    _narrate("for a site without a network: one tar with every image and the lock, verified on both sides")
    _run(directory, "bundle", "create", "release.tar")
    _run(directory, "bundle", "verify", "release.tar")
    _run(directory, "bundle", "load", "release.tar", "--to", site)


def _prove(directory: Path) -> None:
    from imagelock.demo import product as example
    from imagelock.ops.project import Settings, open_project, read_lock

    images = read_lock(open_project(Settings(directory=directory))).lock.images
    dump = example.cluster_dump({image.reference: str(image.digest) for image in images})
    (directory / "cluster.json").write_text(dump, encoding="utf-8")
    _narrate("the cluster runs what was released, except for one pod")
    _run(directory, "cluster", "check", "cluster.json", expected=1)


def _narrate(words: str) -> None:
    sys.stdout.write(f"\n{stdout_style().bold('# ' + words)}\n")


def _run(directory: Path, *arguments: str, expected: int = 0) -> None:
    """Run one command as a user would, and stop the demo when its exit code is not the expected one."""
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
    _narrate("every file is as it was before; the demo is finished")
