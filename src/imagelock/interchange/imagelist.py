"""The plain list, sorted, each line once: ``name[:tag]@digest`` of the lock, or what files name.

The form that pipelines pass around and that imagelock reads wherever a lock is only read.  Of a registry's tree it
is what such a registry keeps as ``external_images.txt``: every reference as written there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange.base import Option

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.lock import Lock

name = "list"
summary = "one name[:tag]@digest per line, or the references of SOURCE, sorted and each once"
is_marked = False
options: tuple[Option, ...] = (
    Option(
        name="source",
        help="A file or directory whose references are listed as written, instead of the lock.",
        metavar="SOURCE",
        is_argument=True,
    ),
    Option(
        name="keep-order",
        help="Keep the order of a --lock-file that is a plain list, for `pin --untagged first`.",
        is_flag=True,
    ),
)


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the list."""
    sources = asked.all("source")
    if sources:
        lines = dict.fromkeys(str(reference) for reference in asked.project.references(sources))
    else:
        lines = dict.fromkeys(image.image_id for image in lock.images)
    return "".join(f"{line}\n" for line in (lines if asked.one("keep-order") else sorted(lines)))
