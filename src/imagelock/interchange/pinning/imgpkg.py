"""imgpkg's ``ImagesLock`` (``imgpkg.carvel.dev/v1alpha1``): the file ``.imgpkg/images.yml`` of a bundle.

Follows imgpkg's documentation of bundle contents.  The annotation is the one kbld writes: the reference
as people wrote it, which an import needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.interchange import records
from imagelock.interchange.mirrors import documents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock
    from imagelock.model.reference import Reference

name = "imgpkg"
summary = "imgpkg's ImagesLock, .imgpkg/images.yml of a bundle"
is_marked = True
options: tuple[Option, ...] = ()

_WRITTEN = "kbld.carvel.dev/id"


def export(lock: Lock, asked: ExportOptions) -> str:  # noqa: ARG001 - the protocol's signature
    """Return the file as YAML."""
    images = [
        {"image": f"{image.name}@{image.digest}", "annotations": {_WRITTEN: image.reference}}
        for image in lock.images
    ]
    return documents([{"apiVersion": "imgpkg.carvel.dev/v1alpha1", "kind": "ImagesLock", "images": images}])


def read(text: str, where: str) -> list[Reference]:
    """Return the images of an ``ImagesLock``, by their tag where kbld left it."""
    locks = [item for item in records.yaml_objects(text, where) if item.get("kind") == "ImagesLock"]
    if not locks:
        raise UsageError("no ImagesLock", where=where, hint="imgpkg keeps it in .imgpkg/images.yml")
    return [
        _image(item, path, where)
        for lock in locks
        for path, item in records.items(lock.get("images") or [], "images", where)
    ]


def _image(item: Mapping[object, object], path: str, where: str) -> Reference:
    image = records.pinned(item.get("image"), f"{path}.image", where)
    annotations = item.get("annotations")
    written = annotations.get(_WRITTEN) if isinstance(annotations, dict) else None
    return image if written is None else records.replaced(written, image, f"{path}.annotations", where)
