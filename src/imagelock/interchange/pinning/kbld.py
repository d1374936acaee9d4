"""kbld's ``Config`` with one override for each image: what ``kbld -f`` takes as its lock.

Follows kbld's documentation of lock files: ``preresolved`` keeps kbld from asking a registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.interchange import records
from imagelock.interchange.mirrors import documents
from imagelock.interchange.pinning.spellings import spellings
from imagelock.model.lock import LATEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock, LockedImage
    from imagelock.model.reference import Reference

name = "kbld"
summary = "a kbld Config that overrides every image by its digest"
is_marked = True
options: tuple[Option, ...] = ()


def export(lock: Lock, asked: ExportOptions) -> str:  # noqa: ARG001 - the protocol's signature
    """Return the configuration as YAML."""
    overrides = [
        {"image": written, "newImage": f"{image.name}@{image.digest}", "preresolved": True}
        for image in lock.images
        for written in _written(image)
    ]
    return documents([{"apiVersion": "kbld.k14s.io/v1alpha1", "kind": "Config", "overrides": overrides}])


def _written(image: LockedImage) -> Iterator[str]:
    """Yield how people write the image: kbld compares texts, and no tag means the latest one."""
    for spelled in spellings(image.name) if image.tag is not None else ():
        yield f"{spelled}:{image.tag}"
        if image.tag == LATEST:
            yield spelled


def read(text: str, where: str) -> list[Reference]:
    """Return what the overrides resolve to, each under the name that it overrides."""
    found = [
        records.replaced(
            item.get("image"),
            records.pinned(item.get("newImage"), f"{path}.newImage", where),
            f"{path}.image",
            where,
        )
        for config in records.yaml_objects(text, where)
        for path, item in records.items(config.get("overrides") or [], "overrides", where)
    ]
    if not found:
        raise UsageError("no overrides", where=where, hint="`kbld --lock-output FILE` writes them")
    return found
