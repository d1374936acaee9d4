"""A Kustomize ``Component`` whose ``images:`` set every digest, for the ``components:`` of an overlay.

Kustomize compares names as text and knows no tags there, so every usual spelling of a name is listed, and
a repository of which the lock has several digests cannot be written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.interchange import records
from imagelock.interchange.mirrors import documents
from imagelock.interchange.pinning.spellings import spellings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock
    from imagelock.model.reference import Reference

name = "kustomize"
summary = "a Kustomize Component that sets the digest of every image"
is_marked = True
options: tuple[Option, ...] = ()


def export(lock: Lock, asked: ExportOptions) -> str:  # noqa: ARG001 - the protocol's signature
    """Return the Component as YAML; raise :class:`UsageError` for a name with several digests."""
    digests: dict[str, str] = {}
    for image in lock.images:
        digest = str(image.digest)
        if digests.setdefault(image.name, digest) != digest:
            raise UsageError(
                f"the lock has several digests of {image.name}, and Kustomize can set only one",
                hint="pin the files themselves with `imagelock pin`",
            )
    images = [
        {"name": spelled, "digest": digest}
        for repository, digest in digests.items()
        for spelled in spellings(repository)
    ]
    return documents(
        [{"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "images": images}]
    )


def read(text: str, where: str) -> list[Reference]:
    """Return the images whose digest a kustomization or a Component sets, under their new names."""
    found = [
        _image(item, path, where)
        for document in records.yaml_objects(text, where)
        for path, item in records.items(document.get("images") or [], "images", where)
        if item.get("digest")
    ]
    if not found:
        raise UsageError("no images: entry has a digest", where=where)
    return found


def _image(item: Mapping[object, object], path: str, where: str) -> Reference:
    named = records.reference(item.get("newName") or item.get("name"), f"{path}.name", where)
    tag = item.get("newTag")
    tagged = named if tag is None else records.reference(f"{named}:{tag}", f"{path}.newTag", where)
    return tagged.with_digest(records.digest(item["digest"], f"{path}.digest", where))
