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
    "--from-buildx", type=_PATH, multiple=True, metavar="FILE", help="docker buildx --metadata-file."
)
@click.option(
    "--from-digestfile", type=_PATH, multiple=True, metavar="FILE", help="buildah or podman --digestfile."
)
@click.option(
    "--image", "images", multiple=True, metavar="NAME", help="What the digest file is of, in the same order."
)
@click.option(
    "--from-kaniko", type=_PATH, multiple=True, metavar="FILE", help="kaniko --image-name-with-digest-file."
)
@click.option("--from-ko", type=_PATH, multiple=True, metavar="FILE", help="ko --image-refs.")
@click.option("--from-jib", type=_PATH, multiple=True, metavar="FILE", help="jib-image.json.")
@click.option(
    "--output-dir",
    type=_PATH,
    default=Path("image_references"),
    show_default=True,
    metavar="DIR",
    help="Where the files go.",
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
    r"""Hand in the digest of an image that a build job has just pushed.

    Each image gets a file of its own in image_references/, named by the image and its digest, so jobs that
    run at the same time never overwrite each other. `imagelock lock` takes them with [build] references or
    --from. No registry is asked.

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
            f"{len(from_digestfile)} --from-digestfile and {len(images)} --image",
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
