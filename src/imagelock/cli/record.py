"""``imagelock record``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imagelock.cli.common import common, verb

if TYPE_CHECKING:
    from imagelock.cli.common import Run

_PATH = click.Path(path_type=Path)


@verb("record")
@click.argument("references", nargs=-1, metavar="[REFERENCE@DIGEST]...")
@click.option(
    "--from-buildx",
    type=_PATH,
    multiple=True,
    metavar="FILE",
    help="The file of docker buildx build --metadata-file.",
)
@click.option(
    "--from-digestfile",
    type=_PATH,
    multiple=True,
    metavar="FILE",
    help="The file of buildah or podman --digestfile.",
)
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="NAME",
    help="The image of each --from-digestfile, in the same order.",
)
@click.option(
    "--from-kaniko",
    type=_PATH,
    multiple=True,
    metavar="FILE",
    help="The file of kaniko --image-name-with-digest-file.",
)
@click.option(
    "--from-ko", type=_PATH, multiple=True, metavar="FILE", help="The file of ko build --image-refs."
)
@click.option("--from-jib", type=_PATH, multiple=True, metavar="FILE", help="jib-image.json.")
@click.option(
    "--output-dir",
    type=_PATH,
    default=Path("image_references"),
    show_default=True,
    metavar="DIR",
    help="Directory to write the files into.",
)
@common()  # fmt: skip
def command(  # noqa: PLR0913 - the options of the contract
    run: Run,
    references: tuple[str, ...],
    *,
    from_buildx: tuple[Path, ...],
    from_digestfile: tuple[Path, ...],
    images: tuple[str, ...],
    from_kaniko: tuple[Path, ...],
    from_ko: tuple[Path, ...],
    from_jib: tuple[Path, ...],
    output_dir: Path,
) -> None:
    r"""Record the digest of an image that a build job has just pushed.

    Each image gets its own file in image_references/, named after the image and its digest, so jobs that
    run at the same time never overwrite each other. `imagelock lock` reads them with [build] references or
    --from. Contacts no registry.

    \b
    Examples:
      imagelock record registry.corp/shop:1.4@sha256:…
      imagelock record --from-buildx metadata.json
      imagelock record --from-digestfile digest.txt --image registry.corp/shop:1.4
      imagelock record --from-kaniko image.txt --from-ko refs.txt --from-jib target/jib-image.json
    """
    from imagelock.errors import UsageError
    from imagelock.ops.lock.record import Given, apply, plan, read_given

    if len(images) != len(from_digestfile):
        raise UsageError(
            f"{len(from_digestfile)} --from-digestfile, but {len(images)} --image",
            hint="give one --image NAME for each --from-digestfile, in the same order",
        )
    tools = {"buildx": from_buildx, "kaniko": from_kaniko, "ko": from_ko, "jib": from_jib}
    given = Given(
        references=references,
        files=tuple((tool, path) for tool, paths in tools.items() for path in paths),
        digest_files=tuple(zip(from_digestfile, images, strict=True)),
    )
    directory = run.settings.directory.absolute()
    run.finish(apply(plan(read_given(given, directory)), directory / output_dir, directory))
